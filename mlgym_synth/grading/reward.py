"""From a raw score to progress, reward and the score an agent is shown. The env, the gates and reports call this."""

from __future__ import annotations

import math
from decimal import Decimal

from mlgym_synth.errors import GradingError
from mlgym_synth.task import Direction

CLIP = (-1.0, 2.0)
"""Bounds of one task's progress in a mean over tasks, so that no single task decides it."""

ROUNDING = 1e-9
"""Progress that is none: the same scores summed in another order, as other machines do, differ by less."""


def progress(score: float, baseline: float, reference: float, direction: Direction) -> float:
    """How far a score lies on the way from the baseline (0) to the reference (1); beyond both ends too.

    Args:
        score: the raw metric.
        baseline: the baseline's score on the same half.
        reference: the reference's score on the same half.
        direction: `maximize` or `minimize`.

    Raises:
        GradingError: a score is not finite, or the reference is no better than the baseline.
    """
    if not all(map(math.isfinite, (score, baseline, reference))):
        raise GradingError(f"progress of score {score}, baseline {baseline}, reference {reference}: not all are finite")
    sign = 1.0 if direction == "maximize" else -1.0
    room = sign * (reference - baseline)
    if room <= 0:
        raise GradingError(f"the reference {reference} is no better than the baseline {baseline} ({direction})")
    return sign * (score - baseline) / room


def reward(p: float) -> float:
    """1 / (1 + 3^-p): 0.5 at the baseline, 0.75 at the reference, between 0 and 1 for every p."""
    if p >= 0:
        return 1.0 / (1.0 + math.pow(3.0, -p))
    power = math.pow(3.0, p)  # of a negative number: 3^-p would overflow far below the baseline
    return power / (1.0 + power)


def clipped(p: float | None) -> float:
    """Progress as it enters a mean over tasks: within [-1, 2], and -1 for an episode with no valid submission."""
    low, high = CLIP
    return low if p is None else min(max(p, low), high)


def quantum(spread: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most `spread`; 0.0 for a spread of 0.

    Raises:
        GradingError: the spread is negative or not finite.
    """
    return float(_quantum(spread))


def rounded(score: float, spread: float) -> float:
    """The score to the nearest multiple of `quantum(spread)` (ties to even); a spread of 0 leaves it as it is.

    What the agent is told: exact scores of a hidden half are an oracle for its labels (the Ladder, Blum and Hardt
    2015, arXiv 1502.04585), so none is given finer than it is known.
    """
    step = _quantum(spread)
    if not step or not math.isfinite(score):
        return score
    # In decimals, not floats: 0.2 times 3 is to be shown as 0.6, not 0.6000000000000001.
    return float((Decimal(repr(float(score))) / step).to_integral_value() * step) + 0.0  # and no -0.0


def _quantum(spread: float) -> Decimal:
    if not 0 <= spread < math.inf:
        raise GradingError(f"a spread of {spread}: must be finite and at least 0")
    if spread == 0:
        return Decimal(0)
    exact = Decimal(repr(float(spread)))
    exponent = exact.adjusted()
    leading = int(exact.scaleb(-exponent))
    return Decimal(5 if leading >= 5 else 2 if leading >= 2 else 1).scaleb(exponent)
