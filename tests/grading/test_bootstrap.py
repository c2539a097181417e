"""Resampling gives the standard errors that theory gives, whole groups together, the same for a seed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from mlgym_synth.errors import GradingError
from mlgym_synth.grading.bootstrap import Groups, Rows, draws, interval, means, resampled

VALUES = np.random.default_rng(0).normal(size=400)


def mean_of(rows: Rows, groups: Groups | None) -> NDArray[np.float64]:
    return np.array([VALUES[rows].mean()])


def test_standard_error_of_a_mean_is_the_textbooks() -> None:
    found = resampled(mean_of, 400, None, 1000, seed=1)[:, 0].std(ddof=1)
    assert found == pytest.approx(VALUES.std() / 20, rel=0.1)
    assert means(VALUES, 1000, seed=1).std(ddof=1) == pytest.approx(VALUES.std() / 20, rel=0.1)


def test_draws_are_the_seeds() -> None:
    a, b, other = (resampled(mean_of, 400, None, 5, seed) for seed in (3, 3, 4))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, other)


def test_means_of_groups_are_of_whole_groups() -> None:
    values, groups = np.array([1.0, 1.0, 1.0, 0.0]), np.array([5, 5, 5, 8])
    assert set(means(values, 100, 0, groups)) == {0.0, 0.75, 1.0}


def test_groups_are_drawn_whole() -> None:
    groups = np.array([7, 7, 2, 2, 2, 9])
    for rows, drawn in itertools.islice(draws(6, groups, seed=0), 50):
        assert drawn is not None
        for unit in np.unique(drawn):
            members = rows[drawn == unit]
            assert sorted(members) == np.flatnonzero(groups == groups[members[0]]).tolist()
        assert len(np.unique(drawn)) == 3


def test_groups_widen_the_error_when_their_rows_agree() -> None:
    groups = np.repeat(np.arange(20), 20)
    values = np.random.default_rng(1).normal(size=20)[groups]

    def mean(rows: Rows, _: Groups | None) -> NDArray[np.float64]:
        return np.array([values[rows].mean()])

    by_row = resampled(mean, 400, None, 300, seed=0).std()
    assert resampled(mean, 400, groups, 300, seed=0).std() > 3 * by_row


def test_void_resamples_are_drawn_again_while_they_are_few() -> None:
    def one_class_is_void(rows: Rows, _: Groups | None) -> NDArray[np.float64]:
        if 0 not in rows:
            raise GradingError("one class only")
        return np.array([1.0])

    assert len(resampled(one_class_is_void, 20, None, 50, seed=0)) == 50

    def always_void(rows: Rows, _: Groups | None) -> NDArray[np.float64]:
        raise GradingError("one class only")

    with pytest.raises(GradingError, match="one class only"):
        resampled(always_void, 20, None, 50, seed=0)


def test_interval_holds_its_share() -> None:
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
