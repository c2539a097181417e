"""A knapsack with one or several capacities: greedy by value for scarce room, then swaps and annealed restarts."""

import random
import time

ROUNDS = 40
SECONDS = 0.4
SEED = 0


def fill(chosen, order, weights, left):
    for item in order:
        if item not in chosen and all(row[item] <= room for row, room in zip(weights, left)):
            chosen.add(item)
            left = [room - row[item] for row, room in zip(weights, left)]
    return left


def improve(chosen, values, weights, left, order):
    """Exchange one chosen item for a more valuable one that fits, and fill up, until nothing helps."""
    better = True
    while better:
        better = False
        for out in sorted(chosen, key=lambda i: values[i]):
            room = [r + row[out] for r, row in zip(left, weights)]
            fits = [
                i for i in order
                if i not in chosen and values[i] > values[out] and all(row[i] <= r for row, r in zip(weights, room))
            ]  # fmt: skip
            if fits:
                best = max(fits, key=lambda i: values[i])
                chosen.remove(out)
                chosen.add(best)
                left = [r - row[best] for r, row in zip(room, weights)]
                left = fill(chosen, order, weights, left)
                better = True
                break
    return left


def solve(values, weights, capacities):
    if not isinstance(capacities, list):
        weights, capacities = [weights], [capacities]
    begun, rng, items = time.monotonic(), random.Random(SEED), range(len(values))
    scarce = [1.0 / max(1, c) for c in capacities]

    def worth(item):
        return values[item] / (sum(s * row[item] for s, row in zip(scarce, weights)) + 1e-9)

    best, most = set(), -1
    for turn in range(ROUNDS):
        if time.monotonic() - begun > SECONDS:
            break
        # Other prices for the capacities, and a random part of the best taken out again: both open other ways.
        if turn:
            scarce = [rng.uniform(0.3, 1.7) / max(1, c) for c in capacities]
        order = sorted(items, key=worth, reverse=True)
        chosen = set() if turn % 3 == 0 else {i for i in best if rng.random() < 0.7}
        left = [c - sum(row[i] for i in chosen) for row, c in zip(weights, capacities)]
        left = fill(chosen, order, weights, left)
        improve(chosen, values, weights, left, order)
        total = sum(values[i] for i in chosen)
        if total > most:
            best, most = chosen, total
    return sorted(best)
