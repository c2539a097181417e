"""The brief teacher: it knows every form of task, says why, and betters the baseline."""

from __future__ import annotations

import re

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.agents.brief import filled, programs
from mlgym_synth.agents.goal import read_goal
from mlgym_synth.briefing import compose
from mlgym_synth.env import SynthEnv
from mlgym_synth.folder import load_task
from mlgym_synth.rollouts.episode import play


def test_most_tasks_get_a_program_and_it_has_no_holes() -> None:
    without = []
    for entry in registry.select():
        folder = load_task(entry.folder)
        arrays = re.findall(r"`(\w+_(?:train|test)\.npy)`", folder.statement)
        data = re.findall(r"`(train\.csv|table\.csv|measurements\.csv|train\.txt)`", folder.statement)
        goal = read_goal(compose(folder, [*folder.workspace, *arrays, *data], folder.spec.limits, 50))
        names = programs(goal)
        if not names:
            without.append(entry.id)
        for name in names:
            text = filled(name, goal)
            assert not re.search(r"\b(TARGET|PREDICT|ARRAY|PROGRAM|GROUPS|LETTERS)\b", text), (entry.id, name)
            assert 'target = ""' not in text, (entry.id, name)
            compile(text, name, "exec")
    assert len(without) < len(registry.select()) / 10, without


@pytest.mark.parametrize("task", ["task-0275", "task-0733", "task-0787"])
def test_the_teacher_says_why_and_betters_the_baseline(task: str) -> None:
    env = SynthEnv(registry.find(task).folder, sandbox="bwrap")
    try:
        played = play(env, load_agent("scripted:brief"), seed=0)
    finally:
        env.close()
    assert played.status == "submitted"
    assert played.progress is not None
    assert played.progress > 0.3
    assert all(step.said.thought for step in played.steps)


def test_the_control_hands_in_the_baseline_in_the_same_words() -> None:
    agent, observation = load_agent("scripted:brief-baseline"), "[step 1 of 6]"
    agent.start("", [], 0)
    assert agent.act("")["arguments"] == {"command": "python baseline.py"}
    assert agent.act(observation)["tool"] == "submit"
    assert agent.name != load_agent("scripted:brief").name
