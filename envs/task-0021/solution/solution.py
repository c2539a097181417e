"""Reference: tabu search over single moves from a few random starts."""

from pathlib import Path

PROGRAM = """import random


def cut(nodes, edges):
    links = [[] for _ in range(nodes)]
    for a, b, weight in edges:
        links[a].append((b, weight))
        links[b].append((a, weight))
    rng = random.Random(0)
    best, best_value = None, -1
    for _ in range(3):
        side = [rng.randint(0, 1) for _ in range(nodes)]
        gain = [sum(w if side[o] == side[n] else -w for o, w in links[n]) for n in range(nodes)]
        value = sum(w for a, b, w in edges if side[a] != side[b])
        banned = [0] * nodes
        for step in range(400):
            free = [n for n in range(nodes) if banned[n] <= step or value + gain[n] > best_value]
            node = max(free or range(nodes), key=gain.__getitem__)
            value += gain[node]
            side[node] = 1 - side[node]
            gain[node] = -gain[node]
            for other, weight in links[node]:
                gain[other] += 2 * weight if side[other] == side[node] else -2 * weight
            banned[node] = step + 5 + rng.randint(0, 5)
            if value > best_value:
                best, best_value = list(side), value
    return best
"""

Path("split.py").write_text(PROGRAM)
