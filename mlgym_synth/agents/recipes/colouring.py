"""Graph colouring: DSATUR (Brelaz 1979), then tabu search for one colour less, and again."""

import random
import time

MOVES = 3000
SECONDS = 0.4
SEED = 0


def dsatur(near):
    colour = [-1] * len(near)
    for _ in near:
        free = [a for a in range(len(near)) if colour[a] < 0]
        a = max(free, key=lambda a: (len({colour[b] for b in near[a]} - {-1}), len(near[a])))
        used = {colour[b] for b in near[a]}
        colour[a] = next(c for c in range(len(near)) if c not in used)
    return colour


def repair(near, colour, k, rng, deadline):
    """Tabu search for a colouring with k colours; None where it is not found."""
    colour, until = [c if c < k else rng.randrange(k) for c in colour], {}
    for move in range(MOVES):
        bad = [a for a in range(len(near)) if any(colour[a] == colour[b] for b in near[a])]
        if not bad:
            return colour
        if time.monotonic() > deadline:
            return None
        trials = [
            (sum(colour[b] == c for b in near[a]) - sum(colour[b] == colour[a] for b in near[a]), rng.random(), a, c)
            for a in bad for c in range(k)
            if c != colour[a] and until.get((a, c), 0) <= move
        ]  # fmt: skip
        if trials:
            _, _, a, c = min(trials)
            until[a, colour[a]] = move + 6 + rng.randrange(8)
            colour[a] = c
    return None


def solve(nodes, edges):
    rng, deadline = random.Random(SEED), time.monotonic() + SECONDS
    near = [set() for _ in range(nodes)]
    for a, b, *_ in edges:
        near[a].add(b)
        near[b].add(a)
    best = dsatur(near)
    while max(best) > 1:
        found = repair(near, best, max(best), rng, deadline)
        if found is None:
            return best
        best = found
    return best
