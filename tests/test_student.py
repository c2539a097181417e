"""The experiment with a student: its teacher knows every form of task, and exports are cut to some tasks."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.agents.goal import read_goal
from mlgym_synth.briefing import compose
from mlgym_synth.env import SynthEnv
from mlgym_synth.folder import load_task
from mlgym_synth.rollouts.episode import play

STUDENT = Path(__file__).parents[1] / "benchmarks" / "student"


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(STUDENT))
    return importlib.import_module("brief")


def test_most_tasks_get_a_program_and_it_has_no_holes(brief: ModuleType) -> None:
    without = []
    for entry in registry.select():
        folder = load_task(entry.folder)
        arrays = re.findall(r"`(\w+_(?:train|test)\.npy)`", folder.statement)
        data = re.findall(r"`(train\.csv|table\.csv|measurements\.csv|train\.txt)`", folder.statement)
        goal = read_goal(compose(folder, [*folder.workspace, *arrays, *data], folder.spec.limits, 50))
        names = brief.programs(goal)
        if not names:
            without.append(entry.id)
        for name in names:
            text = brief.filled(name, goal)
            assert not re.search(r"\b(TARGET|PREDICT|ARRAY|PROGRAM|GROUPS|LETTERS)\b", text), (entry.id, name)
            assert 'target = ""' not in text, (entry.id, name)
            compile(text, name, "exec")
    assert len(without) < len(registry.select()) / 10, without


@pytest.mark.parametrize("task", ["task-0275", "task-0733", "task-0787"])
def test_the_teacher_says_why_and_betters_the_baseline(task: str, brief: ModuleType) -> None:
    env = SynthEnv(registry.find(task).folder, sandbox="bwrap")
    try:
        played = play(env, load_agent("brief:make"), seed=0)
    finally:
        env.close()
    assert played.status == "submitted"
    assert played.progress is not None
    assert played.progress > 0.3
    assert all(step.said.thought for step in played.steps)


def test_the_control_hands_in_the_baseline_in_the_same_words(brief: ModuleType) -> None:
    agent, observation = load_agent("brief:make_baseline"), "[step 1 of 6]"
    agent.start("", [], 0)
    assert agent.act("")["arguments"] == {"command": "python baseline.py"}
    assert agent.act(observation)["tool"] == "submit"
    assert agent.name != load_agent("brief:make").name


def test_only_some_tasks_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(STUDENT))
    figures = importlib.import_module("figures")
    ours = tmp_path / "a.jsonl"
    ours.write_text("".join(f'{{"task_id": "{task}"}}\n' for task in "cbab"))
    figures.keep_tasks(ours, {"b", "c"})
    assert figures.count_lines(ours) == 3
    assert figures.tasks_of(ours) == ["b", "c"]


def teardown_module() -> None:
    for name in ("brief", "figures"):
        sys.modules.pop(name, None)
