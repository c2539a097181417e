"""The two drawings of the trajectory report, as SVG inside the page: a histogram of returns, and an episode's scores.

Both have a title that says in words what they show, and are as wide as the page lets them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from mlgym_synth.reports.page import Markup, escaped, number
from mlgym_synth.task import Direction

_WIDTH, _HEIGHT = 480, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 96, 12, 28
_BINS, _TALLEST, _RIM = 20, 135, 12
_FAR = 3.0
"""Scores worse than the baseline by more than so many times the way to the reference are drawn at the edge."""


@dataclass(frozen=True, slots=True)
class Graded:
    """A grading in an episode: at which step, and the raw score on the half that it was for."""

    step: int
    score: float


def histogram(returns: Sequence[float]) -> Markup:
    """How many episodes had which return; the worth of baseline and reference is marked."""
    counts = [0] * _BINS
    for value in filter(drawable, returns):
        counts[min(_BINS - 1, max(0, int(value * _BINS)))] += 1
    most, breadth = max(counts) or 1, _WIDTH - _LEFT - _RIM
    width, bottom = breadth / _BINS, _HEIGHT - _BOTTOM
    columns = "".join(
        f'<rect x="{_LEFT + place * width + 1:.1f}" y="{bottom - height:.1f}" width="{width - 2:.1f}"'
        f' height="{height:.1f}"><title>{count:,} with a return of {place / _BINS:g} to {(place + 1) / _BINS:g}</title>'
        "</rect>"
        for place, count in enumerate(counts)
        if (height := max(1.0, _TALLEST * count / most) if count else 0)
    )
    words = "".join(
        f'<text x="{_LEFT + value * breadth:.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{value:g}</text>'
        for value in (0, 0.25, 0.5, 0.75, 1)
    )
    levels = "".join(
        f'<path class="level" d="M{_LEFT + value * breadth:.1f} 20V{bottom}"/>'
        f'<text x="{_LEFT + value * breadth:.1f}" y="14" text-anchor="middle">{name}</text>'
        for name, value in (("baseline", 0.5), ("reference", 0.75))
    )
    told = f"Returns of {len(returns):,} episodes, from 0 to 1: the baseline is worth 0.5, the reference 0.75"
    scale = "".join(
        f'<text x="{_LEFT - 6}" y="{place}" text-anchor="end">{count:,}</text>'
        for place, count in ((bottom - _TALLEST + 4, most), (bottom, 0))
    )
    axis = f'<path class="axis" d="M{_LEFT} {bottom}.5h{breadth}"/>'
    return _svg(told, f'{levels}<g class="columns">{columns}</g>{axis}{words}{scale}')


def score_curve(
    validations: Sequence[Graded],
    final: Graded | None,
    levels: dict[str, float],
    metric: str,
    direction: Direction,
    steps: int,
) -> Markup:
    """Scores over the steps of an episode; up is better, whatever the metric's direction.

    Args:
        validations: on the validation half, in order.
        final: on the test half, None without a valid submission.
        levels: lines to compare with (`baseline`, `reference`), on the test half.
        metric: its name.
        direction: of the metric.
        steps: how many there were.
    """
    scores = [graded.score for graded in (*validations, *([final] if final else []))]
    scale = _Scale.of(scores, levels, direction, steps)
    lines = "".join(
        f'<path class="level" d="M{_LEFT} {scale.y(value):.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text x="{_WIDTH - _RIGHT + 6}" y="{place + 4:.1f}">{escaped(name)}</text>'
        for (name, value), place in zip(levels.items(), _apart([scale.y(v) for v in levels.values()]), strict=True)
    )
    points = "".join(_point(scale, graded, f"validation {_score(graded.score)}", "point") for graded in validations)
    if final is not None:
        points += _point(scale, final, f"test {_score(final.score)}", "test")
    best = f'<path class="best" d="{_best(scale, validations, direction)}"/>' if len(validations) > 1 else ""
    better = "higher is better" if direction == "maximize" else "lower is better, and drawn higher"
    told = f"Scores by step ({metric}, {better}): " + ", ".join(
        [f"step {graded.step} {_score(graded.score)}" for graded in validations[:50]]
        + ([f"test at step {final.step} {_score(final.score)}" if final else "no test score"])
        + [f"{name} {_score(value)}" for name, value in levels.items()]
    )
    return _svg(told, scale.axes() + lines + best + points, role="group")  # the points are links


@dataclass(frozen=True, slots=True)
class _Scale:
    """From steps and scores to places in the drawing; `worst` is at the bottom, `best` at the top."""

    worst: float
    best: float
    steps: int

    @classmethod
    def of(cls, scores: Sequence[float], levels: dict[str, float], direction: Direction, steps: int) -> _Scale:
        sign = 1.0 if direction == "maximize" else -1.0
        marks = [sign * value for value in levels.values()]
        values = [*(sign * value for value in scores), *marks]
        low, high = min(values), max(values)
        if len(marks) > 1 and max(marks) > min(marks):
            low = max(low, min(marks) - _FAR * (max(marks) - min(marks)))
        room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
        return cls(sign * (low - room), sign * (high + room), max(steps, 2))

    def x(self, step: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (step - 1) / (self.steps - 1)

    def y(self, score: float) -> float:
        share = (score - self.worst) / (self.best - self.worst)
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * min(max(share, 0.0), 1.0)

    def outside(self, score: float) -> bool:
        return (score - self.worst) / (self.best - self.worst) < 0

    def axes(self) -> str:
        bottom = _HEIGHT - _BOTTOM
        ticks = "".join(
            f'<text x="{_LEFT - 6}" y="{self.y(value) + 4:.1f}" text-anchor="end">{_score(value)}</text>'
            for value in _round_values(min(self.worst, self.best), max(self.worst, self.best))
        )
        steps = "".join(
            f'<text x="{self.x(step):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{step}</text>'
            for step in sorted({1, (1 + self.steps) // 2, self.steps})
        )
        words = f'<text x="{_WIDTH - _RIGHT + 18}" y="{_HEIGHT - 8}">step</text>'
        frame = f'<path class="axis" fill="none" d="M{_LEFT}.5 {_TOP}V{bottom}.5H{_WIDTH - _RIGHT}"/>'
        return frame + ticks + steps + words


def _round_values(low: float, high: float) -> list[float]:
    """Two to five values between the two, multiples of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10((high - low) / 2))
    step = next(step for step in (5 * power, 2 * power, power) if math.floor(high / step) > math.ceil(low / step))
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _best(scale: _Scale, validations: Sequence[Graded], direction: Direction) -> str:
    """The path of the best validation so far."""
    better = max if direction == "maximize" else min
    best, path = validations[0].score, f"M{scale.x(validations[0].step):.1f} {scale.y(validations[0].score):.1f}"
    for graded in validations[1:]:
        best = better(best, graded.score)
        path += f"H{scale.x(graded.step):.1f}V{scale.y(best):.1f}"
    return path + f"H{_WIDTH - _RIGHT}"


def _point(scale: _Scale, graded: Graded, words: str, kind: str) -> str:
    x, y = scale.x(graded.step), scale.y(graded.score)
    shape = f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    if scale.outside(graded.score):
        shape = f'<path class="{kind}" d="M{x - 5:.1f} {y - 8:.1f}h10l-5 8z"/>'
    return f'<a href="#step-{graded.step}"><title>step {graded.step}: {words}</title>{shape}</a>'


def _apart(places: Sequence[float], least: float = 13) -> list[float]:
    """Places of labels, moved so that two of them do not overlap."""
    if len(places) != 2 or abs(places[0] - places[1]) >= least:
        return list(places)
    middle, up = sum(places) / 2, places[0] <= places[1]
    return [middle - least / 2, middle + least / 2] if up else [middle + least / 2, middle - least / 2]


def _score(value: float) -> str:
    return number(value, 4).text


def _svg(told: str, inside: str, role: str = "img") -> Markup:
    title = f"<title>{escaped(told)}</title>"
    return Markup(f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="{role}">{title}{inside}</svg>')


def drawable(score: float | None) -> TypeGuard[float]:
    """Whether there is a score that has a place in a drawing."""
    return score is not None and abs(score) < 1e100  # false for what is no number too
