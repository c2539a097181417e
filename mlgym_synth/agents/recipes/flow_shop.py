"""One order of jobs for all machines: NEH (Nawaz et al. 1983), then iterated greedy (Ruiz and Stuetzle 2007)."""

import math
import random
import time

ROUNDS = 120
SECONDS = 0.4
TAKE = 4
SEED = 0


def best_place(order, job, times):
    """The place where the job costs least, by Taillard's acceleration: all places in one pass."""
    m, n = len(times[0]), len(order)
    early = [[0] * (m + 1) for _ in range(n + 1)]
    for i, other in enumerate(order):
        for k in range(m):
            early[i + 1][k + 1] = max(early[i][k + 1], early[i + 1][k]) + times[other][k]
    late = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(n - 1, -1, -1):
        for k in range(m - 1, -1, -1):
            late[i][k] = max(late[i + 1][k], late[i][k + 1]) + times[order[i]][k]
    found = (math.inf, 0)
    for i in range(n + 1):
        end, span = 0, 0
        for k in range(m):
            end = max(end, early[i][k + 1]) + times[job][k]
            span = max(span, end + late[i][k])
        found = min(found, (span, i))
    return found


def insert_all(order, jobs, times):
    span = 0
    for job in jobs:
        span, place = best_place(order, job, times)
        order = [*order[:place], job, *order[place:]]
    return order, span


def settle(order, times, rng, span):
    """Take out one job after the other and put it back where it costs least, until nothing helps."""
    better = True
    while better:
        better = False
        for job in rng.sample(order, len(order)):
            rest = [other for other in order if other != job]
            now, place = best_place(rest, job, times)
            if now < span:
                order, span, better = [*rest[:place], job, *rest[place:]], now, True
    return order, span


def solve(times):
    begun, rng = time.monotonic(), random.Random(SEED)
    jobs = sorted(range(len(times)), key=lambda j: -sum(times[j]))
    order, span = insert_all([], jobs, times)
    order, span = settle(order, times, rng, span)
    best, least = order, span
    heat = 0.4 * sum(map(sum, times)) / (len(times) * len(times[0]) * 10)
    for _ in range(ROUNDS):
        if time.monotonic() - begun > SECONDS:
            break
        out = rng.sample(order, min(TAKE, len(order)))
        trial, now = insert_all([job for job in order if job not in out], out, times)
        trial, now = settle(trial, times, rng, now)
        if now < span or rng.random() < math.exp((span - now) / heat):
            order, span = trial, now
        if now < least:
            best, least = trial, now
    return best
