"""From the baseline's order to a better one: simulated annealing over turns, shifts and swaps."""

import math
import random
import time

MOVES = 6000
HEAT = 0.5  # at the start, in units of what a random change costs
SECONDS = 0.5
SEED = 0


def changed(order, rng):
    """Turn a stretch round, put a short piece elsewhere, or swap two."""
    i, j = sorted(rng.sample(range(KEPT, len(order)), 2))
    kind = rng.random()
    if kind < 0.4:
        return order[:i] + order[i : j + 1][::-1] + order[j + 1 :]
    if kind < 0.8:
        size = rng.randint(1, 3)
        piece, rest = order[i : i + size], order[:i] + order[i + size :]
        at = rng.randint(KEPT, len(rest))
        return rest[:at] + piece + rest[at:]
    trial = list(order)
    trial[i], trial[j] = trial[j], trial[i]
    return trial


def improve(order, data):
    if len(order) < KEPT + 3:
        return order
    begun, rng = time.monotonic(), random.Random(SEED)
    now = least = cost(order, data)
    best = order
    unit = sum(abs(cost(changed(order, rng), data) - now) for _ in range(30)) / 30
    for move in range(MOVES):
        if move % 64 == 0 and time.monotonic() - begun > SECONDS:
            break
        trial = changed(order, rng)
        value = cost(trial, data)
        heat = HEAT * unit * (1 - move / MOVES) ** 3 + 1e-9
        if value <= now or rng.random() < math.exp((now - value) / heat):
            order, now = trial, value
            if now < least - 1e-9:
                best, least = order, now
    return best
