"""Combinatorial optimisation. Every score is a ratio to a bound that holds for the instance, so it cannot be passed.

`tsp`: tour length over the length of the minimum spanning tree. `knapsack`: value over the least fractional bound of
the single constraints. `flow_shop`: makespan over the machine bound, times from Taillard's generator (1993).
`bin_packing`: bins over the volume bound. `max_cut`: weight of the cut over all weight.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlgym_synth.data.packaged import load_frame
from mlgym_synth.errors import GradingError
from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee, integers, permutation
from mlgym_synth.task import Source


def _make_tsp(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    if source is None:
        raise GradingError("tsp: data.source must name a frame with columns lat and lon")
    frame = load_frame(source)
    places = np.unique(frame[["lon", "lat"]].to_numpy(dtype=np.float64).round(4), axis=0)
    low, high = parameters["longitude"]
    places = places[(places[:, 0] >= low) & (places[:, 0] <= high)]
    made = []
    for _ in range(count):
        chosen = places[rng.choice(len(places), size=int(parameters["places"]), replace=False)]
        # Kilometres on a plane: the meridian's degree is 111.2 km, the parallel's shrinks with the latitude.
        east = (chosen[:, 0] - low) * 111.2 * np.cos(np.radians(38.0))
        made.append(np.column_stack([east, chosen[:, 1] * 111.2]).round(1).tolist())
    return made


def _play_tsp(instance: Any) -> Play:
    answer = yield [instance]
    order = permutation(answer, len(instance), "places")
    points = np.asarray(instance)
    tour = points[order]
    length = float(np.hypot(*(tour - np.roll(tour, 1, axis=0)).T).sum())
    return length / _spanning_tree(points)


def _spanning_tree(points: Any) -> float:
    """Length of the minimum spanning tree (Prim): no tour is shorter."""
    distance = np.hypot(*(points - points[0]).T)
    left, total = np.ones(len(points), dtype=bool), 0.0
    left[0] = False
    while left.any():
        nearest = int(np.where(left, distance, np.inf).argmin())
        total += float(distance[nearest])
        left[nearest] = False
        distance = np.minimum(distance, np.hypot(*(points - points[nearest]).T))
    return total


TSP = Referee(
    make=_make_tsp,
    play=_play_tsp,
    trivial="def tour(places):\n    return list(range(len(places)))\n",
    random="import random\n\n\ndef tour(places):\n    return random.sample(range(len(places)), len(places))\n",
    bound=1.0,
)


def _make_knapsack(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    items, rooms = int(parameters["items"]), int(parameters["constraints"])
    made = []
    for _ in range(count):
        weights = rng.integers(5, 100, size=(rooms, items))
        values = weights.mean(axis=0) + rng.integers(0, 60, size=items)
        capacities = (weights.sum(axis=1) * rng.uniform(0.25, 0.5, size=rooms)).astype(int)
        made.append([values.astype(int).tolist(), weights.tolist(), capacities.tolist()])
    return made


def _play_knapsack(instance: Any) -> Play:
    values, weights, capacities = instance
    answer = yield instance
    chosen = integers(answer, len(answer) if isinstance(answer, list) else 0, "indexes of items")
    if len(set(chosen)) != len(chosen) or any(not 0 <= item < len(values) for item in chosen):
        raise IllegalAnswer("each index must be that of an item, and occur once at most")
    for row, capacity in zip(weights, capacities, strict=True):
        if sum(row[item] for item in chosen) > capacity:
            raise IllegalAnswer("the chosen items weigh more than a capacity")
    bound = min(_fractional(values, row, capacity) for row, capacity in zip(weights, capacities, strict=True))
    return float(sum(values[item] for item in chosen)) / bound


def _fractional(values: list[int], weights: list[int], capacity: int) -> float:
    """The optimum of the knapsack with one constraint and divisible items (Dantzig 1957): an upper bound."""
    total = 0.0
    for value, weight in sorted(zip(values, weights, strict=True), key=lambda pair: pair[0] / pair[1], reverse=True):
        part = min(1.0, capacity / weight)
        total += value * part
        capacity -= int(weight * part)
        if part < 1.0:
            break
    return total


KNAPSACK = Referee(
    make=_make_knapsack,
    play=_play_knapsack,
    trivial="def pack(values, weights, capacities):\n    return []\n",
    random="""import random


