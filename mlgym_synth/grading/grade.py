"""What every judge returns: one raw score on each half."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grade:
    """Raw, finite scores of one submission, in the metric's own units."""

    validation: float
    test: float
