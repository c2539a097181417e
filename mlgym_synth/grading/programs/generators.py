"""What instances of several referees are made of, points and graphs of a named structure, and answers they share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.grading.programs.base import IllegalAnswer, integers

Points = NDArray[np.float64]


def points(structure: str, rng: np.random.Generator, count: int) -> Points:
    """Points on a square of side 100, shape [count, 2], to one decimal, no two of them equal.

    Args:
        structure: `uniform`, `clusters`, `ring`, `corridor` (a strip), `core` (dense in the middle) or `streets`
            (crossings of a grid).
        rng: where they are drawn from.
        count: how many.
    """
    if structure == "streets":
        crossings = rng.choice(21 * 21, size=count, replace=False)
        return np.column_stack([crossings % 21 * 5.0, crossings // 21 * 5.0])
    if structure == "uniform":
        drawn = rng.uniform(0, 100, (count, 2))
    elif structure == "clusters":
        middles = rng.uniform(10, 90, (max(3, count // 10), 2))
        drawn = middles[rng.integers(len(middles), size=count)] + rng.normal(0, 4, (count, 2))
    elif structure == "ring":
        angle, radius = rng.uniform(0, 2 * np.pi, count), rng.uniform(35, 50, count)
        drawn = 50 + np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    elif structure == "corridor":
        drawn = np.column_stack([rng.uniform(0, 100, count), rng.uniform(0, 12, count)])
    elif structure == "core":
        drawn = 50 + rng.normal(0, 1, (count, 2)) * rng.exponential(16, (count, 1))
    else:
        raise ValueError(f"no structure of points {structure!r}")
    return drawn.clip(0, 100).round(1)


def distances(places: Points, streets: bool = False) -> Points:
    """All distances, shape [n, n]: straight, or along streets."""
    apart = np.abs(places[:, None, :2] - places[None, :, :2])
    return apart.sum(axis=2) if streets else np.hypot(apart[..., 0], apart[..., 1])


def spanning_tree(distance: Points) -> float:
    """Length of the minimum spanning tree (Prim)."""
    nearest, left, total = distance[0].copy(), np.ones(len(distance), dtype=bool), 0.0
    left[0] = False
    while left.any():
        chosen = int(np.where(left, nearest, np.inf).argmin())
        total += float(nearest[chosen])
        left[chosen] = False
        nearest = np.minimum(nearest, distance[chosen])
    return total


def graph(structure: str, rng: np.random.Generator, nodes: int, density: float) -> list[tuple[int, int]]:
    """Edges (a, b) with a < b, in random order, about `density` of all pairs.

    Args:
        structure: `random`, `near` (stations within a radius), `hubs` (a few with most edges), `communities` or
            `torus` (a grid whose edges wrap; `density` says nothing there).
        rng: where they are drawn from.
        nodes: number of nodes.
        density: share of pairs.
    """
    first, second = np.triu_indices(nodes, 1)
    wanted = round(density * len(first))
    noise = rng.random(len(first))
    if structure == "random":
        rank = noise
    elif structure == "near":
        places = rng.uniform(0, 1, (nodes, 2))
        rank = np.hypot(*(places[first] - places[second]).T)
    elif structure == "hubs":
        pull = rng.pareto(1.5, nodes) + 0.2
        rank = -np.log(noise) / (pull[first] * pull[second])
    elif structure == "communities":
        home = rng.integers(0, 5, nodes)
        rank = -np.log(noise) / np.where(home[first] == home[second], 6.0, 1.0)
    elif structure == "torus":
        side = int(nodes**0.5)
        linked = {
            (min(a, b), max(a, b))
            for a in range(side * side)
            for b in ((a // side) * side + (a + 1) % side, (a + side) % (side * side))
        }
        return [pair for pair in np.array(sorted(linked))[rng.permutation(len(linked))].tolist()]
    else:
        raise ValueError(f"no structure of graphs {structure!r}")
    kept = np.argsort(rank, kind="stable")[:wanted]
    kept = rng.permutation(kept)
    return list(zip(first[kept].tolist(), second[kept].tolist(), strict=True))


def weights(kind: str, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Whole numbers: `equal` (1), `spread` (1 to 10) or `heavy` (a few are much larger than the rest)."""
    if kind == "equal":
        return np.ones(count, dtype=np.int64)
    if kind == "spread":
        return rng.integers(1, 11, size=count)
    if kind == "heavy":
        return (1 + 3 * rng.pareto(1.3, count)).clip(1, 200).astype(np.int64)
    raise ValueError(f"no kind of weights {kind!r}")


def indexes(answer: Any, count: int, what: str) -> list[int]:
    """The answer as different indexes from 0 to count - 1.

    Raises:
        IllegalAnswer: it is none.
    """
    chosen = integers(answer, len(answer) if isinstance(answer, list) else 0, f"indexes of {what}")
    if len(set(chosen)) != len(chosen) or any(not 0 <= one < count for one in chosen):
        raise IllegalAnswer(f"each index must be that of one of the {what}, and occur once at most")
    return chosen


def choices(answer: Any, count: int, options: int, what: str) -> list[int]:
    """The answer as `count` whole numbers from 0 to options - 1.

    Raises:
        IllegalAnswer: it is none.
    """
    chosen = integers(answer, count, what)
    if any(not 0 <= one < options for one in chosen):
        raise IllegalAnswer(f"the answer must be a list of {what}, each among those there are, counted from 0")
    return chosen
