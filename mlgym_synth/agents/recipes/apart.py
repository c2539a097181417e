"""Nodes with no edge between them, or the nodes that these leave: put one in, its neighbours out, and fill up."""

import math
import random
import time

MOVES = 6000
HEAT = 0.3  # at the start, in units of the mean weight
SECONDS = 0.5
SEED = 0
COVER = False  # whether every edge must have an end among the chosen


def prepare(weights, edges):
    near = [set() for _ in weights]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    return weights, near


def improve(chosen, data):
    begun, rng, (weights, near) = time.monotonic(), random.Random(SEED), data
    nodes = range(len(weights))
    inside = set(nodes) - set(chosen) if COVER else set(chosen)
    best, now = set(inside), sum(weights[node] for node in inside)
    most, unit = now, sum(weights) / len(weights)
    for move in range(MOVES):
        if move % 64 == 0 and time.monotonic() - begun > SECONDS:
            break
        node = rng.randrange(len(weights))
        if node in inside:
            continue
        out = near[node] & inside
        gain = weights[node] - sum(weights[other] for other in out)
        heat = HEAT * unit * (1 - move / MOVES) ** 2 + 1e-9
        if gain >= 0 or rng.random() < math.exp(gain / heat):
            inside = inside - out | {node}
            now += gain
            if now > most:
                best, most = set(inside), now
    for node in sorted(nodes, key=lambda node: -weights[node]):
        if node not in best and not near[node] & best:
            best.add(node)
    return sorted(set(nodes) - best if COVER else best)
