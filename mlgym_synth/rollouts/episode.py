"""The loop that plays one episode, for every agent there is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym

import mlgym_synth
from mlgym_synth.agents.base import Action, Agent, fingerprint_of, said_by, usage_of, where
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import BudgetExhausted, LLMError, MlgymSynthError
from mlgym_synth.tools import openai_schemas
from mlgym_synth.trajectories.model import Step, Trajectory, plain


def play(
    env: gym.Env[str, Action],
    agent: Agent,
    seed: int,
    on_step: Callable[[Step], None] | None = None,
    *,
    starting: contextlib.AbstractContextManager[Any] | None = None,
) -> Trajectory:
    """Play one episode to its end. A failure on the way is data in the trajectory, never an exception.

    Args:
        env: any env of this package; it stays open.
        agent: started anew.
        seed: of the episode and of the agent.
        on_step: called after every step.
        starting: held while the sandbox starts; engines bound with it how many start at once.
    """
    trajectory = Trajectory("", agent.name, seed, agent_sha256=fingerprint_of(agent), version=mlgym_synth.__version__)
    trajectory.started_at, began = time.time(), time.monotonic()
    started = False  # till then, what the agent has used is of its last episode
    try:
        with starting or contextlib.nullcontext():
            observation, info = env.reset(seed=seed)
        _describe(trajectory, env, observation, info)
        with _of_the_agent():
            agent.start(observation, openai_schemas(), seed)
        started = True
        while trajectory.exit_status is None:
            step, info = _take(env, agent, observation)
            trajectory.steps.append(step)
            observation = step.observation
            _conclude(trajectory, info)
            if on_step is not None:
                on_step(step)
    except _AgentFailed as failure:
        trajectory.fault = "model" if isinstance(failure.__cause__, LLMError | BudgetExhausted) else "agent"
        trajectory.error = str(failure)
    except _EnvFailed as failure:
        trajectory.fault, trajectory.error = "infrastructure", str(failure)
    except MlgymSynthError as error:
        trajectory.fault, trajectory.error = "infrastructure", f"{type(error).__name__}: {error}"
    trajectory.seconds = round(time.monotonic() - began, 3)
    with contextlib.suppress(Exception):  # of the agent's own code: what it cannot tell is left out
        trajectory.system = str(getattr(agent, "system", ""))
    if started:
        with contextlib.suppress(Exception):
            trajectory.usage = usage_of(agent)
    return trajectory


def _take(env: gym.Env[str, Action], agent: Agent, observation: str) -> tuple[Step, dict[str, Any]]:
    """One step: the agent chooses, the env answers."""
    with _of_the_agent():
        before, began = usage_of(agent), time.monotonic()
        action = agent.act(observation)
        latency_s = time.monotonic() - began
        kept = plain(action)  # now: an agent may use the same object for its next one
        used, said = usage_of(agent) - before, said_by(agent)
    observation, reward, info = _answer(env, action)
    step = Step(
        action=kept,
        observation=observation,
        reward=reward,
        tool=info["tool"],
        exit_code=info["exit_code"],
        elapsed_s=round(info["elapsed_s"], 4),
        latency_s=round(latency_s, 4),
        score=info["score"],
        test_score=info["test_score"],
        usage=used,
        said=said,
    )
    return step, info


def _answer(env: gym.Env[str, Action], action: Action) -> tuple[str, float, dict[str, Any]]:
    try:
        observation, reward, _, _, info = env.step(action)
    except MlgymSynthError:
        raise
    except Exception as error:
        raise _EnvFailed(f"{type(error).__name__}: {error}") from error
    return observation, float(reward), info


def _describe(trajectory: Trajectory, env: gym.Env[str, Action], statement: str, info: dict[str, Any]) -> None:
    """Whose episode it is, as far as `reset` tells."""
    trajectory.task_id, trajectory.statement, trajectory.sandbox = info["task_id"], statement, info["sandbox"]
    trajectory.max_steps = info["steps_left"]
    if isinstance(base := env.unwrapped, SynthEnv):
        spec = base.folder.spec
        trajectory.task_sha256, trajectory.family = base.folder.sha256, spec.family
        trajectory.metric, trajectory.direction = spec.metric.name, spec.metric.direction
        trajectory.baseline_score = spec.baseline.test.score if spec.baseline else None
        trajectory.reference_score = spec.reference.test.score if spec.reference else None


def _conclude(trajectory: Trajectory, info: dict[str, Any]) -> None:
    """How it ended, once it has."""
    trajectory.exit_status, trajectory.cause = info["exit_status"], info["cause"]
    if trajectory.exit_status is not None:
        trajectory.test_score, trajectory.progress = info["test_score"], info["progress"]


class _AgentFailed(Exception):
    """The agent's own code raised; kept apart from what the env raises."""


class _EnvFailed(Exception):
    """A step raised what it never should: the episode ends as others do, so that what the agent has used counts."""


@contextlib.contextmanager
def _of_the_agent() -> Iterator[None]:
    """Whatever is raised within is the agent's failure; a library that calls `sys.exit` ends no thread of an engine."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _AgentFailed(f"{type(error).__name__}: {error}{where(error)}") from error
