"""Recipes for programs: the searches that go below a baseline's program are legal and better than it."""

from __future__ import annotations

import json
import random
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth import briefing, registry
from mlgym_synth.agents.goal import Goal, read_goal
from mlgym_synth.agents.plans import Idea
from mlgym_synth.agents.programs import program_ideas, program_kind
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.grading.programs import prepare, referee_of

TASKS = {  # one of every sort of problem
    "task-0840": ("trips", "STREETS = True"),
    "task-0830": ("trips", "CLIMB = 4.0"),
    "task-0831": ("trips", "WAITING = True"),
    "task-0828": ("trips", "CLOSED = False"),
    "task-0814": ("jobs", "COST = 'tardy'"),
    "task-0823": ("jobs", "COST = 'both'"),
    "task-0832": ("jobs", "COST = 'late'"),
    "task-0838": ("jobs", "COST = 'ends'"),
    "task-0749": ("clauses", "RULE = 'any'"),
    "task-0756": ("clauses", "RULE = 'one'"),
    "task-0764": ("clauses", "RULE = 'mixed'"),
    "task-0818": ("channels", "APART = 1"),
    "task-0812": ("channels", "APART = 2"),
    "task-0825": ("halves", "PAIRED = True"),
    "task-0819": ("signed", "PAIRED = False"),
    "task-0820": ("apart", "COVER = False"),
    "task-0834": ("apart", "COVER = True"),
}


def goal_of(folder: TaskFolder) -> Goal:
    names = ["baseline.py", *folder.workspace]
    return read_goal(briefing.compose(folder, names, folder.spec.limits, folder.spec.max_steps))


def score(folder: TaskFolder, program: str, instance: Any) -> float:
    """What a program's function scores on an instance, as the referee says; answers go through JSON, as they do."""
    space: dict[str, Any] = {"__name__": "program"}
    exec(compile(program, "program", "exec"), space)
    function: Callable[..., Any] = space[goal_of(folder).function]
    game = referee_of(folder.spec).play(instance)
    answer: Any = None
    try:
        while True:
            call = next(game) if answer is None else game.send(answer)
            answer = json.loads(json.dumps(function(*json.loads(json.dumps(call)))))
    except StopIteration as end:
        return float(end.value)


@pytest.mark.parametrize("task", TASKS)
def test_a_search_betters_what_the_baseline_answers(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load_task(registry.find(task).folder)
    goal, (kind, told) = goal_of(folder), TASKS[task]
    assert program_kind(goal) == kind
    (tmp_path / "baseline.py").write_bytes(folder.workspace["baseline.py"])
    monkeypatch.chdir(tmp_path)
    runpy.run_path("baseline.py")
    baseline = (tmp_path / goal.submission).read_text()
    hidden = prepare(folder.spec).sealed.instances
    assert hidden is not None
    instances = hidden["validation"][:2]
    before = sum(score(folder, baseline, instance) for instance in instances)
    ideas = program_ideas(goal, kind, "", random.Random(0))
    assert [idea.name for idea in ideas] == ["descent", "annealing"]
    assert f"\n{told}" in ideas[0].files["search.py"]
    after = [sum(score(folder, f"{baseline}\n{search(idea)}", i) for i in instances) for idea in ideas]
    gains = [(value - before) * (1 if goal.maximize else -1) for value in after]
    assert min(gains) >= 0
    assert max(gains) > 0


def search(idea: Idea) -> str:
    """The text, with the time limit that a busy machine would reach out of the way."""
    return idea.files["search.py"].replace("SECONDS = 0.6", "SECONDS = 60.0")


def test_a_law_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "## Submission\nWrite `law.py`, a Python module with the function `predict(rows) -> list[float]`."
    goal = read_goal(f"What is the law?\n\n## Workspace\nholds: `measurements.csv`.\n\n{text}")
    assert program_kind(goal) == "laws"
    rng = random.Random(1)
    rows = [(rng.uniform(1, 9), rng.uniform(1, 9)) for _ in range(100)]
    lines = ["a,b,c", *(f"{a},{b},{3 * a**2 / b * rng.uniform(0.99, 1.01)}" for a, b in rows)]
    (tmp_path / "measurements.csv").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    idea = next(idea for idea in program_ideas(goal, "laws", "", random.Random(0)) if idea.name == "powers")
    (tmp_path / "laws.py").write_text(idea.files["laws.py"])
    monkeypatch.setattr("sys.argv", ["laws.py", "powers"])
    runpy.run_path("laws.py", run_name="__main__")
    space: dict[str, Any] = {}
    exec((tmp_path / "law.py").read_text(), space)
    inside, outside, nowhere = space["predict"]([[4.0, 2.0], [30.0, 0.5], [0.0, 0.0]])
    assert inside == pytest.approx(24, rel=0.03)
    assert outside == pytest.approx(5400, rel=0.1)
    assert isinstance(nowhere, float)
