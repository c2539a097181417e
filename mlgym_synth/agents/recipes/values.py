"""From the baseline's numbers to better ones: simulated annealing, one number (or a pair exchanged) at a time."""

import math
import random
import time

MOVES = 15000
HEAT = 0.5  # at the start, in units of what a random change costs
SECONDS = 0.5
SEED = 0


def improve(x, data):
    begun, rng, x = time.monotonic(), random.Random(SEED), list(x)
    nodes, count = data[:2]
    best, least, now, unit = list(x), 0.0, 0.0, 1e-9
    for move in range(MOVES):
        if move % 64 == 0 and time.monotonic() - begun > SECONDS:
            break
        i = rng.randrange(nodes)
        old, new = x[i], rng.randrange(count)
        j = rng.randrange(nodes)
        if PAIRED:
            new = x[j]
        if new == old:
            continue
        before = local(i, x, data)
        x[i] = new
        gain = before - local(i, x, data)
        if PAIRED:
            before = local(j, x, data)
            x[j] = old
            gain += before - local(j, x, data)
        unit += (abs(gain) - unit) * max(0.01, 1 / (move + 1))
        heat = HEAT * unit * (1 - move / MOVES) ** 2 + 1e-9
        if gain >= 0 or rng.random() < math.exp(gain / heat):
            now -= gain
            if now < least - 1e-9:
                best, least = list(x), now
        else:
            x[i] = old
            if PAIRED:
                x[j] = new
    return best
