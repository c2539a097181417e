"""Every gate lets a good task through and stops one that is broken in just its way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgym_synth import registry
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.gates import Verdict, record, verify, verify_many, write_index
from mlgym_synth.gates.evidence import Evidence, GateFailed
from mlgym_synth.gates.verify import GATES

BY_NUMBER: dict[int, Callable[[Evidence], str]] = {number: gate for number, _, gate in GATES}
TABLE, PROGRAM = "task-0001", "task-0020"


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[str], Path]:
    def copy(task: str) -> Path:
        return Path(shutil.copytree(registry.find(task).folder, tmp_path / "envs" / task))

    return copy


def change(folder: Path, **fields: Any) -> None:
    """Overwrite fields of task.yaml; `a__b=x` changes field b of a."""
    spec = yaml.safe_load((folder / "task.yaml").read_text())
    for name, value in fields.items():
        *parts, last = name.split("__")
        place = spec
        for part in parts:
            place = place[part]
        place[last] = value
    (folder / "task.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True))


def gate(number: int, folder: Path) -> str:
    return BY_NUMBER[number](Evidence(load_task(folder), "bwrap"))


@pytest.mark.parametrize("task", [TABLE, PROGRAM])
def test_good_task_passes_every_gate(task: str) -> None:
    verdict = verify(load_task(registry.find(task).folder), sandbox="bwrap")
    assert [r.reason for r in verdict.results if not r.passed] == []
    assert verdict.passed
    assert sorted(r.gate for r in verdict.results) == list(range(1, 10))


def test_gate_1_wants_a_statement(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    text = (folder / "README.md").read_text()
    for broken, message in [
        ("Do it.", "words; say what"),
        (text.replace("`submission.csv`", "a file"), "does not name `submission.csv`"),
        (text.replace("`accuracy`", "how good"), "does not name `accuracy`"),
        (text.replace("maximize", "improve"), "does not say maximize"),
    ]:
        (folder / "README.md").write_text(broken)
        with pytest.raises(GateFailed, match=message):
            gate(1, folder)


def test_gate_1_finds_sealed_values_in_the_statement(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    truth = Evidence(load_task(folder)).prepared.sealed.truth
    assert truth is not None
    with (folder / "README.md").open("a") as file:
        file.write("The first digits are " + ", ".join(str(v) for v in truth[:12].tolist()))
    with pytest.raises(GateFailed, match="holds sealed values"):
        gate(1, folder)


def test_gate_1_wants_the_folder_complete(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    (folder / "workspace" / "submission.csv").write_text("id,digit\n")
    with pytest.raises(GateFailed, match="must not be there at reset"):
        gate(1, folder)
    (folder / "workspace" / "submission.csv").unlink()
    (folder / "solution" / "solution.py").unlink()
    with pytest.raises(GateFailed, match=r"solution\.py is missing"):
        gate(1, folder)


def test_gate_1_wants_every_column_described(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    change(folder, columns=[])
    with pytest.raises(GateFailed, match="no meaning is given for pixel_0_0"):
        gate(1, folder)


@pytest.mark.parametrize("task", [TABLE, PROGRAM])
def test_gate_2_wants_the_pinned_hash(copy_of: Callable[[str], Path], task: str) -> None:
    folder = copy_of(task)
    change(folder, data__sha256="0" * 64)
    with pytest.raises(GateFailed, match="sha256 is 0000"):
        gate(2, folder)


def test_gate_2_wants_a_licence(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    change(folder, licence=" ")
    with pytest.raises(GateFailed, match="licence and citation"):
        gate(2, folder)


@pytest.mark.parametrize(
    ("baseline", "tool_s", "message"),
    [
        ("raise SystemExit(3)", 60, "exit code 3"),
        ("print('score: 1.0')", 60, "wrote no submission"),
        ("import time; time.sleep(600)", 5, "exit code"),
        ("import shutil; shutil.copy('sample_submission.csv', 'submission.csv')", 60, "returns 0.0"),
    ],
)
def test_gate_3_wants_a_baseline_that_runs(
    copy_of: Callable[[str], Path], baseline: str, tool_s: int, message: str
) -> None:
    folder = copy_of(TABLE)
    change(folder, limits={"tool_s": tool_s})
    (folder / "workspace" / "baseline.py").write_text(baseline + "\n")
    with pytest.raises(GateFailed, match=message):
        gate(3, folder)


def test_gate_3_wants_what_is_recorded(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    change(folder, baseline__validation__score=0.5)
    with pytest.raises(GateFailed, match=r"recorded is 0\.5"):
        gate(3, folder)
    change(folder, baseline=None)
    with pytest.raises(GateFailed, match="mlgym-synth verify --record"):
        gate(3, folder)


def test_gate_4_knows_the_direction(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    change(folder, metric__direction="minimize")
    with pytest.raises(GateFailed, match=r"better than the baseline|wrong way round"):
        gate(4, folder)
    folder = copy_of(PROGRAM)
    change(folder, metric__direction="maximize")
    with pytest.raises(GateFailed, match="random legal program"):
        gate(4, folder)


def test_gate_4_wants_perfect_labels_at_the_optimum(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    change(folder, metric__optimum=2.0)
    with pytest.raises(GateFailed, match="perfect labels score 1"):
        gate(4, folder)


def test_gate_5_wants_a_baseline_that_learns(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    copy = "import shutil; shutil.copy('sample_submission.csv', 'submission.csv')\n"
    (folder / "workspace" / "baseline.py").write_text(copy)
    with pytest.raises(GateFailed, match="not surely better than constant"):
        gate(5, folder)
    folder = copy_of(PROGRAM)
    copy = "import shutil; shutil.copy('sample_program.py', 'packing.py')\n"
    (folder / "workspace" / "baseline.py").write_text(copy)
    with pytest.raises(GateFailed, match="not surely better than the trivial program"):
        gate(5, folder)


@pytest.mark.parametrize("task", [TABLE, PROGRAM])
def test_gate_6_wants_headroom(copy_of: Callable[[str], Path], task: str) -> None:
    folder = copy_of(task)
    shutil.copy(folder / "workspace" / "baseline.py", folder / "solution" / "solution.py")
    with pytest.raises(GateFailed, match="not surely better than the baseline"):
        gate(6, folder)


def test_gate_6_names_a_reference_that_fails(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    (folder / "solution" / "solution.py").write_text("raise ValueError('no idea')\n")
    with pytest.raises(TaskInvalid, match="no idea"):
        gate(6, folder)


def test_gate_7_wants_nothing_for_nothing(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(PROGRAM)
    (folder / "workspace" / "packing.py").write_text("def pack(sizes, capacity):\n    return list(range(len(sizes)))\n")
    with pytest.raises(GateFailed, match="doing nothing returned"):
        gate(7, folder)


def test_gate_8_stops_a_task_that_a_look_up_beats(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of(TABLE)
    change(folder, baseline__test={"score": 0.01, "spread": 0.001})
    with pytest.raises(GateFailed, match=r"look-up in train|lingering"):
        gate(8, folder)


def test_gate_9_finds_the_column_that_gives_the_target_away(copy_of: Callable[[str], Path]) -> None:
    folder = copy_of("task-0014")
    spec = yaml.safe_load((folder / "task.yaml").read_text())
    change(folder, data__features=[*spec["data"]["features"], "sub_grade"], data__sha256=None)
    with pytest.raises(GateFailed, match="column 'sub_grade' alone explains"):
        gate(9, folder)


def test_verdicts_are_kept_until_the_task_changes(
    copy_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(TABLE)
    (folder / "README.md").write_text("Too short.")
    said: list[Verdict] = []
    for _ in range(2):
        verify_many([load_task(folder)], workers=1, sandbox="bwrap", on_result=said.append)
    assert said[0] == said[1], "seconds and all: the second time came from the cache"
    assert not said[0].passed
    (folder / "README.md").write_text("Still too short.")
    again = verify_many([load_task(folder)], workers=1, sandbox="bwrap")
    assert again[0].sha256 != said[0].sha256


def test_record_measures_and_the_index_lists(copy_of: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copy_of(PROGRAM)
    known = load_task(folder).spec
    change(folder, baseline=None, reference=None, data__sha256=None)
    made: TaskFolder = record(load_task(folder), sandbox="bwrap")
    assert made.spec.data.sha256 == known.data.sha256
    assert made.spec.baseline is not None
    assert known.baseline is not None
    assert made.spec.baseline.test.score == pytest.approx(known.baseline.test.score)
    write_index(tmp_path, {PROGRAM: True})
    (entry,) = registry.read_index(tmp_path)
    assert (entry.id, entry.verified, entry.sha256) == (PROGRAM, True, made.sha256)
    change(folder, title="Another title")
    write_index(tmp_path)
    (entry,) = registry.read_index(tmp_path)
    assert not entry.verified, "what changed is no longer verified"
