"""Tasks with an evaluator of their own: scored in a grader sandbox; what is wrong with it is never an agent's fault."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth.errors import GradingError, TaskInvalid
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.grading.judges import Judge, open_judge
from mlgym_synth.limits import Limits
from mlgym_synth.registry import find
from mlgym_synth.sandbox.bwrap import BwrapSandbox
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.examine import examine
from mlgym_synth.task import Metric

TASK = find("task-0002").folder


def draft_of(code: str) -> Draft:
    """A shipped task on numbers, scored by an evaluator instead of by its metric."""
    task = load_task(TASK)
    metric = Metric(name="custom", direction="maximize", optimum=1.0)
    spec = task.spec.model_copy(update={"id": "draft", "metric": metric, "limits": Limits(tool_s=60)})
    said = re.sub(r"`r2`|`rmse`|`mae`|`rmsle`", "`custom`", task.statement).replace("minimize", "maximize")
    workspace, solution = (
        {name: data.decode() for name, data in part.items()} for part in (task.workspace, task.solution)
    )
    return Draft(spec, said, workspace, solution, {"evaluate.py": code} if code else {})


def judge_of(tmp_path: Path, code: str) -> tuple[Judge, list[str]]:
    folder: TaskFolder = draft_of(code).write(tmp_path / "own-0001")
    judge, files = open_judge(folder, 0, lambda: BwrapSandbox(Limits()))
    return judge, [line.split(",")[0] for line in files["test.csv"].decode().splitlines()[1:]]


def submission(judge: Any, ids: list[str], value: float) -> bytes:
    column = judge.spec.submission.columns[0].name
    return "\n".join([f"id,{column}", *(f"{name},{value}" for name in ids)]).encode()


def test_the_evaluator_scores_what_was_parsed(tmp_path: Path) -> None:
    judge, ids = judge_of(tmp_path, "def evaluate(truth, prediction):\n    return sum(prediction) / len(truth)\n")
    grade = judge.grade(submission(judge, ids, 7.5))
    assert [grade.validation, grade.test] == pytest.approx([7.5, 7.5])


def test_one_call_cannot_change_the_next(tmp_path: Path) -> None:
    code = "calls = []\ndef evaluate(truth, prediction):\n    calls.append(1)\n    return len(calls)\n"
    judge, ids = judge_of(tmp_path, code)
    assert [judge.grade(submission(judge, ids, 1.0)).test for _ in range(2)] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def evaluate(truth, prediction):\n    return float('nan')\n", "no finite number"),
        ("def evaluate(truth, prediction):\n    return 'splendid'\n", "no finite number"),
        ("def evaluate(truth, prediction):\n    return True\n", "no finite number"),
        ("def evaluate(truth, prediction):\n    raise ValueError(truth)\n", "no finite number"),
        ("import os\ndef evaluate(truth, prediction):\n    os._exit(0)\n", "ended before it answered"),
        ("print('{\"value\": 1}')\n", "importing it failed"),
        ("import socket\nsocket.create_connection(('1.1.1.1', 80), 1)\n", "importing it failed"),
    ],
)
def test_an_evaluator_that_fails_is_the_graders_fault(tmp_path: Path, code: str, reason: str) -> None:
    judge, ids = judge_of(tmp_path, code)
    with pytest.raises(GradingError, match=reason):
        judge.grade(submission(judge, ids, 1.0))


def test_a_metric_of_ones_own_needs_its_evaluator_and_its_optimum(tmp_path: Path) -> None:
    with pytest.raises(TaskInvalid, match=r"grader/evaluate\.py must be there"):
        judge_of(tmp_path, "")
    file = draft_of("evaluate = len").write(tmp_path / "own-0002").path / "task.yaml"
    file.write_text(re.sub(r"  optimum: .*\n", "", file.read_text()))
    with pytest.raises(TaskInvalid, match="what perfect predictions score"):
        load_task(file.parent)


@pytest.mark.parametrize("code", ["return 1.0", "import random; return random.random()"])
def test_an_evaluator_that_says_nothing_is_rejected(tmp_path: Path, code: str) -> None:
    draft = draft_of(f"def evaluate(truth, prediction):\n    {code}\n")
    found = examine(draft.dumps(), str(tmp_path / "own-0001"), "bwrap")
    assert not found.passed
    assert found.files == {}


def test_a_task_with_an_evaluator_of_its_own_passes_all_gates(tmp_path: Path) -> None:
    code = "def evaluate(truth, prediction):\n    missed = sum(abs(t - p) for t, p in zip(truth, prediction))\n"
    code += "    return 1 - missed / sum(truth)\n"
    found = examine(draft_of(code).dumps(), str(tmp_path / "own-0001"), "bwrap")
    assert found.stage == "passed", found.reason
    assert "grader/evaluate.py" in found.files
