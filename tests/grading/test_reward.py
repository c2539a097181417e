"""Progress, reward and rounding keep the promises that tasks.md and the env's docstring make."""

from __future__ import annotations

import itertools
import math

import pytest

from mlgym_synth.errors import GradingError
from mlgym_synth.grading.reward import clipped, progress, quantum, reward, rounded


def test_progress_is_zero_at_the_baseline_and_one_at_the_reference() -> None:
    assert progress(0.7, 0.7, 0.9, "maximize") == 0
    assert progress(0.9, 0.7, 0.9, "maximize") == 1
    assert progress(0.5, 0.7, 0.9, "maximize") == pytest.approx(-1)


def test_progress_rises_when_an_error_falls() -> None:
    assert progress(3.0, 3.0, 1.0, "minimize") == 0
    assert progress(1.0, 3.0, 1.0, "minimize") == 1
    assert progress(0.0, 3.0, 1.0, "minimize") == 1.5
    assert progress(5.0, 3.0, 1.0, "minimize") == -1


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_progress_needs_a_reference_better_than_the_baseline(direction: str) -> None:
    with pytest.raises(GradingError, match="no better than the baseline"):
        progress(0.5, 0.7, 0.7, direction)  # type: ignore[arg-type]
    with pytest.raises(GradingError, match="no better than the baseline"):
        progress(0.5, *((0.9, 0.7) if direction == "maximize" else (0.7, 0.9)), direction)  # type: ignore[arg-type]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_progress_of_a_score_that_is_not_finite_is_the_graders_fault(score: float) -> None:
    with pytest.raises(GradingError, match="not all are finite"):
        progress(score, 0.1, 0.9, "maximize")


def test_reward_is_half_at_the_baseline_and_three_quarters_at_the_reference() -> None:
    assert reward(0.0) == 0.5
    assert reward(1.0) == 0.75
    assert reward(-1.0) == 0.25
    assert reward(2.0) == pytest.approx(0.9)


def test_reward_rises_strictly_where_scores_lie() -> None:
    values = [reward(p / 10) for p in range(-300, 300)]
    assert all(a < b for a, b in itertools.pairwise(values))


def test_reward_of_huge_progress_neither_overflows_nor_leaves_its_bounds() -> None:
    assert reward(1e300) == 1.0
    assert reward(-1e300) == 0.0
    assert reward(math.inf) == 1.0
    assert reward(-math.inf) == 0.0


def test_clipped_progress_counts_a_missing_submission_as_minus_one() -> None:
    assert [clipped(p) for p in (None, -7.0, -0.5, 0.3, 2.0, 9.0)] == [-1, -1, -0.5, 0.3, 2, 2]


@pytest.mark.parametrize(
    ("spread", "expected"),
    [
        (1.0, 1.0), (0.1, 0.1), (0.2, 0.2), (0.5, 0.5), (0.3, 0.2), (0.49999, 0.2), (0.0999, 0.05), (0.0137, 0.01),
        (7.9, 5.0), (1234.5, 1000.0), (3e-9, 2e-9), (1e300, 1e300), (5e-324, 5e-324), (0.0, 0.0),
    ],
)  # fmt: skip
def test_quantum_is_the_largest_round_step_within_the_spread(spread: float, expected: float) -> None:
    assert quantum(spread) == expected


@pytest.mark.parametrize("spread", [-0.1, math.nan, math.inf])
def test_quantum_refuses_a_spread_that_is_none(spread: float) -> None:
    with pytest.raises(GradingError, match="spread"):
        quantum(spread)


@pytest.mark.parametrize(
    ("score", "spread", "shown"),
    [
        (0.87312, 0.013, "0.87"), (0.87312, 0.0072, "0.875"), (0.6412, 0.25, "0.6"), (-0.249, 0.02, "-0.24"),
        (48213.7, 730.0, "48000.0"), (0.7, 0.1, "0.7"), (1e22, 1e-9, "1e+22"), (0.3, 0.0, "0.3"), (-0.01, 0.1, "0.0"),
    ],
)  # fmt: skip
def test_rounded_scores_print_as_clean_decimals(score: float, spread: float, shown: str) -> None:
    assert repr(rounded(score, spread)) == shown


def test_rounding_moves_a_score_by_at_most_half_a_spread() -> None:
    for i in range(200):
        score, spread = math.sin(i) * 10 ** (i % 7 - 3), 10 ** (-(i % 5) + 0.37)
        assert abs(rounded(score, spread) - score) <= spread / 2
