"""Choosing and placing: costs over a bound that holds for the instance, values as shares of one.

`quadratic_assignment`; `facility_location`, `median_sites` (a given number), `furthest_customer`; `job_assignment`
(with overtime); `set_cover`, `max_coverage`; `linear_ordering`, `linear_arrangement`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee, permutation
from mlgym_synth.grading.programs.generators import choices, graph, indexes, points, weights
from mlgym_synth.task import Source


def _make_qap(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Flows between things, distances between places. `places`: `grid`, `line`, `circle`, `scattered` or `floors`."""
    size, layout = int(parameters["size"]), parameters["places"]
    made = []
    for _ in range(count):
        at = np.arange(size)
        if layout == "grid":
            apart = np.abs(at[:, None] % 4 - at % 4) + np.abs(at[:, None] // 4 - at // 4)
        elif layout == "line":
            apart = np.abs(at[:, None] - at)
        elif layout == "circle":
            apart = np.minimum((at[:, None] - at) % size, (at - at[:, None]) % size)
        elif layout == "floors":  # along a corridor, and stairs at its end between floors
            room, floor = at // 2, at % 2
            apart = np.where(floor[:, None] == floor, np.abs(room[:, None] - room), room[:, None] + room + 4)
        else:
            places = rng.uniform(0, 100, (size, 2))
            apart = np.hypot(*(places[:, None] - places).transpose(2, 0, 1)).round().astype(int)
        edges = graph(parameters["structure"], rng, size, float(parameters["density"]))
        flow = np.zeros((size, size), dtype=int)
        for (a, b), value in zip(edges, weights(parameters["weights"], rng, len(edges)).tolist(), strict=True):
            flow[a, b] = flow[b, a] = value
        made.append([flow.tolist(), apart.tolist()])
    return made


def _play_qap(instance: Any) -> Play:
    flow, apart = (np.array(matrix) for matrix in instance)
    answer = yield instance
    place = permutation(answer, len(flow), "places")
    pairs = np.triu_indices(len(flow), 1)
    least = np.sort(flow[pairs]) @ np.sort(apart[pairs])[::-1]  # the rearrangement inequality
    return float((flow * apart[np.ix_(place, place)])[pairs].sum() / least)


def _make_sites(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Costs of opening (or how many may be opened), and of serving, `[customer][site]`."""
    customers, sites = int(parameters["customers"]), int(parameters["sites"])
    made = []
    for _ in range(count):
        homes, places = points(parameters["structure"], rng, customers), rng.uniform(0, 100, (sites, 2))
        apart = np.hypot(*(homes[:, None] - places[None]).transpose(2, 0, 1))
        if parameters.get("demand"):
            apart *= weights(parameters["demand"], rng, customers)[:, None]
        opening: Any = parameters.get("open")
        if opening is None:
            low, high = parameters["costs"]
            opening = rng.integers(low, high + 1, size=sites).tolist()
        made.append([opening, apart.round().astype(int).tolist()])
    return made


def _sites(kind: str) -> Referee:
    def play(instance: Any) -> Play:
        opening, serving = instance
        answer = yield instance
        chosen = indexes(answer, len(serving[0]), "sites")
        if not chosen:
            raise IllegalAnswer("one site at least must be open")
        if kind != "free" and len(chosen) > opening:
            raise IllegalAnswer("more sites are open than allowed")
        paid = [min(row[site] for site in chosen) for row in serving]
        least = [min(row) for row in serving]
        if kind == "furthest":
            return float(max(paid) / max(max(least), 1))
        if kind == "counted":
            return float(sum(paid) / max(sum(least), 1))
        return float((sum(paid) + sum(opening[site] for site in chosen)) / (sum(least) + min(opening)))

    return Referee(
        make=_make_sites,
        play=play,
        trivial="def choose(opening, serving):\n    return [0]\n",
        random="import random\n\n\ndef choose(opening, serving):\n    sites = range(len(serving[0]))\n"
        "    count = opening if isinstance(opening, int) else random.choice(sites) + 1\n"
        "    return random.sample(sites, count)\n",
        bound=1.0,
    )


def _make_agents(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Costs and hours `[agent][job]`, hours each agent has, and what an hour over them costs."""
    agents, jobs, room = int(parameters["agents"]), int(parameters["jobs"]), float(parameters["room"])
    made = []
    for _ in range(count):
        hours = rng.integers(5, 26, size=(agents, jobs))
        costs = rng.integers(10, 51, size=(agents, jobs))
        if parameters["structure"] == "cheap is slow":
            costs = 60 - 2 * hours + rng.integers(0, 10, size=(agents, jobs))
        elif parameters["structure"] == "one is cheap":
            costs[0] = costs[0] // 2
        have = (hours.sum(axis=1) / agents * room).astype(int)
        made.append([costs.tolist(), hours.tolist(), have.tolist(), int(parameters["overtime"])])
    return made


def _play_agents(instance: Any) -> Play:
    costs, hours, have, overtime = instance
    answer = yield instance
    chosen = choices(answer, len(costs[0]), len(costs), "an agent for every job")
    left = list(have)
    total = 0
    for job, agent in enumerate(chosen):
        left[agent] -= hours[agent][job]
        total += costs[agent][job]
    total += overtime * sum(max(0, -hours_left) for hours_left in left)
    return float(total / sum(min(column) for column in zip(*costs, strict=True)))


def _make_sets(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Sets over elements, each element in one at least. `structure`: `random`, `discs` or `runs`."""
    elements, sets, structure = int(parameters["elements"]), int(parameters["sets"]), parameters["structure"]
    low, high = parameters["reach"]
    made = []
    for _ in range(count):
        if structure == "discs":
            homes, middles = points("uniform", rng, elements), rng.uniform(0, 100, (sets, 2))
            apart = np.hypot(*(middles[:, None] - homes[None]).transpose(2, 0, 1))
            inside = apart <= rng.uniform(low, high, (sets, 1))
        elif structure == "runs":
            start, length = rng.integers(elements, size=(sets, 1)), rng.integers(low, high + 1, size=(sets, 1))
            inside = (np.arange(elements) - start) % elements < length
        else:
            inside = rng.random((sets, elements)) < rng.uniform(low, high, (sets, 1))
        inside[rng.integers(sets, size=elements), np.arange(elements)] = True
        if parameters["weights"] == "by size":
            costs = 3 + inside.sum(axis=1) + rng.integers(0, 6, size=sets)
        else:
            costs = weights(parameters["weights"], rng, sets)
        held = [np.flatnonzero(row).tolist() for row in inside]
        if "choose" in parameters:
            made.append([weights(parameters["values"], rng, elements).tolist(), held, int(parameters["choose"])])
        else:
            made.append([elements, held, costs.tolist()])
    return made


def _play_cover(instance: Any) -> Play:
    elements, sets, costs = instance
    answer = yield instance
    chosen = indexes(answer, len(sets), "sets")
    if len({one for number in chosen for one in sets[number]}) < elements:
        raise IllegalAnswer("an element is in none of the chosen sets")
    price = [min(c / len(s) for s, c in zip(sets, costs, strict=True) if one in s) for one in range(elements)]
    return float(sum(costs[number] for number in chosen) / sum(price))  # no set is dearer than its elements' prices


def _play_coverage(instance: Any) -> Play:
    values, sets, count = instance
    answer = yield instance
    chosen = indexes(answer, len(sets), "sets")
    if len(chosen) > count:
        raise IllegalAnswer("more sets are chosen than allowed")
    return float(sum(values[one] for one in {one for number in chosen for one in sets[number]}) / sum(values))


def _make_order(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """`[i][j]`: the gain where i comes before j. `structure`: `free`, `ranked`, `sparse`, `cycles` or `trade`."""
    size, structure = int(parameters["size"]), parameters["structure"]
    made = []
    for _ in range(count):
        gain = rng.integers(0, 100, size=(size, size))
        if structure == "ranked":  # matches between players of different strength
            strength = rng.normal(0, 1, size)
            chance = 1 / (1 + np.exp(strength[None] - strength[:, None]))
            gain = rng.binomial(9, chance)
        elif structure == "sparse":
            gain = np.where(rng.random((size, size)) < 0.2, gain, 0)
        elif structure == "cycles":  # each is ahead of the next half on a circle
            ahead = (np.arange(size)[None] - np.arange(size)[:, None]) % size
            gain = np.where(ahead <= size // 2, gain, gain // 3)
            mix = rng.permutation(size)
            gain = gain[np.ix_(mix, mix)]
        elif structure == "trade":
            scale = rng.pareto(1.2, size) + 0.3
            gain = (rng.exponential(8, (size, size)) * scale[:, None] * scale).clip(0, 2000).astype(int)
        np.fill_diagonal(gain, 0)
        made.append([gain.tolist()])
    return made


def _play_order(instance: Any) -> Play:
    gain = np.array(instance[0])
    answer = yield instance
    order = permutation(answer, len(gain), "items")
    return float(np.triu(gain[np.ix_(order, order)]).sum() / np.triu(np.maximum(gain, gain.T)).sum())


def _make_line(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    nodes = int(parameters["nodes"])
    made = []
    for _ in range(count):
        edges = graph(parameters["structure"], rng, nodes, float(parameters.get("density", 0)))
        values = weights(parameters["weights"], rng, len(edges)).tolist()
        mix = rng.permutation(nodes).tolist()
        made.append([nodes, [[mix[a], mix[b], value] for (a, b), value in zip(edges, values, strict=True)]])
    return made


def _play_line(instance: Any) -> Play:
    nodes, edges = instance
    answer = yield instance
    place = permutation(answer, nodes, "places")
    length = sum(value * abs(place[a] - place[b]) for a, b, value in edges)
    near = sorted((value for _, _, value in edges), reverse=True)
    # nodes - 1 pairs are at distance 1, nodes - 2 at distance 2 and so on: the dearest edges at best take the nearest.
    gaps = [gap for gap in range(1, nodes) for _ in range(nodes - gap)]
    return float(length / sum(value * gap for value, gap in zip(near, gaps, strict=False)))


def _shuffle(signature: str, size: str) -> str:
    return f"import random\n\n\ndef {signature}:\n    return random.sample(range({size}), {size})\n"


PLACEMENT = {
    "quadratic_assignment": Referee(
        make=_make_qap,
        play=_play_qap,
        trivial="def place(flows, distances):\n    return list(range(len(flows)))\n",
        random=_shuffle("place(flows, distances)", "len(flows)"),
        bound=1.0,
    ),
    "facility_location": _sites("free"),
    "median_sites": _sites("counted"),
    "furthest_customer": _sites("furthest"),
    "job_assignment": Referee(
        make=_make_agents,
        play=_play_agents,
        trivial="def assign(costs, hours, have, overtime):\n    return [0] * len(costs[0])\n",
        random="import random\n\n\ndef assign(costs, hours, have, overtime):\n"
        "    return [random.randrange(len(costs)) for _ in costs[0]]\n",
        bound=1.0,
    ),
    "set_cover": Referee(
        make=_make_sets,
        play=_play_cover,
        trivial="def choose(elements, sets, costs):\n    return list(range(len(sets)))\n",
        random="""import random


def choose(elements, sets, costs):
    chosen, covered = [], set()
    for number in random.sample(range(len(sets)), len(sets)):
        if not covered.issuperset(sets[number]):
            chosen.append(number)
            covered.update(sets[number])
    return chosen
""",
        bound=1.0,
    ),
    "max_coverage": Referee(
        make=_make_sets,
        play=_play_coverage,
        trivial="def choose(values, sets, count):\n    return []\n",
        random="import random\n\n\ndef choose(values, sets, count):\n"
        "    return random.sample(range(len(sets)), count)\n",
        bound=1.0,
    ),
    "linear_ordering": Referee(
        make=_make_order,
        play=_play_order,
        trivial="def order(gains):\n    return list(range(len(gains)))\n",
        random=_shuffle("order(gains)", "len(gains)"),
        bound=1.0,
    ),
    "linear_arrangement": Referee(
        make=_make_line,
        play=_play_line,
        trivial="def place(nodes, edges):\n    return list(range(nodes))\n",
        random=_shuffle("place(nodes, edges)", "nodes"),
        bound=1.0,
    ),
}
