"""One episode from reset to its end, whoever plays it, and whose failure it is when it is cut short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import Action, ScriptedAgent, load_agent
from mlgym_synth.agents.scripted import Script, bash, tool
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import BudgetExhausted, LLMError
from mlgym_synth.rollouts.episode import play
from mlgym_synth.trajectories import Step, Usage

TASK = "task-0018"  # a program task: its baseline takes no time


@pytest.fixture
def env() -> Iterator[SynthEnv]:
    env = SynthEnv(registry.find(TASK).folder, sandbox="bwrap", max_steps=4)
    yield env
    env.close()


def test_the_baseline_is_worth_half(env: SynthEnv) -> None:
    trajectory = play(env, load_agent("scripted:baseline"), seed=0)
    assert (trajectory.task_id, trajectory.agent, trajectory.seed) == (TASK, "scripted:baseline", 0)
    assert (trajectory.exit_status, trajectory.fault, trajectory.error) == ("submitted", None, None)
    assert trajectory.total_reward == pytest.approx(0.5, abs=0.05)
    assert len(trajectory.steps) == trajectory.usage.calls == 2
    assert "loading.py" in trajectory.statement


def test_doing_nothing_ends_with_the_budget_and_is_worth_nothing(env: SynthEnv) -> None:
    trajectory = play(env, load_agent("scripted:nop"), seed=0)
    assert trajectory.exit_status == "no_submission"
    assert trajectory.total_reward == 0
    assert len(trajectory.steps) == 4


def test_every_step_is_told_as_it_happens(env: SynthEnv) -> None:
    told: list[Step] = []
    trajectory = play(env, load_agent("scripted:baseline"), seed=0, on_step=told.append)
    assert told == trajectory.steps
    assert told[0].action == bash("python baseline.py")
    assert trajectory.exit_status == "submitted"
    assert "Handed in" in told[-1].observation


def test_an_agent_may_return_anything(env: SynthEnv) -> None:
    def confused(statement: str, seed: int) -> Script:
        yield "submit!"
        yield bash("python baseline.py")
        yield tool("submit")

    trajectory = play(env, ScriptedAgent("confused", confused), seed=0)
    assert "was not run" in trajectory.steps[0].observation
    assert trajectory.exit_status == "submitted"


class Failing(ScriptedAgent):
    """Fails at its second action, or at the start."""

    def __init__(self, error: Exception, at_start: bool = False) -> None:
        super().__init__("failing", one_step)
        self.error = error
        self.at_start = at_start

    def start(self, statement: str, tools: list[dict[str, Any]], seed: int) -> None:
        if self.at_start:
            raise self.error
        super().start(statement, tools, seed)

    def act(self, observation: str) -> Action:
        if self.usage.calls == 1:
            raise self.error
        return super().act(observation)


def one_step(statement: str, seed: int) -> Script:
    yield bash("true")


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (KeyError("plan"), "agent"),
        (LLMError("the endpoint is gone"), "model"),
        (BudgetExhausted("the budget is spent"), "model"),
    ],
)
@pytest.mark.parametrize("at_start", [True, False])
def test_a_failing_agent_is_data(env: SynthEnv, error: Exception, fault: str, at_start: bool) -> None:
    trajectory = play(env, Failing(error, at_start), seed=0)
    assert trajectory.fault == fault
    assert trajectory.error is not None
    assert type(error).__name__ in trajectory.error
    assert trajectory.exit_status is None
    assert len(trajectory.steps) == (0 if at_start else 1)


def test_an_agent_that_was_not_begun_has_used_nothing(env: SynthEnv) -> None:
    """Else what it used in the episode before would be counted again."""
    agent = load_agent("scripted:baseline")
    assert play(env, agent, seed=0).usage.calls == 2
    nowhere = SynthEnv(registry.find(TASK).folder, sandbox="no such backend")
    assert play(nowhere, agent, seed=1).usage == Usage()


def test_a_sandbox_that_cannot_be_had_is_nobodys_failure() -> None:
    env = SynthEnv(registry.find(TASK).folder, sandbox="no such backend")
    trajectory = play(env, load_agent("scripted:baseline"), seed=0)
    assert trajectory.fault == "infrastructure"
    assert trajectory.error is not None
    assert "SandboxUnavailable" in trajectory.error
    assert trajectory.steps == []
