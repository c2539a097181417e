"""Routes among generated places. Lengths are ratios to a bound that holds for the instance; prizes are shares.

One salesman: `round_trip`, `street_trip` (Manhattan), `open_trip` (no way back), `hill_trip` (climbing costs extra) and
`waiting_trip` (the sum of arrival times counts). `vehicle_routing` and `open_vehicle_routing`: orders and a capacity.
`orienteering`: the most valuable round trip within a length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee, permutation
from mlgym_synth.grading.programs.generators import Points, distances, indexes, points, spanning_tree, weights
from mlgym_synth.task import Source

CLIMB = 4.0
"""What a metre up costs more than one along, in `hill_trip`."""


def _make_trip(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    places = int(parameters["places"])
    return [[points(parameters["structure"], rng, places).tolist()] for _ in range(count)]


def _make_hills(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    made = []
    for _ in range(count):
        flat = points(parameters["structure"], rng, int(parameters["places"]))
        peaks = rng.uniform(0, 100, (int(parameters["peaks"]), 2))
        away = np.hypot(*(flat[:, None] - peaks[None]).transpose(2, 0, 1))
        height = (40 * np.exp(-((away / 25) ** 2))).sum(axis=1).round(1)
        made.append([np.column_stack([flat, height]).tolist()])
    return made


def _straight(places: Points) -> Points:
    return distances(places)


def _along_streets(places: Points) -> Points:
    return distances(places, streets=True)


def _hilly(places: Points) -> Points:
    height = places[:, 2]
    return distances(places) + CLIMB * np.maximum(height[None, :] - height[:, None], 0)


def _trip(
    distance_of: Callable[[Points], Points] = _straight,
    closed: bool = True,
    waiting: bool = False,
    make: Callable[..., list[Any]] = _make_trip,
) -> Referee:
    def play(instance: Any) -> Play:
        places = np.asarray(instance[0])
        answer = yield instance
        order = permutation(answer, len(places), "places")
        if not closed and order[0] != 0:
            raise IllegalAnswer("the way must begin at place 0")
        distance = distance_of(places)
        legs = distance[order, np.roll(order, -1)]
        if waiting:  # nobody is reached sooner than on the straight way from the start
            return float(np.cumsum(legs[:-1]).sum() / distance[0].sum())
        # A leg costs no less than the cheaper of its two directions.
        least = spanning_tree(np.minimum(distance, distance.T))
        return float((legs.sum() if closed else legs[:-1].sum()) / least)

    return Referee(
        make=make,
        play=play,
        trivial="def tour(places):\n    return list(range(len(places)))\n",
        random="import random\n\n\ndef tour(places):\n"
        "    return [0] + random.sample(range(1, len(places)), len(places) - 1)\n",
        bound=1.0,
    )


def _make_deliveries(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    """The depot, customers `[x, y, amount]`, the capacity of a vehicle."""
    customers, capacity = int(parameters["customers"]), int(parameters["capacity"])
    made = []
    for _ in range(count):
        places = points(parameters["structure"], rng, customers)
        depot = {"middle": [50.0, 50.0], "corner": [0.0, 0.0]}[parameters["depot"]]
        low, high = parameters["amounts"]
        amounts = rng.integers(low, high + 1, size=customers)
        if parameters.get("large"):  # a few orders fill most of a vehicle
            amounts = np.where(rng.random(customers) < parameters["large"], capacity * 6 // 10, amounts)
        rows = [[x, y, amount] for (x, y), amount in zip(places.tolist(), amounts.tolist(), strict=True)]
        made.append([depot, rows, capacity])
    return made


def _deliveries(closed: bool) -> Referee:
    def play(instance: Any) -> Play:
        depot, customers, capacity = instance
        answer = yield instance
        if not isinstance(answer, list) or not all(isinstance(route, list) for route in answer):
            raise IllegalAnswer("the answer must be a list of routes, each a list of customers")
        permutation([one for route in answer for one in route], len(customers), "customers")
        amounts = np.array([0, *(amount for _, _, amount in customers)])
        distance = distances(np.array([depot, *(place[:2] for place in customers)]))
        total = 0.0
        for route in answer:
            stops = [int(one) + 1 for one in route]
            if amounts[stops].sum() > capacity:
                raise IllegalAnswer("a route carries more than a vehicle's capacity")
            way = [0, *stops, 0] if closed else [0, *stops]
            total += float(distance[way[:-1], way[1:]].sum())
        least = spanning_tree(distance)
        if closed:
            least = max(least, float(2 * (distance[0] * amounts).sum() / capacity))
        return total / least

    return Referee(
        make=_make_deliveries,
        play=play,
        trivial="def plan(depot, customers, capacity):\n    return [[i] for i in range(len(customers))]\n",
        random="""import random


def plan(depot, customers, capacity):
    routes, room = [], 0
    for i in random.sample(range(len(customers)), len(customers)):
        if customers[i][2] > room or random.random() < 0.5:
            routes.append([])
            room = capacity
        routes[-1].append(i)
        room -= customers[i][2]
    return routes
""",
        bound=1.0,
    )


def _make_prizes(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Places `[x, y, prize]`, place 0 the start with none, and the length that may be gone."""
    made = []
    for _ in range(count):
        places = points(parameters["structure"], rng, int(parameters["places"]))
        if parameters["start"] == "middle":
            places[0] = 50.0
        away = distances(places)[0]
        if parameters["prizes"] == "far":
            prizes = (1 + away / 10 * rng.uniform(0.5, 1.5, len(away))).astype(int)
        else:
            prizes = weights(parameters["prizes"], rng, len(away))
        prizes[0] = 0
        rows = [[x, y, prize] for (x, y), prize in zip(places.tolist(), prizes.tolist(), strict=True)]
        made.append([rows, float(parameters["length"])])
    return made


def _play_prizes(instance: Any) -> Play:
    places, length = instance
    answer = yield instance
    chosen = indexes(answer, len(places), "places")
    way = [0, *(one for one in chosen if one != 0), 0]
    distance = distances(np.array(places))
    if distance[way[:-1], way[1:]].sum() > length + 1e-6:
        raise IllegalAnswer("the round trip is longer than allowed")
    within = sum(place[2] for place, away in zip(places, distance[0], strict=True) if 2 * away <= length)
    return float(sum(places[one][2] for one in way) / max(within, 1))


ROUTING = {
    "round_trip": _trip(),
    "street_trip": _trip(_along_streets),
    "open_trip": _trip(closed=False),
    "hill_trip": _trip(_hilly, make=_make_hills),
    "waiting_trip": _trip(closed=False, waiting=True),
    "vehicle_routing": _deliveries(closed=True),
    "open_vehicle_routing": _deliveries(closed=False),
    "orienteering": Referee(
        make=_make_prizes,
        play=_play_prizes,
        trivial="def trip(places, length):\n    return []\n",
        random="""import math
import random


def trip(places, length):
    way, at, left = [], 0, length
    for i in random.sample(range(1, len(places)), len(places) - 1):
        step, back = math.dist(places[at][:2], places[i][:2]), math.dist(places[i][:2], places[0][:2])
        if step + back <= left:
            way.append(i)
            at, left = i, left - step
    return way
""",
        bound=1.0,
    ),
}
