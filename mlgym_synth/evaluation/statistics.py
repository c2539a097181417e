"""What to read beside AUP: statistics of an agent's runs, and how far they are known. `aup` and reports call this.

What a run is worth does not depend on who else is in the set, as AUP does. Intervals of one agent draw its runs anew,
task by task: the stratified bootstrap of Agarwal et al. 2021 (rliable, arXiv 2108.13264), for these tasks and no
others. Percentiles of n runs a task are too narrow by sqrt((n - 1) / n), so the draws of means are spread by that much;
an agent that has only one run on some task has no interval, since a single run drawn again is the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.evaluation.profiles import WHICH, Floats, Mode, areas, profiles
from mlgym_synth.evaluation.scores import BASELINE, Scores, Which
from mlgym_synth.grading.bootstrap import interval
from mlgym_synth.grading.reward import CLIP, ROUNDING, clipped, progress

Interval = tuple[float, float]
Measure = Literal["progress", "beats_baseline", "valid"]
"""What a run is worth. `progress`: from the baseline (0) to the reference (1), clipped to [-1, 2], -1 without a score;
only on tasks whose reference is known. `beats_baseline`: 1 where its score is better than the baseline's, else 0.
`valid`: 1 where it has a score, else 0."""

LEVEL = 0.95
TIMES = 1000
_AREA = (0.0, math.inf)
BOUNDS: dict[Measure, Interval] = {"progress": CLIP, "beats_baseline": (0.0, 1.0), "valid": (0.0, 1.0)}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval it is known within; None where there is too little to draw from."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class AUPIntervals:
    """Intervals of AUP, of AUP / x_max (agent, and `baseline` -> `best` and `last`), and of x_max itself.

    None for an agent that has only one run on some task.
    """

    aup: dict[str, dict[Which, Interval | None]]
    normalized: dict[str, dict[Which, Interval | None]]
    x_max: Interval


@dataclass(frozen=True, slots=True)
class Failures:
    """How many runs there are, and how many of them have no score."""

    runs: int
    without_score: int

    @property
    def share(self) -> float | None:
        """None where there are no runs."""
        return self.without_score / self.runs if self.runs else None


def failures(scores: Scores) -> dict[str, dict[str, Failures]]:
    """Agent -> task -> its runs without a score."""
    return {
        agent: {task: Failures(len(r := runs.get(task, [])), sum(not run for run in r)) for task in scores.tasks}
        for agent, runs in scores.runs.items()
    }


def mean_worth(
    scores: Scores, measure: Measure, which: Which = "last", *, level: float = LEVEL, times: int = TIMES, seed: int = 0
) -> dict[str, Estimate]:
    """Agent -> the mean over tasks of the mean worth of its runs; a task without a run counts as one failed run.

    No interval for an agent that has only one run on some task: one run drawn again has no variance, which would look
    like certainty.
    Empty where no task can be measured (no reference is known).
    """
    tasks = measurable(scores, measure)
    if not tasks:
        return {}
    strata = _Strata([[worths(scores, agent, task, measure, which) for task in tasks] for agent in scores.agents])
    of_tasks = np.nanmean(strata.values, axis=2)  # of agents and tasks
    spread = np.sqrt(strata.counts / np.maximum(strata.counts - 1, 1))

    def mean_of(rows: NDArray[np.intp]) -> Floats:
        drawn = np.nanmean(strata.taken(rows), axis=2)
        return np.asarray((of_tasks + spread * (drawn - of_tasks)).mean(axis=1))

    found = of_tasks.mean(axis=1)
    drawn = np.clip([mean_of(rows) for rows in strata.draws(times, seed)], *BOUNDS[measure])
    return {
        agent: Estimate(float(found[n]), interval(drawn[:, n], level) if _twice(scores, agent, tasks) else None)
        for n, agent in enumerate(scores.agents)
    }


def aup_intervals(
    scores: Scores, mode: Mode = "mlgym", *, level: float = LEVEL, times: int = TIMES, seed: int = 0
) -> AUPIntervals | None:
    """Roughly where AUP would lie in another experiment with as many runs; None where no agent has two on every task.

    All agents' runs are drawn anew each time, and the best scores and x_max follow. The best of n runs drawn again is
    on average worse than the best of the n, by which an interval over many tasks would miss the figure itself: the
    draws are shifted so that the figure is their mean. They remain too narrow, since a bootstrap of maxima is not
    consistent (Bickel and Freedman 1981): with 4 runs a task they held the truth in 65 to 95 of 100 simulated
    experiments. A single run near 0 can move x_max, and every AUP with it: read the intervals of AUP / x_max. For
    claims take `mean_worth` and `comparisons.compare`, whose intervals hold what they say.
    """
    known = {agent for agent in scores.agents if _twice(scores, agent, scores.tasks)}
    if not known:
        return None
    drawn = _areas_redrawn(scores, mode, times, seed)
    found, ends = profiles(scores, mode), np.array([x_max for _, x_max in drawn])
    made = AUPIntervals({}, {}, interval(ends, level))
    for n, agent in enumerate(found.agents):
        if agent not in {*known, BASELINE}:
            made.aup[agent], made.normalized[agent] = dict.fromkeys(WHICH), dict.fromkeys(WHICH)
            continue
        aups = {which: np.array([area[which][n] for area, _ in drawn]) for which in WHICH}
        made.aup[agent] = {which: shifted(aups[which], found.aup[agent][which], _AREA, level) for which in WHICH}
        made.normalized[agent] = {
            which: shifted(aups[which] / ends, found.normalized[agent][which], (0.0, 1.0), level) for which in WHICH
        }
    return made


def best_at_k(values: Sequence[float] | Floats) -> Floats:
    """The expected best of k runs, for k from 1 to n, shape [n]; more is better, a failed run must have its worth.

    The mean over all subsets of k of the n runs, without bias: with values sorted upwards the i-th is the largest of a
    share C(i-1, k-1) / C(n, k) of them. For values 0 and 1 it is pass@k of Chen et al. 2021 (arXiv 2107.03374).

    Raises:
        ValueError: no values, or one that is not finite.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    if not n or not np.isfinite(ordered).all():
        raise ValueError(f"best@k of {ordered.tolist()}: needs at least one value, and finite ones only")
    k, below = np.arange(1, n + 1)[:, None], np.arange(n - 1, 0, -1)
    # The largest has a share of k / n, and each next one C(i - 1, k - 1) / C(i, k - 1) of the share before it.
    falls = np.hstack([np.ones((n, 1)), np.maximum(below - k + 1, 0) / below])
    return np.asarray((k / n * np.cumprod(falls, axis=1)) @ ordered[::-1])


