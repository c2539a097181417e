"""What many episodes come to: one small record of each, and the figures of a group of them."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.grading.bootstrap import draws, interval
from mlgym_synth.grading.reward import clipped
from mlgym_synth.reports.text import kind_of
from mlgym_synth.trajectories.model import Trajectory

_DRAWS = 2000
WHOSE = {"submitted": "", "auto_submitted": "", "model_failed": "model", "infrastructure_failed": "infrastructure"}
"""Who is to blame for a status; the agent if it is not named here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An episode without its steps.

    Attributes:
        failure: what failed, in words in which alike failures are equal; empty for none.
        worth: the return; 0 without a valid submission, None where others than the agent cut it short.
        progress: None without a valid submission.
        cost_usd: with that of attempts that were cut short and played again.
        other fields: the trajectory's.
    """

    task_id: str
    index: int
    family: str
    split: str
    agent: str
    status: str
    failure: str
    void: bool
    successful: bool
    worth: float | None
    progress: float | None
    test_score: float | None
    baseline_score: float | None
    metric: str
    direction: str
    steps: int
    seconds: float
    tool_seconds: float
    tokens: int
    cost_usd: float
    started_at: float


def worth(trajectory: Trajectory) -> float | None:
    """The return of an episode as it counts: what was paid on the way is nothing without a valid submission."""
    if trajectory.void:
        return None
    return trajectory.total_reward if trajectory.successful else 0.0


def outcome(trajectory: Trajectory, cost_usd: float) -> Outcome:
    """The record of an episode, with what all its attempts cost."""
    failed = WHOSE.get(trajectory.status, "agent")
    return Outcome(
        task_id=trajectory.task_id,
        index=trajectory.index,
        family=trajectory.family,
        split=trajectory.split,
        agent=trajectory.agent,
        status=trajectory.status,
        failure=kind_of(trajectory.error or trajectory.cause or "") if failed else "",
        void=trajectory.void,
        successful=trajectory.successful,
        worth=worth(trajectory),
        progress=trajectory.progress,
        test_score=trajectory.test_score,
        baseline_score=trajectory.baseline_score,
        metric=trajectory.metric,
        direction=trajectory.direction,
        steps=len(trajectory.steps),
        seconds=trajectory.seconds,
        tool_seconds=trajectory.tool_seconds,
        tokens=trajectory.usage.tokens,
        cost_usd=cost_usd,
        started_at=trajectory.started_at,
    )


@dataclass(frozen=True, eq=False)
class Mean:
    """A mean, and how far it is known.

    Attributes:
        sums: of the values of each unit of evidence, shape [n].
        counts: how many values each unit has, shape [n].
    """

    sums: NDArray[np.float64]
    counts: NDArray[np.intp]

    @property
    def value(self) -> float:
        """Over all values."""
        return float(self.sums.sum() / self.counts.sum())

    @functools.cached_property
    def interval(self) -> tuple[float, float] | None:
        """Of 95%; None where nothing varies. It is drawn when asked for: most tables show the mean alone."""
        if len(self.counts) < 2:
            return None
        drawn = itertools.islice(draws(len(self.counts), None, seed=0), _DRAWS)
        means = np.array([self.sums[rows].sum() / self.counts[rows].sum() for rows, _ in drawn])
        return interval(means, 0.95)


@dataclass(frozen=True)
class Group:
    """Episodes that are counted together. What was cut short by others than the agent is in no mean."""

    episodes: Sequence[Outcome]

    @functools.cached_property
    def judged(self) -> list[Outcome]:
        """The episodes that say something of the agent."""
        return [episode for episode in self.episodes if not episode.void]

    @property
    def returns(self) -> list[float]:
        """Of the judged episodes."""
        return [episode.worth for episode in self.judged if episode.worth is not None]

    @property
    def tasks(self) -> int:
        """How many tasks they are of."""
        return len({episode.task_id for episode in self.episodes})

    @functools.cached_property
    def mean_return(self) -> Mean | None:
        """Of the judged episodes; None if there are none."""
        return self._mean(self.returns)

    @functools.cached_property
    def mean_progress(self) -> Mean | None:
        """Clipped as `grading.reward.clipped` does, so that a failed episode counts as -1."""
        return self._mean([clipped(episode.progress if episode.successful else None) for episode in self.judged])

    @property
    def valid_share(self) -> float | None:
        """Of the judged episodes, those with a valid submission."""
        return sum(e.successful for e in self.judged) / len(self.judged) if self.judged else None

    def failures(self) -> Counter[tuple[str, str, str]]:
        """How many episodes failed, by whose failure, status and what failed."""
        return Counter(
            (whose, episode.status, episode.failure)
            for episode in self.episodes
            if (whose := WHOSE.get(episode.status, "agent"))
        )

    def _mean(self, values: Sequence[float]) -> Mean | None:
        """With an interval over tasks, whose episodes are alike; over episodes where there is one task only."""
        if not values:
            return None
        names = [episode.task_id for episode in self.judged]
        units = np.unique(names, return_inverse=True)[1] if len(set(names)) > 1 else np.arange(len(values))
        sums = np.asarray(np.bincount(units, weights=values), dtype=np.float64)
        return Mean(sums, np.bincount(units))
