"""Graphs. Every score is a share of the weight there is, or a ratio to a bound that holds for the instance.

`colouring`: colours over a clique's size. `frequencies` and `spaced_frequencies`: weight of the edges whose ends
differ, or differ by two. `independent_set`: weight over that of a cover by cliques. `vertex_cover`: weight over an
edge packing.
`bisection`: weight cut by two equal halves. `signed_cut`: weight of the edges whose wish is met.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee, integers
from mlgym_synth.grading.programs.generators import choices, graph, indexes, weights
from mlgym_synth.task import Source


def _neighbours(nodes: int, edges: list[list[int]]) -> list[set[int]]:
    near: list[set[int]] = [set() for _ in range(nodes)]
    for a, b, *_ in edges:
        near[a].add(b)
        near[b].add(a)
    return near


def _drawn(parameters: dict[str, Any], rng: np.random.Generator) -> list[list[int]]:
    edges = graph(parameters["structure"], rng, int(parameters["nodes"]), float(parameters.get("density", 0)))
    values = weights(parameters.get("weights", "equal"), rng, len(edges)).tolist()
    return [[a, b, value] for (a, b), value in zip(edges, values, strict=True)]


def _make_colouring(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    return [[int(parameters["nodes"]), [edge[:2] for edge in _drawn(parameters, rng)]] for _ in range(count)]


def _clique(near: list[set[int]]) -> int:
    """Size of the largest of the cliques that a greedy rule finds from every node."""
    best = 1
    for start in range(len(near)):
        found, left = 1, set(near[start])
        while left:
            chosen = max(sorted(left), key=lambda node: len(near[node] & left))
            found, left = found + 1, left & near[chosen]
        best = max(best, found)
    return best


def _play_colouring(instance: Any) -> Play:
    nodes, edges = instance
    answer = yield instance
    colour = integers(answer, nodes, "a colour for every node")
    if any(colour[a] == colour[b] for a, b in edges):
        raise IllegalAnswer("two nodes with an edge between them have the same colour")
    return float(len(set(colour)) / _clique(_neighbours(nodes, edges)))


def _make_frequencies(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    return [[int(parameters["nodes"]), _drawn(parameters, rng), int(parameters["channels"])] for _ in range(count)]


def _frequencies(apart: int) -> Referee:
    def play(instance: Any) -> Play:
        nodes, edges, channels = instance
        answer = yield instance
        chosen = choices(answer, nodes, channels, "a channel for every station")
        good = sum(value for a, b, value in edges if abs(chosen[a] - chosen[b]) >= apart)
        return float(good / sum(edge[2] for edge in edges))

    return Referee(
        make=_make_frequencies,
        play=play,
        trivial="def assign(nodes, edges, channels):\n    return [0] * nodes\n",
        random="import random\n\n\ndef assign(nodes, edges, channels):\n"
        "    return [random.randrange(channels) for _ in range(nodes)]\n",
        bound=1.0,
    )


def _make_nodes(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Node weights (`with links`: they grow with the number of edges) and edges."""
    made, nodes = [], int(parameters["nodes"])
    for _ in range(count):
        edges = [edge[:2] for edge in _drawn({**parameters, "weights": "equal"}, rng)]
        if parameters["weights"] == "with links":
            links = np.array([len(near) for near in _neighbours(nodes, edges)])
            values = rng.integers(1, 4, nodes) + links
        else:
            values = weights(parameters["weights"], rng, nodes)
        made.append([values.tolist(), edges])
    return made


def _play_independent(instance: Any) -> Play:
    values, edges = instance
    answer = yield instance
    chosen = set(indexes(answer, len(values), "nodes"))
    if any(a in chosen and b in chosen for a, b in edges):
        raise IllegalAnswer("two of the chosen nodes have an edge between them")
    near, left, bound = _neighbours(len(values), edges), set(range(len(values))), 0
    while left:  # of each clique one node at most can be chosen
        first = min(left, key=lambda node: (-values[node], node))
        bound += values[first]
        left.remove(first)
        fit = near[first] & left
        while fit:
            chosen_one = min(fit, key=lambda node: (-values[node], node))
            left.remove(chosen_one)
            fit = fit & near[chosen_one]
    return float(sum(values[node] for node in chosen) / bound)


