"""The loop that plays one episode, for every agent there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium as gym

from mlgym_synth.agents.base import Action, Agent, Usage
from mlgym_synth.errors import LLMError, MlgymSynthError
from mlgym_synth.tools import openai_schemas

Fault = Literal["agent", "model", "infrastructure"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One step: what was done, what came back."""

    action: Action
    observation: str
    reward: float
    info: dict[str, Any]


@dataclass(slots=True)
class Trajectory:
    """One episode.

    Attributes:
        exit_status: the env's, or None where the episode was cut short by `fault`.
        fault: whose failure cut it short, None if nobody's; only `agent` may count against the agent.
        error: the failure in words.
    """

    task_id: str
    agent: str
    seed: int
    statement: str = ""
    turns: list[Turn] = field(default_factory=list)
    exit_status: str | None = None
    fault: Fault | None = None
    error: str | None = None
    usage: Usage = field(default_factory=Usage)

    @property
    def total_reward(self) -> float:
        """The undiscounted return."""
        return sum(turn.reward for turn in self.turns)


def play(
    env: gym.Env[str, Action], agent: Agent, seed: int, on_turn: Callable[[Turn], None] | None = None
) -> Trajectory:
    """Play one episode to its end. A failure on the way is data in the trajectory, never an exception.

    Args:
        env: any env of this package; it stays open.
        agent: started anew.
        seed: of the episode and of the agent.
        on_turn: called after every step.
    """
    trajectory = Trajectory(task_id="", agent=agent.name, seed=seed)
    try:
        observation, info = env.reset(seed=seed)
        trajectory.task_id, trajectory.statement = info["task_id"], observation
        _begin(agent, observation, seed)
        while trajectory.exit_status is None:
            action = _choose(agent, observation)
            observation, reward, _, _, info = env.step(action)
            turn = Turn(action, observation, float(reward), info)
            trajectory.turns.append(turn)
            trajectory.exit_status = info["exit_status"]
            if on_turn is not None:
                on_turn(turn)
    except _AgentFailed as failure:
        trajectory.fault = "model" if isinstance(failure.__cause__, LLMError) else "agent"
        trajectory.error = str(failure)
    except MlgymSynthError as error:
        trajectory.fault, trajectory.error = "infrastructure", f"{type(error).__name__}: {error}"
    trajectory.usage = agent.usage
    return trajectory


class _AgentFailed(Exception):
    """The agent's own code raised; kept apart from what the env raises."""


def _begin(agent: Agent, statement: str, seed: int) -> None:
    try:
        agent.start(statement, openai_schemas(), seed)
    except Exception as error:
        raise _AgentFailed(f"{type(error).__name__}: {error}") from error


def _choose(agent: Agent, observation: str) -> Action:
    try:
        return agent.act(observation)
    except Exception as error:
        raise _AgentFailed(f"{type(error).__name__}: {error}") from error
