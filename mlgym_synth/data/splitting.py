"""How rows are cut: train against evaluation, validation against test. `tables.py` and `cells.py` call this.

All draws are from one numpy `Generator(PCG64(seed))`, whose streams numpy keeps the same from version to version for
the methods used here (`permutation`, `random`). Rows are told apart by position, never by hash.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.errors import TaskInvalid

Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the cut looks at, for n rows.

    Attributes:
        inputs: shape [n], equal where all that an agent would see of the input is equal.
        strata: shape [n], class of the target to keep in proportion, or zeros.
        groups: shape [n], rows that must stay together, or None.
        times: shape [n], rank of the row's time (equal times, equal ranks), or None.
    """

    inputs: Codes
    strata: Codes
    groups: Codes | None = None
    times: Codes | None = None


def generator(seed: int) -> np.random.Generator:
    """The only source of chance in data preparation."""
    return np.random.Generator(np.random.PCG64(seed))


def evaluation_rows(rows: Rows, wanted: int, rng: np.random.Generator) -> Mask:
    """Choose the rows whose labels are sealed; the others may serve for training.

    Returns:
        Shape [n], True for evaluation. Without groups or times exactly `wanted` rows are chosen in proportion of the
        strata. Inputs may still occur on both sides: see `apart`.

    Raises:
        TaskInvalid: not enough rows.
    """
    n = len(rows.inputs)
    if n < wanted:
        raise TaskInvalid(f"data.split.evaluation_rows: {wanted} wanted, but only {n} rows are left. Lower it.")
    if rows.times is not None:
        return _last(rows.times, wanted, rng)
    if rows.groups is not None:
        return _whole_groups(rows.groups, wanted, rng)
    # Equal inputs are drawn as one, so that the rows beside the evaluation share none with it.
    chosen = in_proportion(_first_of(rows.inputs, rows.strata), wanted / n, rng)[rows.inputs]
    chosen = _filled(chosen, rows.inputs, wanted, rng)
    return _thinned(chosen, rows.inputs, wanted, rng)


def apart(rows: Rows, evaluation: Mask) -> tuple[Mask, Mask]:
    """Drop rows until no input, no time and no group lies on both sides.

    Returns:
        Evaluation rows and train rows, two masks of shape [n]. Where whole times or groups were taken, evaluation
        rows go whose input the others hold; else the others go that share an input with an evaluation row.
    """
    if rows.times is None and rows.groups is None:
        return evaluation, ~evaluation & ~_shared(rows.inputs, evaluation)
    train = ~evaluation
    if rows.times is not None:
        train &= rows.times < rows.times[evaluation].min()
    return evaluation & ~_shared(rows.inputs, train), train


def at_most(candidates: Mask, limit: int | None, rows: Rows, rng: np.random.Generator) -> Mask:
    """Keep `limit` of the candidates: the latest where rows have times, else at random in proportion of the strata."""
    where = np.flatnonzero(candidates)
    if limit is None or len(where) <= limit:
        return candidates
    kept = np.zeros_like(candidates)
    if rows.times is not None:
        kept[where[np.argsort(rows.times[where], kind="stable")[len(where) - limit :]]] = True
    else:
        kept[where[exactly(rows.strata[where], limit, rng)]] = True
    return kept


def exactly(strata: Codes, wanted: int, rng: np.random.Generator) -> Mask:
    """Choose `wanted` of n rows in proportion of the strata, at least one of each where `wanted` allows."""
    n = len(strata)
    counts = np.bincount(strata)
    share = counts * (wanted / n)
    quota = np.minimum(np.maximum(np.floor(share), counts > 0), counts).astype(int)
    while quota.sum() != wanted:  # one at a time, where the quota is furthest from its share
        short = share - quota
        if quota.sum() < wanted:
            quota[np.argmax(np.where(quota < counts, short, -np.inf))] += 1
        else:  # a stratum goes without only when there are more strata than rows wanted
            quota[np.argmin(np.where(quota > 1, short, short + n))] -= 1
    chosen = np.zeros(n, dtype=bool)
    shuffled = rng.permutation(n)
    for stratum in range(len(counts)):
        chosen[shuffled[strata[shuffled] == stratum][: quota[stratum]]] = True
    return chosen


