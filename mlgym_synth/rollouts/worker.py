"""One job, played: what a slot of any engine does. Infrastructure that fails is tried again, at most twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from mlgym_synth import registry
from mlgym_synth.agents import Agent, close_agent, load_agent
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.episode import play
from mlgym_synth.rollouts.plan import Job, PlaySettings
from mlgym_synth.trajectories.model import Step, Trajectory, Usage

RETRIES = 2
PAUSE_S = 1.0
"""Before the first retry; doubles."""


class Slot:
    """Plays jobs one after the other, with one agent.

    Args:
        settings: of the run.
        starting: held while a sandbox starts.
        on_env: told of every env before it is used and, with None, after.
        on_step: called after every step; what it raises ends the episode.
    """

    def __init__(
        self,
        settings: PlaySettings,
        *,
        starting: contextlib.AbstractContextManager[Any] | None = None,
        on_env: Callable[[SynthEnv | None], None] = lambda env: None,
        on_step: Callable[[Step], None] | None = None,
    ) -> None:
        self._settings = settings
        self._starting, self._on_env, self._on_step = starting, on_env, on_step
        self._agent: Agent | None = None

    def play(self, job: Job) -> Trajectory:
        """Play a job to its end; whatever goes wrong is data in the trajectory."""
        used = Usage()
        for attempt in range(RETRIES + 1):
            trajectory = self._try(job)
            used += trajectory.usage
            if trajectory.fault != "infrastructure":
                break
            if attempt < RETRIES:
                time.sleep(PAUSE_S * 2**attempt)
        trajectory.usage = used  # an attempt that was cut short was paid all the same
        trajectory.index, trajectory.split, trajectory.dataset = job.index, job.split, job.dataset
        return trajectory

    def close(self) -> None:
        """Close the agent, from any thread: a model call that is under way is called off."""
        if self._agent is not None:
            close_agent(self._agent)

    def _try(self, job: Job) -> Trajectory:
        settings, used = self._settings, Usage()
        try:
            if self._agent is None:
                self._agent = load_agent(settings.agent, settings.model)
            env = SynthEnv(
                registry.find(job.task_id).address,
                sandbox=settings.sandbox,
                max_steps=settings.max_steps,
                limits=settings.limits or None,
            )
            self._on_env(env)
            try:
                trajectory = play(env, self._agent, job.seed, self._on_step, starting=self._starting)
                used = trajectory.usage
            finally:
                env.close()
                self._on_env(None)
        except Exception as error:  # a fault of ours: no reason to lose the other episodes, none to hide it either
            trajectory = Trajectory(job.task_id, settings.agent, job.seed, started_at=time.time(), usage=used)
            trajectory.fault, trajectory.error = "infrastructure", f"{type(error).__name__}: {error}"
        trajectory.task_id = job.task_id
        return trajectory
