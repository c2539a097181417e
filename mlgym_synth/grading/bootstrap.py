"""Resampling: how far a score, or the difference of two, is known. The judges and the gates call this.

Rows are drawn with replacement (Efron 1979); where rows belong to groups, whole groups are drawn (the cluster
bootstrap, Davison and Hinkley 1997, 3.8), since rows of one group are no independent evidence. Two submissions are
compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.errors import GradingError

Rows = NDArray[np.intp]
Groups = NDArray[np.int64]
Statistic = Callable[[Rows, Groups | None], NDArray[np.float64]]
"""From drawn rows, and the group each is drawn with (a group drawn twice counts as two), to k scores."""

_MOST_VOID = 0.5


def draws(n: int, groups: Groups | None, seed: int) -> Iterator[tuple[Rows, Groups | None]]:
    """Endless resamples of n rows.

    Args:
        n: rows.
        groups: shape [n], integers, or None where rows are independent.
        seed: of the draws.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    if groups is None:
        while True:
            yield rng.integers(0, n, size=n), None
    index = np.unique(groups, return_inverse=True)[1]
    order, sizes = np.argsort(index, kind="stable"), np.bincount(index)
    starts = np.cumsum(sizes) - sizes
    while True:
        drawn = rng.integers(0, len(sizes), size=len(sizes))
        lengths = sizes[drawn]
        offsets = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        yield order[np.repeat(starts[drawn], lengths) + offsets], np.repeat(np.arange(len(drawn)), lengths)


def resampled(statistic: Statistic, n: int, groups: Groups | None, times: int, seed: int) -> NDArray[np.float64]:
    """The statistic on `times` resamples, shape [times, k].

    Resamples on which it is undefined (one class only, say) are drawn again.

    Raises:
        GradingError: it is undefined on more than half of them.
    """
    found: list[NDArray[np.float64]] = []
    void = 0
    for rows, drawn_groups in draws(n, groups, seed):
        try:
            found.append(statistic(rows, drawn_groups))
        except GradingError:
            void += 1
            if void > max(10, _MOST_VOID * (len(found) + void)):
                raise
        if len(found) == times:
            break
    return np.asarray(found, dtype=np.float64)


def means(values: NDArray[np.float64], times: int, seed: int, groups: Groups | None = None) -> NDArray[np.float64]:
    """Means of resamples of `values` (shape [n], a program's score on each instance), shape [times]."""
    rng = np.random.Generator(np.random.PCG64(seed))
    if groups is None:
        drawn: NDArray[np.float64] = values[rng.integers(0, len(values), size=(times, len(values)))].mean(axis=1)
        return drawn
    index = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(index, weights=values), np.bincount(index)
    taken = rng.integers(0, len(sizes), size=(times, len(sizes)))
    return np.asarray(sums[taken].sum(axis=1) / sizes[taken].sum(axis=1))


def interval(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    """The percentile interval that holds `level` of the resampled values."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
