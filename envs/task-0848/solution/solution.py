from pathlib import Path

PROGRAM = '''import math
import random


def tour(places):
    rng = random.Random(0)
    n = len(places)
    d = [[math.dist(p, q) for q in places] for p in places]

    def total(order):
        return sum(d[a][b] for a, b in zip(order, order[1:] + order[:1]))

    left, order = set(range(1, n)), [0]
    while left:
        here = d[order[-1]]
        order.append(min(left, key=here.__getitem__))
        left.remove(order[-1])
    best = total(order)
    for _ in range(9000):
        i, j = sorted(rng.sample(range(1, n), 2))
        kind = rng.random()
        if kind < 0.5:  # the other way round
            trial = order[:i] + order[i : j + 1][::-1] + order[j + 1 :]
        else:  # a short piece somewhere else
            end = min(n, i + rng.randint(1, 3))
            piece, rest = order[i:end], order[:i] + order[end:]
            at = rng.randint(1, len(rest))
            trial = rest[:at] + piece + rest[at:]
        cost = total(trial)
        if cost <= best:
            order, best = trial, cost
    return order
'''

Path('tour.py').write_text(PROGRAM)
