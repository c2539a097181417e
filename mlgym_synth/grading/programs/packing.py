"""Bins and knapsacks with a twist. Bins over a bound on their number; values over a fractional bound.

`shaped_bin_packing`: sizes of a structure. `vector_packing`: two sizes at a time. `conflict_packing`: items that must
not share a bin. `pair_knapsack`: pairs that are worth more together. `conflict_knapsack`: items that exclude each
other. `group_knapsack`: one of each group at most.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee, integers
from mlgym_synth.grading.programs.generators import graph, indexes
from mlgym_synth.task import Source


def _sizes(structure: str, rng: np.random.Generator, items: int, capacity: int) -> list[int]:
    if structure == "triplets":  # bins that three fill exactly
        first = rng.integers(capacity * 38 // 100, capacity * 49 // 100, size=items // 3)
        second = rng.integers(capacity * 26 // 100, capacity * 30 // 100, size=items // 3)
        made = np.concatenate([first, second, capacity - first - second])
    elif structure == "few kinds":
        made = rng.choice(rng.integers(capacity // 6, capacity // 2, size=6), size=items)
    elif structure == "large and small":
        large = rng.integers(capacity // 2, capacity * 7 // 10, size=items // 3)
        made = np.concatenate([large, rng.integers(capacity // 20, capacity // 4, size=items - items // 3)])
    elif structure == "thirds":  # just above or below a third
        made = rng.integers(capacity * 28 // 100, capacity * 40 // 100, size=items)
    else:
        made = rng.integers(capacity // 10, capacity // 2, size=items)
    return [int(size) for size in rng.permutation(made)]


def _make_bins(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    items, capacity = int(parameters["items"]), int(parameters["capacity"])
    return [[_sizes(parameters["structure"], rng, items, capacity), capacity] for _ in range(count)]


def _contents(answer: Any, items: int) -> list[list[int]]:
    bins: dict[int, list[int]] = {}
    for item, number in enumerate(integers(answer, items, "a bin for every item")):
        bins.setdefault(number, []).append(item)
    return list(bins.values())


def _play_bins(instance: Any) -> Play:
    sizes, capacity = instance
    answer = yield instance
    bins = _contents(answer, len(sizes))
    if any(sum(sizes[item] for item in held) > capacity for held in bins):
        raise IllegalAnswer("a bin holds more than its capacity")
    return float(len(bins) / math.ceil(sum(sizes) / capacity))


def _make_vectors(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Items `[a, b]` in bins of capacity 100 in both. `structure`: `free`, `opposed` or `alike`."""
    items, made = int(parameters["items"]), []
    for _ in range(count):
        first, second = rng.integers(5, 51, size=(2, items))
        if parameters["structure"] == "opposed":
            second = (55 - first + rng.integers(-8, 9, size=items)).clip(3, 60)
        elif parameters["structure"] == "alike":
            second = (first + rng.integers(-10, 11, size=items)).clip(3, 60)
        made.append([np.column_stack([first, second]).tolist(), 100])
    return made


def _play_vectors(instance: Any) -> Play:
    sizes, capacity = instance
    answer = yield instance
    bins = _contents(answer, len(sizes))
    if any(sum(sizes[item][k] for item in held) > capacity for held in bins for k in (0, 1)):
        raise IllegalAnswer("a bin holds more than its capacity")
    return float(len(bins) / max(math.ceil(sum(size[k] for size in sizes) / capacity) for k in (0, 1)))