def _play_vertex_cover(instance: Any) -> Play:
    values, edges = instance
    answer = yield instance
    chosen = set(indexes(answer, len(values), "nodes"))
    if any(a not in chosen and b not in chosen for a, b in edges):
        raise IllegalAnswer("an edge has neither of its ends among the chosen nodes")
    room, bound = list(values), 0
    for a, b in edges:  # what edges pay together for a node is no more than its weight
        paid = min(room[a], room[b])
        room[a], room[b], bound = room[a] - paid, room[b] - paid, bound + paid
    return float(sum(values[node] for node in chosen) / bound)


def _make_weighted(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    return [[int(parameters["nodes"]), _drawn(parameters, rng)] for _ in range(count)]


def _play_bisection(instance: Any) -> Play:
    nodes, edges = instance
    answer = yield instance
    side = choices(answer, nodes, 2, "a side, 0 or 1, for every node")
    if sum(side) != nodes // 2:
        raise IllegalAnswer("the two sides must be of equal size")
    return float(sum(w for a, b, w in edges if side[a] != side[b]) / sum(edge[2] for edge in edges))


def _make_signed(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Edges with weights below zero, whose ends want one side, and above, whose ends want two."""
    made = []
    for _ in range(count):
        edges = _drawn(parameters, rng)
        signs = np.where(rng.random(len(edges)) < float(parameters["apart"]), 1, -1).tolist()
        made.append([int(parameters["nodes"]), [[a, b, w * s] for (a, b, w), s in zip(edges, signs, strict=True)]])
    return made


def _play_signed(instance: Any) -> Play:
    nodes, edges = instance
    answer = yield instance
    side = choices(answer, nodes, 2, "a side, 0 or 1, for every node")
    met = sum(abs(w) for a, b, w in edges if (side[a] != side[b]) == (w > 0))
    return float(met / sum(abs(edge[2]) for edge in edges))


_SIDES = "import random\n\n\ndef split(nodes, edges):\n    return [random.randint(0, 1) for _ in range(nodes)]\n"
_HALVES = """import random


def split(nodes, edges):
    side = [n % 2 for n in range(nodes)]
    random.shuffle(side)
    return side
"""
_INDEPENDENT = """import random


def choose(weights, edges):
    chosen, banned = [], set()
    for node in random.sample(range(len(weights)), len(weights)):
        if node not in banned and random.random() < 0.7:
            chosen.append(node)
            banned |= {a + b - node for a, b in edges if node in (a, b)}
    return chosen
"""
_COVER = """import random


def choose(weights, edges):
    chosen = set()
    for a, b in edges:
        if a not in chosen and b not in chosen:
            chosen.add(random.choice((a, b)))
    return list(chosen | {n for n in range(len(weights)) if random.random() < 0.5})
"""
NETWORKS = {
    "colouring": Referee(
        make=_make_colouring,
        play=_play_colouring,
        trivial="def colour(nodes, edges):\n    return list(range(nodes))\n",
        random="import random\n\n\ndef colour(nodes, edges):\n    return random.sample(range(nodes), nodes)\n",
        bound=1.0,
    ),
    "frequencies": _frequencies(1),
    "spaced_frequencies": _frequencies(2),
    "independent_set": Referee(
        make=_make_nodes,
        play=_play_independent,
        trivial="def choose(weights, edges):\n    return []\n",
        random=_INDEPENDENT,
        bound=1.0,
    ),
    "vertex_cover": Referee(
        make=_make_nodes,
        play=_play_vertex_cover,
        trivial="def choose(weights, edges):\n    return list(range(len(weights)))\n",
        random=_COVER,
        bound=1.0,
    ),
    "bisection": Referee(
        make=_make_weighted,
        play=_play_bisection,
        trivial="def split(nodes, edges):\n    return [n % 2 for n in range(nodes)]\n",
        random=_HALVES,
        bound=0.0,
    ),
    "signed_cut": Referee(
        make=_make_signed,
        play=_play_signed,
        trivial="def split(nodes, edges):\n    return [0] * nodes\n",
        random=_SIDES,
        bound=1.0,
    ),
}