def best_at_k_curves(scores: Scores, measure: Measure, which: Which = "best") -> dict[str, Floats]:
    """Agent -> mean over tasks of its best@k, for k up to the fewest runs it has on a task, shape [k].

    Empty where no task can be measured.
    """
    tasks = measurable(scores, measure)
    curves = {
        agent: [best_at_k(worths(scores, agent, task, measure, which)) for task in tasks] for agent in scores.agents
    }
    return {
        agent: np.mean([curve[: min(map(len, of_tasks))] for curve in of_tasks], axis=0)
        for agent, of_tasks in curves.items()
        if of_tasks
    }


class _Strata:
    """A figure of every run, in one array of agents, tasks and runs; drawn anew within agent and task."""

    def __init__(self, runs: list[list[Floats]]) -> None:
        self.counts = np.array([[len(values) for values in of_agent] for of_agent in runs])
        self._most = max(1, int(self.counts.max()))
        self._real = np.arange(self._most) < self.counts[..., None]
        self.values = np.full(self._real.shape, np.nan)
        """Shape [agents, tasks, most runs]; NaN beyond the runs there are."""
        self.values[self._real] = np.concatenate([values for of_agent in runs for values in of_agent])

    def draws(self, times: int, seed: int) -> Iterator[NDArray[np.intp]]:
        """`times` draws of as many runs as there are, as positions; none where no task has two runs."""
        rng = np.random.Generator(np.random.PCG64(seed))
        for _ in range(times if self._most > 1 else 0):
            yield (rng.random(self._real.shape) * self.counts[..., None]).astype(np.intp)

    def taken(self, rows: NDArray[np.intp]) -> Floats:
        """The figures of the drawn runs, in the shape of `values`."""
        return np.where(self._real, np.take_along_axis(self.values, rows, axis=2), np.nan)


def _areas_redrawn(scores: Scores, mode: Mode, times: int, seed: int) -> list[tuple[dict[Which, Floats], float]]:
    """AUP of every agent and the baseline, and x_max, for each draw of the runs."""
    tasks = list(scores.tasks)
    signs = np.array([scores.tasks[task].sign for task in tasks])
    baseline = np.array([[scores.tasks[task].baseline] for task in tasks])
    of: dict[Which, _Strata] = {
        which: _Strata([[scores.outcomes(agent, task, which) for task in tasks] for agent in scores.agents])
        for which in WHICH
    }
    made = []
    for rows in of["best"].draws(times, seed):  # the same draws for both tables, since they are of the same runs
        # Signed, so that the best is the largest; `fmax` passes over NaN.
        best = {which: np.fmax.reduce(of[which].taken(rows) * signs[:, None], axis=2) * signs for which in WHICH}
        made.append(areas({which: np.hstack([best[which].T, baseline]) for which in WHICH}, signs, mode))
    return made


def shifted(values: Floats, mean: float, bounds: Interval, level: float) -> Interval:
    """The percentile interval of the values, moved to have this mean, and none of them out of bounds."""
    return interval(np.clip(values - values.mean() + mean, *bounds), level)


def _twice(scores: Scores, agent: str, tasks: Iterable[str]) -> bool:
    """Whether the agent has two runs or more on every one of these tasks that it has any on, and has some."""
    counts = [len(runs) for task in tasks if (runs := scores.runs[agent].get(task))]
    return min(counts, default=0) > 1


def measurable(scores: Scores, measure: Measure) -> list[str]:
    """The tasks on which a run has a worth."""
    return [name for name, task in scores.tasks.items() if measure != "progress" or task.reference is not None]


def worths(scores: Scores, agent: str, name: str, measure: Measure, which: Which) -> Floats:
    """One worth a run, shape [n], n at least 1: no run at all is worth one that failed."""
    task, outcomes = scores.tasks[name], scores.outcomes(agent, name, which)
    if not len(outcomes):
        outcomes = np.array([np.nan])
    if measure == "valid":
        return np.asarray(~np.isnan(outcomes), dtype=np.float64)
    if measure == "beats_baseline":
        least = ROUNDING * max(abs(task.baseline), 1e-3)
        return np.asarray(task.sign * (outcomes - task.baseline) > least, dtype=np.float64)
    if task.reference is None:
        raise ValueError(f"no reference is known for {name}")
    ends = (task.baseline, task.reference, task.direction)
    return np.array([clipped(None if math.isnan(score) else progress(score, *ends)) for score in outcomes.tolist()])
