from pathlib import Path

PROGRAM = '''import random


def schedule(jobs, setups, machines):
    rng = random.Random(0)
    n = len(jobs)

    def total(order):
        free, last, cost = [0] * machines, [-1] * machines, 0
        for number in order:
            duration, weight, due, release, family = jobs[number]
            machine = free.index(min(free))
            begin = free[machine] + (setups[last[machine]][family] if last[machine] >= 0 else 0)
            end = free[machine] = (begin if begin > release else release) + duration
            last[machine] = family
            cost += weight * (end - due if end > due else 0)
        return cost

    order = sorted(range(n), key=lambda number: jobs[number][2])
    best = total(order)
    for _ in range(5000):
        i, j = rng.sample(range(n), 2)
        trial = list(order)
        if rng.random() < 0.5:
            trial[i], trial[j] = trial[j], trial[i]
        else:
            trial.insert(j, trial.pop(i))
        cost = total(trial)
        if cost <= best:
            order, best = trial, cost
    return order
'''

Path('schedule.py').write_text(PROGRAM)