def pack(values, weights, capacities):
    chosen, left = [], list(capacities)
    for item in random.sample(range(len(values)), len(values)):
        if all(row[item] <= room for row, room in zip(weights, left)):
            chosen.append(item)
            left = [room - row[item] for row, room in zip(weights, left)]
    return chosen
""",
    bound=1.0,
)


def _taillard(seed: int, count: int) -> list[int]:
    """Integers from 1 to 99 by Taillard's linear congruential generator (EJOR 64, 1993)."""
    made = []
    for _ in range(count):
        k = seed // 127773
        seed = 16807 * (seed % 127773) - k * 2836
        seed = seed + 2147483647 if seed < 0 else seed
        made.append(1 + int(seed / 2147483647 * 99))
    return made


def _make_flow_shop(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    jobs, machines = int(parameters["jobs"]), int(parameters["machines"])
    made = []
    for _ in range(count):
        times = _taillard(int(rng.integers(1, 2**31 - 2)), jobs * machines)
        made.append([times[job * machines : (job + 1) * machines] for job in range(jobs)])
    return made


def _play_flow_shop(instance: Any) -> Play:
    answer = yield [instance]
    order = permutation(answer, len(instance), "jobs")
    ends = [0] * len(instance[0])
    for job in order:
        before = 0
        for machine, time in enumerate(instance[job]):
            before = ends[machine] = max(ends[machine], before) + time
    return float(ends[-1] / _machine_bound(instance))


def _machine_bound(times: list[list[int]]) -> int:
    """No schedule ends before a machine's work, the least head before it and the least tail after it."""
    bounds = []
    for machine in range(len(times[0])):
        head = min(sum(job[:machine]) for job in times)
        tail = min(sum(job[machine + 1 :]) for job in times)
        bounds.append(head + sum(job[machine] for job in times) + tail)
    return max(max(bounds), max(sum(job) for job in times))


FLOW_SHOP = Referee(
    make=_make_flow_shop,
    play=_play_flow_shop,
    trivial="def schedule(times):\n    return list(range(len(times)))\n",
    random="import random\n\n\ndef schedule(times):\n    return random.sample(range(len(times)), len(times))\n",
    bound=1.0,
)


def _make_bins(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    low, high = parameters["sizes"]
    items, capacity = int(parameters["items"]), int(parameters["capacity"])
    return [[rng.integers(low, high + 1, size=items).tolist(), capacity] for _ in range(count)]


def _play_bins(instance: Any) -> Play:
    sizes, capacity = instance
    answer = yield instance
    bins: dict[int, int] = {}
    for size, number in zip(sizes, integers(answer, len(sizes), "a bin for every item"), strict=True):
        bins[number] = bins.get(number, 0) + size
    if max(bins.values()) > capacity:
        raise IllegalAnswer("a bin holds more than its capacity")
    return float(len(bins) / math.ceil(sum(sizes) / capacity))


BIN_PACKING = Referee(
    make=_make_bins,
    play=_play_bins,
    trivial="def pack(sizes, capacity):\n    return list(range(len(sizes)))\n",
    random="""import random


def pack(sizes, capacity):
    rooms, bins = [], []
    for size in sizes:
        fitting = [number for number, room in enumerate(rooms) if room >= size]
        if not fitting or random.random() < 0.4:
            fitting = [len(rooms)]
            rooms.append(capacity)
        number = random.choice(fitting)
        rooms[number] -= size
        bins.append(number)
    return bins
""",
    bound=1.0,
)


def _make_cut(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    nodes, density = int(parameters["nodes"]), float(parameters["density"])
    made = []
    for _ in range(count):
        first, second = np.triu_indices(nodes, 1)
        kept = rng.random(len(first)) < density
        weights = rng.integers(1, 11, size=int(kept.sum()))
        made.append([nodes, np.column_stack([first[kept], second[kept], weights]).tolist()])
    return made


def _play_cut(instance: Any) -> Play:
    nodes, edges = instance
    answer = yield instance
    side = integers(answer, nodes, "a side, 0 or 1, for every node")
    if set(side) - {0, 1}:
        raise IllegalAnswer("every side must be 0 or 1")
    return float(sum(w for a, b, w in edges if side[a] != side[b]) / sum(w for _, _, w in edges))


MAX_CUT = Referee(
    make=_make_cut,
    play=_play_cut,
    trivial="def cut(nodes, edges):\n    return [0] * nodes\n",
    random="import random\n\n\ndef cut(nodes, edges):\n    return [random.randint(0, 1) for _ in range(nodes)]\n",
    bound=1.0,
)
