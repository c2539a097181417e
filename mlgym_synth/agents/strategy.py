"""What differs between two episodes of the researcher, and what it knows of its time.

Observations hold no times, so time is planned: what a command should take is counted, and each is given a limit of its
own, so that one that takes much longer ends in a failure that is seen and not in the end of the episode.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from mlgym_synth.agents.goal import Goal

START_S = 1.6
"""Seconds to start Python with the usual packages and to read the files, on a machine that has other things to do."""
SLOWNESS = 1.4
"""How much longer work is taken to last than it does on an idle machine."""
KEPT_BACK = 0.12
"""Share of the tool time that is not planned for."""
BASELINE_SHARE, CAP_SHARE = 0.6, 0.35
"""Shares of what is left that the baseline may take, as without it there is nothing to hand in, and any experiment."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one episode is led.

    Attributes:
        looks: how closely it looks before it begins: 0 not at all, 1 at the files, 2 at the baseline's code too.
        baseline_first: whether it runs the baseline before it looks closer at the data.
        most_ideas: experiments at most, tweaks and blend apart.
        patience: experiments in a row without a gain after which it stops having new ideas.
        tweaks: edits of the best experiment that it tries.
        thrifty: validates only what its own estimate calls better than the best.
        bold: begins with models as large as it likes.
        blends: puts the experiments together in the end.
    """

    looks: int
    baseline_first: bool
    most_ideas: int
    patience: int
    tweaks: int
    thrifty: bool
    bold: bool
    blends: bool


def draw_style(rng: random.Random) -> Style:
    """One style at random."""
    return Style(
        looks=rng.choice([0, 1, 1, 2, 2]),
        baseline_first=rng.random() < 0.5,
        most_ideas=rng.choice([2, 3, 4, 6]),
        patience=rng.choice([2, 3, 9]),
        tweaks=rng.choice([0, 1, 2, 3]),
        thrifty=rng.random() < 0.3,
        bold=rng.random() < 0.15,
        blends=rng.random() < 0.8,
    )


class Purse:
    """Tool time that is left, as far as it can be known without a clock.

    Attributes:
        left_s: seconds that are left to be planned for.
    """

    def __init__(self, goal: Goal) -> None:
        self._tool_s = goal.tool_s
        self.left_s = (1 - KEPT_BACK) * goal.episode_s

    def affords(self, work_s: float) -> bool:
        """Whether a command should end well before the time does."""
        return _planned_s(work_s) <= self.left_s

    def cap_s(self, work_s: float, first: bool = False) -> float:
        """The limit for a command that should take `work_s` besides starting; more for the `first` that hands in."""
        limit = BASELINE_SHARE * self.left_s if first else max(2.5 * _planned_s(work_s), CAP_SHARE * self.left_s)
        return round(max(1.0, min(self._tool_s, self.left_s, limit)), 1)

    def pay(self, work_s: float, killed_after_s: float | None = None) -> None:
        """Count a command: what it should have taken, or its limit if that was its end."""
        self.left_s -= _planned_s(work_s) if killed_after_s is None else killed_after_s


def _planned_s(work_s: float) -> float:
    return START_S + SLOWNESS * work_s
