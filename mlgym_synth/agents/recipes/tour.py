"""A round trip by iterated local search: 2-opt and Or-opt to a local optimum, a random double bridge, again."""

import math
import random
import time

ROUNDS = 60
SECONDS = 0.4
SEED = 0


def distances(places):
    if len(places[0]) == len(places) > 3:  # a matrix already
        return places
    return [[math.dist(a, b) for b in places] for a in places]


def improve(order, far):
    """2-opt (turn a stretch round) and Or-opt (move a stretch of up to three) until neither helps."""
    n, better = len(order), True
    while better:
        better = False
        for i in range(n - 1):
            for j in range(i + 2, n - (i == 0)):
                a, b, c, d = order[i], order[i + 1], order[j], order[(j + 1) % n]
                if far[a][c] + far[b][d] < far[a][b] + far[c][d] - 1e-9:
                    order[i + 1 : j + 1] = order[i + 1 : j + 1][::-1]
                    better = True
        for size in (1, 2, 3):
            for i in range(n):
                order = order[i:] + order[:i]
                part, rest = order[:size], order[size:]
                saved = far[rest[-1]][part[0]] + far[part[-1]][rest[0]] - far[rest[-1]][rest[0]]
                costs = [
                    (far[rest[k]][x] + far[y][rest[k + 1]] - far[rest[k]][rest[k + 1]], k, x == part[-1])
                    for k in range(len(rest) - 1)
                    for x, y in ((part[0], part[-1]), (part[-1], part[0]))
                ]
                cost, k, turned = min(costs)
                if cost < saved - 1e-9:
                    order = rest[: k + 1] + (part[::-1] if turned and size > 1 else part) + rest[k + 1 :]
                    better = True
                    break
    return order


def length(order, far):
    return sum(far[a][b] for a, b in zip(order, order[1:] + order[:1]))


def nearest(far):
    order, left = [0], set(range(1, len(far)))
    while left:
        order.append(min(left, key=lambda place: (far[order[-1]][place], place)))
        left.remove(order[-1])
    return order


def solve(places):
    if len(places) < 5:
        return list(range(len(places)))
    begun, rng, far = time.monotonic(), random.Random(SEED), distances(places)
    best = improve(nearest(far), far)
    shortest = length(best, far)
    for _ in range(ROUNDS):
        if time.monotonic() - begun > SECONDS:
            break
        a, b, c = sorted(rng.sample(range(1, len(best)), 3))
        order = improve(best[:a] + best[b:c] + best[a:b] + best[c:], far)
        if length(order, far) < shortest - 1e-9:
            best, shortest = order, length(order, far)
    return best