def in_proportion(strata: Codes, share: float, rng: np.random.Generator) -> Mask:
    """Choose `share` of n units, within one of it in every stratum (systematic sampling)."""
    n = len(strata)
    order = rng.permutation(n)
    order = order[np.argsort(strata[order], kind="stable")]
    marks = np.floor(np.arange(n + 1) * share + rng.random())
    chosen = np.zeros(n, dtype=bool)
    chosen[order[np.diff(marks) > 0]] = True
    return chosen


def test_half(units: Codes, strata: Codes, rng: np.random.Generator) -> Mask:
    """Halve n rows into validation and test; rows of one unit stay together.

    Units are dealt from the largest to the smallest, each to the half that has fewer rows, so that where units are
    single rows the halves differ by at most one row, and within a stratum by at most one too.

    Returns:
        Shape [n], True for the test half.

    Raises:
        TaskInvalid: fewer than two units.
    """
    sizes = np.bincount(units)
    if np.count_nonzero(sizes) < 2:
        raise TaskInvalid("data.split: the evaluation has one group only; it cannot be halved. Raise evaluation_rows.")
    unit_strata = _first_of(units, strata)
    order = rng.permutation(len(sizes))
    order = order[np.lexsort((unit_strata[order], -sizes[order]))]
    rows_in = [0, 0]
    test = np.zeros(len(sizes), dtype=bool)
    last = int(rng.random() < 0.5)
    for unit in order.tolist():
        half = 1 - last if rows_in[0] == rows_in[1] else int(rows_in[1] < rows_in[0])
        test[unit] = bool(half)
        rows_in[half] += int(sizes[unit])
        last = half
    return np.asarray(test[units], dtype=np.bool_)


def codes(texts: Iterable[str]) -> Codes:
    """Number equal texts alike, in the order in which they first occur."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(text, len(seen)) for text in texts], dtype=np.intp)


def _shared(inputs: Codes, side: Mask) -> Mask:
    """Rows whose input occurs in a row of `side`."""
    there = np.zeros(int(inputs.max(initial=-1)) + 1, dtype=bool)
    there[inputs[side]] = True
    return np.asarray(there[inputs], dtype=np.bool_)


def _first_of(units: Codes, strata: Codes) -> Codes:
    """The stratum of the first row of every unit."""
    _, first = np.unique(units, return_index=True)
    return strata[first]


def _last(times: Codes, wanted: int, rng: np.random.Generator) -> Mask:
    counts = np.bincount(times)
    later = np.cumsum(counts[::-1])[::-1]  # rows at this time or after it
    fitting = np.flatnonzero(later <= wanted)
    if len(fitting):
        return np.asarray(times >= fitting[0], dtype=np.bool_)
    last = np.flatnonzero(times == len(counts) - 1)  # one time alone has too many: some of them, the others nowhere
    chosen = np.zeros(len(times), dtype=bool)
    chosen[last[rng.permutation(len(last))[:wanted]]] = True
    return chosen


def _whole_groups(groups: Codes, wanted: int, rng: np.random.Generator) -> Mask:
    sizes = np.bincount(groups)
    taken, room = np.zeros(len(sizes), dtype=bool), wanted
    for group in rng.permutation(len(sizes)).tolist():
        if sizes[group] <= room:
            taken[group], room = True, room - int(sizes[group])
    if room > wanted / 2:
        raise TaskInvalid(
            f"data.split.evaluation_rows: {wanted} rows do not hold whole groups (the median group has"
            f" {int(np.median(sizes))} rows). Raise it."
        )
    return np.asarray(taken[groups], dtype=np.bool_)


def _filled(chosen: Mask, inputs: Codes, wanted: int, rng: np.random.Generator) -> Mask:
    """Add inputs that are not chosen yet, all their rows, until there are enough."""
    chosen, missing = chosen.copy(), wanted - int(chosen.sum())
    for unit in rng.permutation(np.unique(inputs[~chosen])).tolist():
        if missing <= 0:
            break
        where = inputs == unit
        chosen |= where
        missing -= int(where.sum())
    return chosen


def _thinned(chosen: Mask, inputs: Codes, wanted: int, rng: np.random.Generator) -> Mask:
    """Drop what is too many, rows of frequent inputs first: their twins stay and keep the input represented."""
    where = np.flatnonzero(chosen)
    extra = len(where) - wanted
    if extra <= 0:
        return chosen
    sizes = np.bincount(inputs)[inputs[where]]
    order = rng.permutation(len(where))
    order = order[np.argsort(-sizes[order], kind="stable")]
    thinned = chosen.copy()
    thinned[where[order[:extra]]] = False
    return thinned
