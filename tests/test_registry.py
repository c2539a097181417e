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
from mlgym_synth.errors import TaskInvalid, TaskNotFound

ENTRY = registry.find("task-0001")


@pytest.mark.parametrize("name", ["task-0001", "synth/task-0001", "mlgym_synth:synth/task-0001"])
def test_every_form_of_an_id_finds_the_task(name: str) -> None:
    assert registry.find(name) == ENTRY


def test_unknown_id_suggests_what_is_near() -> None:
    with pytest.raises(TaskNotFound, match=r"'synth/task-001' .*Did you mean .*synth/task-0001"):
        mlgym_synth.make("synth/task-001")


def test_gym_make_suggests_too() -> None:
    with pytest.raises(gym.error.NameNotFound, match=r"exist in namespace synth\. Did you mean"):
        gym.make("synth/task-001")


def test_ids_have_no_holes_and_splits_share_no_data() -> None:
    entries = registry.select()
    assert [e.id for e in entries] == [f"task-{n:04d}" for n in range(1, len(entries) + 1)]
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
    with pytest.raises(TaskInvalid, match="is taken by"):
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


def test_import_loads_nothing_heavy() -> None:
    heavy = ("pydantic", "docker", "pandas", "openai", "huggingface_hub", "yaml", "rich", "sklearn")
    code = f"import sys, mlgym_synth; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_tools_and_make_vec_come_on_demand() -> None:
    code = "import mlgym_synth as m; print(len(m.tools.openai_schemas()), callable(m.make_vec))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["7", "True"]
