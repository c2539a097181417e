from pathlib import Path

PROGRAM = '''import random


def split(nodes, edges):
    rng = random.Random(0)
    near = [[] for _ in range(nodes)]
    for a, b, weight in edges:
        near[a].append((b, weight))
        near[b].append((a, weight))

    def climb(side):
        better = True
        while better:
            better = False
            for node in rng.sample(range(nodes), nodes):
                if sum(w if side[b] == side[node] else -w for b, w in near[node]) > 0:
                    side[node], better = 1 - side[node], True
        return side

    def met(side):
        return sum(w for a, b, w in edges if side[a] != side[b]) - sum(w for a, b, w in edges if side[a] == side[b])

    best = climb([rng.randint(0, 1) for _ in range(nodes)])
    most = met(best)
    for _ in range(30):
        trial = list(best)
        for node in rng.sample(range(nodes), max(3, nodes // 8)):
            trial[node] = 1 - trial[node]
        climb(trial)
        value = met(trial)
        if value >= most:
            best, most = trial, value
    return best
'''

Path('split.py').write_text(PROGRAM)
