"""Performance profiles and the area under them (AUP), as MLGym computes them or more strictly.

A profile (Dolan and More 2002, arXiv cs/0102001) is the share of tasks on which an agent's score is within a factor of
the best one in the set; AUP, its area over the logarithm of the factor, is from the AutoML Decathlon (Roberts et al.
2022) by way of MLGym (Nathani et al. 2025, arXiv 2502.14499). Both are relative: who else is in the set decides the
best score, the worst, and how far the axis goes. The command `aup` and the benchmark's report call this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.evaluation.scores import BASELINE, Scores, Which

Floats = NDArray[np.float64]
Tables = Mapping[Which, Floats]
"""For `best` and `last`: shape [tasks, agents + 1], the baseline in the last column, NaN where there is no score."""

Mode = Literal["mlgym", "strict"]
"""`mlgym` gives an infeasible agent 1.05 times the task's worst ratio, which still earns it area; `strict` gives it
none, as Dolan and More do. All else is the same."""

UNEVEN = "Agents have different numbers of runs on {tasks}: AUP compares the best of each, which favours more runs."
"""Warning for `Scores.unevenly_run`; MLGym defines AUP that way, so no run is left out."""

WHICH: tuple[Which, ...] = get_args(Which)
_PENALTY = 1.05
_POINTS = 500
_DECIMALS = 3


@dataclass(frozen=True)
class Profiles:
    """The profiles of a set of agents and of the baseline.

    Attributes:
        agents: in the scores' order, `baseline` last.
        x: shape [500], log10 of the factor, from 0 to `x_max`.
        curves: agent -> `best` and `last` -> shape [500], the share of tasks within 10^x of the best score.
        aup: agent -> `best` and `last` -> area under that curve, to three decimals.
        infeasible: agent -> `best` and `last` -> tasks on which it has no score, a negative one, or one worse than the
            baseline.
        widest: the task whose range of ratios sets `x_max`; None where no task has one.
    """

    agents: list[str]
    x: Floats
    curves: dict[str, dict[Which, Floats]]
    aup: dict[str, dict[Which, float]]
    infeasible: dict[str, dict[Which, list[str]]]
    widest: str | None

    @property
    def x_max(self) -> float:
        """Where the axis ends, and the AUP of an agent that is best everywhere."""
        return float(self.x[-1])

    @property
    def normalized(self) -> dict[str, dict[Which, float]]:
        """AUP / x_max, between 0 and 1."""
        return {agent: {which: area / self.x_max for which, area in both.items()} for agent, both in self.aup.items()}


def profiles(scores: Scores, mode: Mode = "mlgym") -> Profiles:
    """Compare all agents of `scores` and the baseline.

    An agent's score on a task is the best of its runs' bests (`best`), or the best of what they handed in (`last`).
    Where a score of 0 makes ratios infinite, whoever is infinitely far from the best earns nothing on that task, and
    the task does not set `x_max`; MLGym divides by zero there.
    """
    tasks, agents = list(scores.tasks), [*scores.agents, BASELINE]
    signs = np.array([task.sign for task in scores.tasks.values()])
    ratios, feasible, widest = _ratios(standings(scores), signs, mode)
    x = _axis(float(widest.max()))
    curves = {which: _curves(ratios[which], x) for which in WHICH}
    return Profiles(
        agents,
        x,
        curves={agent: {which: curves[which][n] for which in WHICH} for n, agent in enumerate(agents)},
        aup={agent: {which: _rounded_area(curves[which][n], x) for which in WHICH} for n, agent in enumerate(agents)},
        infeasible={
            agent: {
                which: [t for t, fine in zip(tasks, feasible[which][:, n], strict=True) if not fine] for which in WHICH
            }
            for n, agent in enumerate(agents)
        },
        widest=tasks[int(widest.argmax())] if widest.max() > 0 else None,
    )


def standings(scores: Scores) -> Tables:
    """What `areas` takes: the score that stands for each agent on each task."""
    agents = [*scores.agents, BASELINE]
    return {
        which: np.array([[_standing(scores, a, t, which) for a in agents] for t in scores.tasks]) for which in WHICH
    }


def areas(tables: Tables, signs: Floats, mode: Mode = "mlgym") -> tuple[dict[Which, Floats], float]:
    """AUP of every column of the tables, shape [agents + 1] and not rounded, and x_max.

    Args:
        tables: scores of the agents and, in the last column, the baseline.
        signs: shape [tasks], 1 where more is better and -1 where less is.
        mode: what infeasible agents get.
    """
    ratios, _, widest = _ratios(tables, signs, mode)
    x = _axis(float(widest.max()))
    return {which: _area(_curves(ratios[which], x), x) for which in WHICH}, float(x[-1])


def _standing(scores: Scores, agent: str, task: str, which: Which) -> float:
    """The best of the runs; NaN where none has a score."""
    sign = scores.tasks[task].sign
    return float(sign * np.fmax.reduce(sign * scores.outcomes(agent, task, which), initial=np.nan))


def _ratios(
    tables: Tables, signs: Floats, mode: Mode
) -> tuple[dict[Which, Floats], dict[Which, NDArray[np.bool_]], Floats]:
    """Ratios and feasibility, shape [tasks, agents + 1] each, and tau, shape [tasks], the larger of both tables'.

    Tau is 0 where it is not finite: such a task has no say in how far the axis goes.
    """
    ratios: dict[Which, Floats] = {}
    feasible: dict[Which, NDArray[np.bool_]] = {}
    widest = np.zeros(len(signs))
    maximize = (signs > 0)[:, None]
    for which, given in tables.items():
        table = given + 0.0  # and no -0.0, whose ratios would be negative
        baseline = table[:, -1:]
        fine = (table >= 0) & np.where(maximize, table >= baseline, table <= baseline)
        kept = np.where(fine, table, np.nan)
        high, low = (pick.reduce(kept, axis=1, keepdims=True) for pick in (np.fmax, np.fmin))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            ratio = np.where(maximize, high / kept, kept / low)
            worst = np.where(high == low, 1.0, high / low)
        worst[np.isnan(worst)] = np.inf  # nobody is feasible: nobody is near a best score
        ratio[kept == np.where(maximize, high, low)] = 1.0  # all at 0 are as good as each other
        with np.errstate(over="ignore"):
            penalty = _PENALTY * worst
        ratios[which] = np.where(fine, ratio, penalty if mode == "mlgym" else np.inf)
        feasible[which] = fine
        tau = np.ceil(penalty[:, 0])
        widest = np.maximum(widest, np.where(np.isfinite(tau), tau, 0.0))
    return ratios, feasible, widest


def _axis(tau: float) -> Floats:
    """From 0 to log10 of the widest tau, rounded up to one decimal."""
    least = math.ceil(_PENALTY)  # of a task where all are equal; there is no axis shorter than that
    return np.linspace(0.0, math.ceil(10 * math.log10(max(tau, least))) / 10, _POINTS)


def _curves(ratios: Floats, x: Floats) -> Floats:
    """Shape [agents + 1, 500]: at each x the share of tasks whose log10 ratio is at most x."""
    logs = np.sort(np.log10(ratios), axis=0)
    return np.array([np.searchsorted(column, x, side="right") for column in logs.T]) / len(logs)


def _area(curve: Floats, x: Floats) -> Floats:
    """The left Riemann sum along the last axis."""
    area: Floats = np.sum(curve[..., :-1] * np.diff(x), axis=-1)
    return area


def _rounded_area(curve: Floats, x: Floats) -> float:
    return round(float(_area(curve, x)), _DECIMALS)
