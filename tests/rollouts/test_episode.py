"""One episode from reset to its end, whoever plays it, and whose failure it is when it is cut short."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlgym_synth import registry
from mlgym_synth.agents import Action, ScriptedAgent, load_agent
from mlgym_synth.agents.scripted import Script, bash, tool
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import BudgetExhausted, LLMError
from mlgym_synth.rollouts.episode import play
from mlgym_synth.trajectories import Said, Step, Usage
from mlgym_synth.trajectories.store import TrajectoryStore, read_trajectories

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


def test_actions_are_kept_as_they_were_played(env: SynthEnv) -> None:
    class Reuse(ScriptedAgent):
        """Has one object for all its actions."""

        action: dict[str, Any] = {}  # noqa: RUF012

        def act(self, observation: str) -> Action:
            self.action.update(super().act(observation))
            return self.action

    def script(statement: str, seed: int) -> Script:
        yield bash("echo one")
        yield bash("python baseline.py")
        yield tool("submit")

    trajectory = play(env, Reuse("reuse", script), seed=0)
    assert [step.action["tool"] for step in trajectory.steps] == ["bash", "bash", "submit"]
    assert [step.action["arguments"].get("command") for step in trajectory.steps] == [
        "echo one",
        "python baseline.py",
        None,
    ]


@pytest.mark.parametrize("what", ["deep", "locked", "endless"])
def test_an_action_of_any_kind_is_stored(env: SynthEnv, what: str, tmp_path: Path) -> None:
    deep: Any = "bottom"
    for _ in range(600):
        deep = [deep]
    endless: dict[str, Any] = {"tool": "bash"}
    endless["arguments"] = endless
    odd = {"deep": {"tool": "bash", "arguments": {"command": deep}}, "locked": threading.Lock(), "endless": endless}

    def script(statement: str, seed: int) -> Script:
        yield odd[what]
        yield tool("submit")

    trajectory = play(env, ScriptedAgent("odd", script), seed=0)
    with TrajectoryStore(tmp_path, {}) as store:
        assert store.put(trajectory)
    (again,) = read_trajectories(tmp_path)
    assert again.steps == trajectory.steps


def test_a_validation_that_is_the_last_step_is_no_validation_beside_the_hand_in(env: SynthEnv) -> None:
    def late(statement: str, seed: int) -> Script:
        yield bash("python baseline.py")
        yield tool("validate")
        yield bash("true")
        yield tool("validate")

    trajectory = play(env, ScriptedAgent("late", late), seed=0)
    assert trajectory.exit_status == "auto_submitted"
    assert trajectory.steps[3].score == trajectory.test_score
    assert trajectory.validations == [(2, trajectory.steps[1].score)]


class Talking(ScriptedAgent):
    """Says what it is told to, as an agent with a model of its own does."""

    def __init__(self, said: Said, usage: Usage) -> None:
        super().__init__("talking", one_step)
        self.said, self._used = said, usage

    @property
    def usage(self) -> Usage:
        return self._used


def test_numbers_of_other_libraries_are_stored_as_plain_ones(env: SynthEnv, tmp_path: Path) -> None:
    said = Said(token_ids=list(np.arange(3)), logprobs=[np.float32(-0.5), 0, torch.tensor(-1.0)])  # type: ignore[list-item]
    usage = Usage(np.int64(2), np.int32(7), 0, np.float64(0.5))  # type: ignore[arg-type]
    played = play(env, Talking(said, usage), seed=0)
    with TrajectoryStore(tmp_path) as store:
        store.put(played)
    (stored,) = read_trajectories(tmp_path)
    assert (stored.fault, stored.usage) == (None, Usage(2, 7, 0, 0.5))
    assert stored.steps[0].said == Said(token_ids=[0, 1, 2], logprobs=[-0.5, 0.0, -1.0])


@pytest.mark.parametrize(
    ("said", "usage", "told"),
    [
        (Said(token_ids=[2**70]), Usage(), "said.token_ids holds a number of 71 bits"),
        (Said(token_ids=[1.5]), Usage(), "TypeError"),  # type: ignore[list-item]
        (Said(thought=3), Usage(), "said.thought is int, no text"),  # type: ignore[arg-type]
        (Said(), Usage(10**400), "usage.calls holds a number of"),
        (Said(), Usage(cost_usd="free"), "ValueError"),  # type: ignore[arg-type]
        (Said(), Usage(cost_usd=math.nan), "finite, and not below 0"),
        (Said(), Usage(cost_usd=math.inf), "finite, and not below 0"),
        (Said(), Usage(-1), "finite, and not below 0"),
    ],
)
def test_what_no_store_holds_is_the_agents_failure(env: SynthEnv, said: Said, usage: Usage, told: str) -> None:
    trajectory = play(env, Talking(said, usage), seed=0)
    assert trajectory.fault == "agent"
    assert told in str(trajectory.error)


class Failing(ScriptedAgent):
    """Fails at its second action, or at the start."""

    def __init__(self, error: BaseException, at_start: bool = False) -> None:
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
        (SystemExit(2), "agent"),
        (asyncio.CancelledError(), "agent"),
        (LLMError("the endpoint is gone"), "model"),
        (BudgetExhausted("the budget is spent"), "model"),
    ],
)
@pytest.mark.parametrize("at_start", [True, False])
def test_a_failing_agent_is_data(env: SynthEnv, error: BaseException, fault: str, at_start: bool) -> None:
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