def _make_conflict_bins(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    items, capacity = int(parameters["items"]), int(parameters["capacity"])
    return [
        [
            _sizes("even", rng, items, capacity),
            capacity,
            [list(pair) for pair in graph(parameters["structure"], rng, items, float(parameters["density"]))],
        ]
        for _ in range(count)
    ]


def _play_conflict_bins(instance: Any) -> Play:
    sizes, capacity, conflicts = instance
    answer = yield instance
    bins = _contents(answer, len(sizes))
    if any(sum(sizes[item] for item in held) > capacity for held in bins):
        raise IllegalAnswer("a bin holds more than its capacity")
    place = {item: number for number, held in enumerate(bins) for item in held}
    if any(place[a] == place[b] for a, b in conflicts):
        raise IllegalAnswer("two items that must not share a bin do")
    return float(len(bins) / math.ceil(sum(sizes) / capacity))


def _items(parameters: dict[str, Any], rng: np.random.Generator) -> tuple[list[int], list[int], int]:
    """Values, weights and a capacity. `structure`: `free`, `alike` (value near weight) or `opposed`."""
    items = int(parameters["items"])
    weight = rng.integers(5, 60, size=items)
    value = rng.integers(5, 60, size=items)
    if parameters["structure"] == "alike":
        value = weight + 10
    elif parameters["structure"] == "opposed":
        value = 70 - weight + rng.integers(-4, 5, size=items)
    return value.tolist(), weight.tolist(), int(weight.sum() * float(parameters["room"]))


def _make_pairs(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    made = []
    for _ in range(count):
        values, weights, capacity = _items(parameters, rng)
        pairs = graph(parameters["links"], rng, len(values), float(parameters["density"]))
        bonus = rng.integers(5, int(parameters["bonus"]) + 1, size=len(pairs)).tolist()
        made.append([values, weights, capacity, [[a, b, more] for (a, b), more in zip(pairs, bonus, strict=True)]])
    return made


def _make_conflicts(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    made = []
    for _ in range(count):
        items = _items(parameters, rng)
        pairs = graph(parameters["links"], rng, len(items[0]), float(parameters["density"]))
        made.append([*items, [list(pair) for pair in pairs]])
    return made


def _make_groups(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    made = []
    for _ in range(count):
        values, weights, capacity = _items(parameters, rng)
        group = rng.integers(len(values) // int(parameters["group"]), size=len(values))
        made.append([values, weights, capacity, group.tolist()])
    return made


def _fractional(values: list[float], weights: list[int], capacity: float) -> float:
    """The best value were items divisible (Dantzig 1957)."""
    total = 0.0
    for value, weight in sorted(zip(values, weights, strict=True), key=lambda pair: -pair[0] / pair[1]):
        part = min(1.0, capacity / weight)
        total, capacity = total + value * part, capacity - weight * part
        if part < 1.0:
            break
    return total


def _play_knapsack(instance: Any) -> Play:
    values, weights, capacity, more = instance
    answer = yield instance
    chosen = set(indexes(answer, len(values), "items"))
    if sum(weights[item] for item in chosen) > capacity:
        raise IllegalAnswer("the chosen items weigh more than the capacity")
    total = sum(values[item] for item in chosen)
    worth = [float(value) for value in values]
    if more and isinstance(more[0], int):
        groups = [more[item] for item in chosen]
        if len(set(groups)) < len(groups):
            raise IllegalAnswer("two of the chosen items are of one group")
        best: dict[int, float] = {}
        for group, value in zip(more, worth, strict=True):
            best[group] = max(best.get(group, 0.0), value)
        return float(total / min(_fractional(worth, weights, capacity), sum(best.values())))
    for a, b, *bonus in more:
        together = a in chosen and b in chosen
        if not bonus and together:
            raise IllegalAnswer("two of the chosen items exclude each other")
        if bonus:  # half of it to each is what a choice can at most be worth
            total += bonus[0] * together
            worth[a], worth[b] = worth[a] + bonus[0] / 2, worth[b] + bonus[0] / 2
    return float(total / _fractional(worth, weights, capacity))


_OWN_BINS = "return list(range(len(sizes)))\n"
_FIRST_FIT = """import random


def pack({arguments}):
    bins = []
    for item, size in enumerate(sizes):
        fit = [held for held in bins if {fits}]
        if not fit or random.random() < 0.5:
            fit = [[]]
            bins.append(fit[0])
        random.choice(fit).append(item)
    return [next(n for n, held in enumerate(bins) if item in held) for item in range(len(sizes))]
"""
_FITS = "sum(sizes[i] for i in held) + size <= capacity"
_FITS_TWICE = "all(sum(sizes[i][k] for i in held) + size[k] <= capacity for k in (0, 1))"
_FITS_FRIENDS = _FITS + " and not any([i, item] in conflicts or [item, i] in conflicts for i in held)"
_RANDOM_ITEMS = """import random


def pack(values, weights, capacity, {more}):
    chosen = []
    for item in random.sample(range(len(values)), len(values)):
        if sum(weights[i] for i in chosen) + weights[item] <= capacity and {fits}:
            chosen.append(item)
    return chosen
"""


def _knapsack(make: Any, more: str, fits: str) -> Referee:
    return Referee(
        make=make,
        play=_play_knapsack,
        trivial=f"def pack(values, weights, capacity, {more}):\n    return []\n",
        random=_RANDOM_ITEMS.format(more=more, fits=fits),
        bound=1.0,
    )


PACKING = {
    "shaped_bin_packing": Referee(
        make=_make_bins,
        play=_play_bins,
        trivial=f"def pack(sizes, capacity):\n    {_OWN_BINS}",
        random=_FIRST_FIT.format(arguments="sizes, capacity", fits=_FITS),
        bound=1.0,
    ),
    "vector_packing": Referee(
        make=_make_vectors,
        play=_play_vectors,
        trivial=f"def pack(sizes, capacity):\n    {_OWN_BINS}",
        random=_FIRST_FIT.format(arguments="sizes, capacity", fits=_FITS_TWICE),
        bound=1.0,
    ),
    "conflict_packing": Referee(
        make=_make_conflict_bins,
        play=_play_conflict_bins,
        trivial=f"def pack(sizes, capacity, conflicts):\n    {_OWN_BINS}",
        random=_FIRST_FIT.format(arguments="sizes, capacity, conflicts", fits=_FITS_FRIENDS),
        bound=1.0,
    ),
    "pair_knapsack": _knapsack(_make_pairs, "pairs", "True"),
    "conflict_knapsack": _knapsack(
        _make_conflicts, "conflicts", "not any([i, item] in conflicts or [item, i] in conflicts for i in chosen)"
    ),
    "group_knapsack": _knapsack(_make_groups, "groups", "not any(groups[i] == groups[item] for i in chosen)"),
}
