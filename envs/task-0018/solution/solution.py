"""Reference: greedy by value for load, loads priced by several price vectors, then swaps."""

from pathlib import Path

PROGRAM = """import random


def pack(values, weights, capacities):
    rng = random.Random(0)
    best, best_value = [], -1
    for attempt in range(25):
        prices = [rng.uniform(0.2, 1.0) if attempt else 1.0 for _ in capacities]
        chosen = improve(greedy(values, weights, capacities, prices), values, weights, capacities)
        value = sum(values[i] for i in chosen)
        if value > best_value:
            best, best_value = chosen, value
    return sorted(best)


def greedy(values, weights, capacities, prices):
    def density(i):
        return values[i] / sum(p * row[i] / c for p, row, c in zip(prices, weights, capacities))

    chosen, left = set(), list(capacities)
    for item in sorted(range(len(values)), key=density, reverse=True):
        if all(row[item] <= room for row, room in zip(weights, left)):
            chosen.add(item)
            left = [room - row[item] for row, room in zip(weights, left)]
    return chosen


def improve(chosen, values, weights, capacities):
    better = True
    while better:
        better = False
        left = [c - sum(row[i] for i in chosen) for row, c in zip(weights, capacities)]
        for new in sorted(set(range(len(values))) - chosen, key=lambda i: -values[i]):
            if all(row[new] <= room for row, room in zip(weights, left)):
                chosen.add(new)
                better = True
                break
            for old in sorted(chosen, key=lambda i: values[i]):
                if values[old] >= values[new]:
                    break
                if all(row[new] - row[old] <= room for row, room in zip(weights, left)):
                    chosen.remove(old)
                    chosen.add(new)
                    better = True
                    break
            if better:
                break
    return chosen
"""

Path("loading.py").write_text(PROGRAM)
