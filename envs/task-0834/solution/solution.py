from pathlib import Path

PROGRAM = '''import random


def choose(weights, edges):
    rng = random.Random(0)
    nodes = range(len(weights))
    near = [set() for _ in nodes]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)

    def filled(chosen):
        free = [node for node in nodes if node not in chosen and not near[node] & chosen]
        while free:
            worth = [weights[node] / (1 + len(near[node].intersection(free))) for node in free]
            pick = free[worth.index(max(worth))]
            chosen.add(pick)
            free = [node for node in free if node != pick and node not in near[pick]]
        return chosen

    apart = filled(set())
    best = sum(weights[node] for node in apart)
    for _ in range(220):
        trial = set(apart)
        for node in rng.sample(nodes, rng.randint(1, 3)):  # some are pushed in, whatever they push out
            trial = trial - near[node] | {node}
        total = sum(weights[node] for node in filled(trial))
        if total >= best:
            apart, best = trial, total
    return [node for node in range(len(weights)) if node not in apart]
'''

Path('choose.py').write_text(PROGRAM)
