"""Reinforcement learning: policies for environments that the referee runs; the program only ever sees observations.

`pendulum`: Gymnasium's Pendulum with its physics changed. `frozen_lake`: a whole policy for a slippery lake (the
dynamics of Gymnasium's FrozenLake), whose chance of success the referee computes exactly, without a single roll.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.envs.classic_control.pendulum import PendulumEnv

from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee, integers
from mlgym_synth.task import Source

PENDULUM_STEPS = 200
LAKE_STEPS = 100
_MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))  # left, down, right, up, as in FrozenLake


def _make_pendulum(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    return [
        {"seed": int(rng.integers(2**31)), **{name: float(parameters[name]) for name in ("gravity", "mass", "length")}}
        for _ in range(count)
    ]


def _play_pendulum(instance: Any) -> Play:
    env: Any = PendulumEnv(g=instance["gravity"])
    env.m, env.l = instance["mass"], instance["length"]
    rng = np.random.Generator(np.random.PCG64(instance["seed"]))
    env.reset(seed=instance["seed"])
    env.state = np.array([rng.uniform(-np.pi, np.pi), rng.uniform(-1.0, 1.0)])
    observation = np.array([np.cos(env.state[0]), np.sin(env.state[0]), env.state[1]])
    total = 0.0
    for step in range(PENDULUM_STEPS):
        torque = yield [[round(float(value), 6) for value in observation], step]
        if isinstance(torque, list) and len(torque) == 1:
            torque = torque[0]
        if isinstance(torque, bool) or not isinstance(torque, int | float) or not -2.0 <= torque <= 2.0:
            raise IllegalAnswer("the torque must be a number from -2 to 2")
        observation, reward, *_ = env.step(np.array([torque], dtype=np.float64))
        total += float(reward)
    return total / PENDULUM_STEPS


PENDULUM = Referee(
    make=_make_pendulum,
    play=_play_pendulum,
    trivial="def act(observation, step):\n    return 0.0\n",
    random="import random\n\n\ndef act(observation, step):\n    return random.uniform(-2, 2)\n",
    bound=0.0,
)


def _make_lake(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    size, holes = int(parameters["size"]), float(parameters["holes"])
    made: list[Any] = []
    while len(made) < count:
        cells = np.where(rng.random((size, size)) < holes, "H", "F")
        cells[0, 0], cells[-1, -1] = "S", "G"
        if _connected(cells):
            made.append(["".join(row) for row in cells])
    return made


def _connected(cells: Any) -> bool:
    size, seen, edge = len(cells), {(0, 0)}, [(0, 0)]
    while edge:
        row, column = edge.pop()
        for down, right in _MOVES:
            cell = (row + down, column + right)
            if cell not in seen and min(cell) >= 0 and max(cell) < size and cells[cell] != "H":
                seen.add(cell)
                edge.append(cell)
    return (size - 1, size - 1) in seen


def _play_lake(instance: Any) -> Play:
    size = len(instance)
    answer = yield [instance]
    policy = integers(answer, size * size, "a move for every cell, row by row")
    if set(policy) - {0, 1, 2, 3}:
        raise IllegalAnswer("a move must be 0 (left), 1 (down), 2 (right) or 3 (up)")
    there = np.zeros(size * size)
    there[0] = 1.0
    transition = _transitions(instance, policy)
    for _ in range(LAKE_STEPS):
        there = there @ transition
    return float(there[-1])


def _transitions(grid: list[str], policy: list[int]) -> Any:
    """Shape [cells, cells]: the intended move or one at a right angle to it, a third each; holes and goal hold."""
    size = len(grid)
    matrix = np.zeros((size * size, size * size))
    for cell, move in enumerate(policy):
        row, column = divmod(cell, size)
        if grid[row][column] in "HG":
            matrix[cell, cell] = 1.0
            continue
        for slip in (-1, 0, 1):
            down, right = _MOVES[(move + slip) % 4]
            to_row, to_column = min(max(row + down, 0), size - 1), min(max(column + right, 0), size - 1)
            matrix[cell, to_row * size + to_column] += 1 / 3
    return matrix


FROZEN_LAKE = Referee(
    make=_make_lake,
    play=_play_lake,
    trivial="def plan(grid):\n    return [2] * len(grid) ** 2\n",
    random="import random\n\n\ndef plan(grid):\n    return [random.randrange(4) for _ in range(len(grid) ** 2)]\n",
    bound=1.0,
)
