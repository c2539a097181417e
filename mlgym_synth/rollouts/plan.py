"""What a run consists of: tasks, episodes of each, their seeds. The engines and the driver share it.

An episode's seed follows from the run's seed, the task and the index alone, so an episode is the same whichever engine
plays it, in whatever order, on whatever day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from mlgym_synth import registry
from mlgym_synth.agents import code_of
from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.llm.settings import ModelSettings
from mlgym_synth.registry import TaskEntry


@dataclass(frozen=True, slots=True)
class Job:
    """One episode to be played."""

    task_id: str
    index: int
    seed: int
    split: str
    dataset: str


@dataclass(frozen=True, slots=True)
class PlaySettings:
    """How every episode of a run is played; plain data, which any worker can be sent.

    Attributes:
        agent: as `load_agent` takes it.
        model: how the model of `openai:MODEL` is called; None for other agents.
        sandbox: `auto`, `docker` or `bwrap`.
        max_steps: None takes the task's.
        limits: fields of `Limits` that override the task's.
        registry: a folder of tasks besides the shipped ones, for workers that start fresh.
        mlgym_root: a checkout of MLGym, for the same.
    """

    agent: str
    model: ModelSettings | None = None
    sandbox: str = "auto"
    max_steps: int | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    registry: str | None = None
    mlgym_root: str | None = None

    def register_tasks(self) -> None:
        """Make known, in a process that starts fresh, the tasks that do not come with this package."""
        if self.registry is not None:
            registry.register(self.registry)
        if self.mlgym_root is not None:
            registry.register_from("mlgym", self.mlgym_root)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run: every one of `entries`, `episodes_per_task` times, as `play` says."""

    entries: tuple[TaskEntry, ...]
    episodes_per_task: int
    seed: int
    play: PlaySettings

    def __len__(self) -> int:
        return len(self.entries) * self.episodes_per_task

    def keys(self) -> set[tuple[str, int]]:
        """Task and index of every episode."""
        return {(entry.id, index) for entry in self.entries for index in range(self.episodes_per_task)}

    def jobs(self, done: AbstractSet[tuple[str, int]] = frozenset()) -> Iterator[Job]:
        """What is left, in rounds over all tasks: a run that ends early has seen every task about as often."""
        for index in range(self.episodes_per_task):
            for entry in self.entries:
                if (entry.id, index) not in done:
                    yield Job(entry.id, index, episode_seed(self.seed, entry.id, index), entry.split, entry.dataset)

    def settings(self) -> dict[str, Any]:
        """What a store must have begun with to go on: all that decides how an episode goes.

        Which tasks, and how many episodes of each, is not among it: a run may grow.
        """
        return {
            "agent": self.play.agent,
            "agent_code": self._agent_code(),
            "model": None if self.play.model is None else self.play.model.decisive(),
            "seed": self.seed,
            "max_steps": self.play.max_steps,
            "limits": dict(sorted(self.play.limits.items())),
        }

    def _agent_code(self) -> str | None:
        try:
            return code_of(self.play.agent, self.play.model)[:12]
        except (MlgymSynthError, ValueError):  # said where it is to play; what is stored can be read without it
            return None


def episode_seed(run_seed: int, task_id: str, index: int) -> int:
    """The seed of one episode, in [0, 2**31)."""
    digest = hashlib.sha256(f"{run_seed}/{task_id}/{index}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
