"""A maximum cut by tabu search with random restarts: always the best move that was not made just now."""

import random
import time

ROUNDS = 6
MOVES = 1500
SECONDS = 0.4
SEED = 0


def solve(nodes, edges):
    begun, rng = time.monotonic(), random.Random(SEED)
    near = [[] for _ in range(nodes)]
    for edge in edges:
        a, b, weight = edge if len(edge) == 3 else (*edge, 1)
        near[a].append((b, weight))
        near[b].append((a, weight))
    best, most = [0] * nodes, -1.0
    for _ in range(ROUNDS):
        side = [rng.randrange(2) for _ in range(nodes)]
        gain = [sum(w if side[a] == side[b] else -w for b, w in near[a]) for a in range(nodes)]
        value = sum(w for a in range(nodes) for b, w in near[a] if side[a] != side[b]) / 2
        until = [0] * nodes
        for move in range(MOVES):
            if time.monotonic() - begun > SECONDS:
                break
            free = [a for a in range(nodes) if until[a] <= move or value + gain[a] > most]
            a = max(free, key=lambda node: (gain[node], node), default=rng.randrange(nodes))
            value += gain[a]
            side[a], gain[a] = 1 - side[a], -gain[a]
            for b, w in near[a]:
                gain[b] += 2 * w if side[a] == side[b] else -2 * w
            until[a] = move + 4 + rng.randrange(8)
            if value > most:
                best, most = list(side), value
    return best
