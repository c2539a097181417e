"""Reference: the insertion rule of Nawaz, Enscore and Ham (1983) and insertion moves after it."""

from pathlib import Path

PROGRAM = """import random


def makespan(order, times):
    ends = [0] * len(times[0])
    for job in order:
        before = 0
        for machine, duration in enumerate(times[job]):
            before = ends[machine] = max(ends[machine], before) + duration
    return ends[-1]


def insert(order, job, times):
    tries = [order[:i] + [job] + order[i:] for i in range(len(order) + 1)]
    return min(tries, key=lambda o: makespan(o, times))


def schedule(times):
    order = []
    for job in sorted(range(len(times)), key=lambda j: -sum(times[j])):
        order = insert(order, job, times)
    rng, best, length = random.Random(0), order, makespan(order, times)
    for _ in range(25):
        out = rng.sample(best, 3)
        order = [job for job in best if job not in out]
        for job in out:
            order = insert(order, job, times)
        found = makespan(order, times)
        if found <= length:
            best, length = order, found
    return best
"""

Path("schedule.py").write_text(PROGRAM)
