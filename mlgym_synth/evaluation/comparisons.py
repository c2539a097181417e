"""Agents against each other: how far one is better than another, and how far that is known.

Intervals draw data sets with all their tasks, since what a comparison is to say is about tasks like these, and those on
one data set are no independent evidence.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mlgym_synth.evaluation.profiles import WHICH, Floats, Mode, areas, profiles, standings
from mlgym_synth.evaluation.scores import BASELINE, Scores, Which
from mlgym_synth.evaluation.statistics import (
    BOUNDS,
    LEVEL,
    TIMES,
    Estimate,
    Interval,
    Measure,
    measurable,
    shifted,
    worths,
)
from mlgym_synth.grading.bootstrap import Groups, draws, interval, means
from mlgym_synth.grading.reward import ROUNDING


@dataclass(frozen=True, slots=True)
class Comparison:
    """One agent against another.

    Attributes:
        tasks: those on which both have runs; all figures are of these.
        improvement: the probability that a run of the first scores better than one of the second on the same task,
            ties counting half; a run without a score is worse than any with one.
        difference: of the mean worth of their runs; None where no task can be measured.
    """

    tasks: list[str]
    improvement: Estimate
    difference: Estimate | None


@dataclass(frozen=True, slots=True)
class AUPGain:
    """How far one agent's AUP lies above another's.

    Attributes:
        difference: of the two.
        relative: the same as a share of the other's; None where that is 0.
    """

    difference: Estimate
    relative: Estimate | None


def compare(
    scores: Scores,
    first: str,
    second: str,
    measure: Measure = "progress",
    which: Which = "last",
    *,
    level: float = LEVEL,
    times: int = TIMES,
    seed: int = 0,
) -> Comparison:
    """Compare two agents, paired over tasks; `baseline` is an agent too.

    The probability of improvement is that of Agarwal et al. 2021: Mann and Whitney's U over the number of pairs, a
    task at a time, and then the mean over tasks. Where all tasks say the same, draws of them would too: the interval
    then says how much of what tasks may say as many data sets can have missed (see `_unanimous`).

    Args:
        scores: of both.
        first: the agent that may be better.
        second: the one it is held against.
        measure: what `difference` is of.
        which: the score that stands for a run.
        level: of the intervals.
        times: draws.
        seed: of the draws.

    Raises:
        ValueError: there is no such agent, or no task on which both have runs.
    """
    pairs = {
        task: (a, b)
        for task in scores.tasks
        if len(a := scores.outcomes(first, task, which)) and len(b := scores.outcomes(second, task, which))
    }
    if not pairs:
        raise ValueError(f"there is no task on which both {first} and {second} have runs")
    better = {task: _improvement(a, b, scores.tasks[task].sign) for task, (a, b) in pairs.items()}
    gains = {
        task: worths(scores, first, task, measure, which).mean() - worths(scores, second, task, measure, which).mean()
        for task in measurable(scores, measure)
        if task in pairs
    }

    def estimate(of_tasks: Mapping[str, float], bounds: Interval) -> Estimate:
        values, index = np.array(list(of_tasks.values())), _groups(scores, of_tasks)
        if (count := _pieces(values, index)) < 2:
            known = None
        elif np.ptp(values) < ROUNDING:
            known = _unanimous(float(values.mean()), count, bounds, level)
        else:
            known = interval(means(values, times, seed, index), level)
        return Estimate(float(values.mean()), known)

    (worst, best), (worst_other, best_other) = _bounds(first, measure), _bounds(second, measure)
    gain = estimate(gains, (worst - best_other, best - worst_other)) if gains else None
    return Comparison(list(pairs), estimate(better, (0.0, 1.0)), gain)


def compare_aup(
    scores: Scores,
    first: str,
    second: str,
    mode: Mode = "mlgym",
    *,
    level: float = LEVEL,
    times: int = TIMES,
    seed: int = 0,
) -> dict[Which, AUPGain]:
    """What one agent's AUP is above another's, among all of `scores`, on the same draws of data sets.

    The figures are of AUP as `profiles` has it, to three decimals; x_max follows the draws. A draw holds some data sets
    twice and others not at all, and where the one that sets x_max is not among them all areas are smaller. The
    difference hardly changes by that, the ratio does: its draws are shifted, as logarithms, so that it is their mean.
    """
    found, tables = profiles(scores, mode), standings(scores)
    signs, index = np.array([task.sign for task in scores.tasks.values()]), _groups(scores, scores.tasks)
    columns = [found.agents.index(first), found.agents.index(second)]
    rows = draws(len(signs), index, seed) if _pieces(signs, index) > 1 else iter(())
    drawn = [
        areas({which: table[taken] for which, table in tables.items()}, signs[taken], mode)[0]
        for taken, _ in itertools.islice(rows, times)
    ]

    def gain(which: Which) -> AUPGain:
        ours, other = found.aup[first][which], found.aup[second][which]
        difference, relative = Estimate(ours - other, None), Estimate(ours / other - 1, None) if other else None
        if drawn:
            one, two = np.array([area[which][columns] for area in drawn]).T
            difference = Estimate(ours - other, interval(one - two, level))
            if ours and other and one.all() and two.all():
                low, high = shifted(np.log(one / two), math.log(ours / other), (-math.inf, math.inf), level)
                relative = Estimate(ours / other - 1, (math.expm1(low), math.expm1(high)))
        return AUPGain(difference, relative)

    return {which: gain(which) for which in WHICH}


def _unanimous(value: float, count: int, bounds: Interval, level: float) -> Interval:
    """Where a mean can lie of which `count` draws all said `value`, and the others anything within bounds.

    If a share q of all said otherwise, the draws were so alike with a probability of (1 - q)^count. For count large
    and 95% that is the "rule of three": q up to 3 / count.
    """
    unseen = 1 - (1 - level) ** (1 / count)
    low, high = bounds
    return value - unseen * (value - low), value + unseen * (high - value)


def _bounds(agent: str, measure: Measure) -> Interval:
    """What its runs can be worth."""
    of_baseline = float(measure == "valid")
    return (of_baseline, of_baseline) if agent == BASELINE else BOUNDS[measure]


def _groups(scores: Scores, tasks: Iterable[str]) -> Groups | None:
    """The data set of each task as a number; None where no two tasks share one."""
    names, index = np.unique([scores.datasets[task] for task in tasks], return_inverse=True)
    return index if len(names) < len(index) else None


def _pieces(values: Floats, index: Groups | None) -> int:
    """How many pieces of evidence there are to draw from."""
    return len(values) if index is None else len(np.unique(index))


def _improvement(first: Floats, second: Floats, sign: float) -> float:
    """The share of pairs in which the first is better, ties counting half."""
    a, b = (np.where(np.isnan(values), -np.inf, sign * values) for values in (first, second))
    wins = a[:, None] > b[None, :]
    ties = a[:, None] == b[None, :]
    return float((wins + 0.5 * ties).mean())
