from pathlib import Path

PROGRAM = '''import random


def split(nodes, edges):
    rng = random.Random(0)
    pull = [[0] * nodes for _ in range(nodes)]
    near = [[] for _ in range(nodes)]
    for a, b, weight in edges:
        pull[a][b] = pull[b][a] = weight
        near[a].append((b, weight))
        near[b].append((a, weight))

    def cut(side):
        return sum(w for a, b, w in edges if side[a] != side[b])

    def climb(side):
        while True:
            gain = [sum(w if side[b] != side[a] else -w for b, w in near[a]) for a in range(nodes)]
            ranked = sorted(range(nodes), key=lambda node: -gain[node])
            zeros = [node for node in ranked if side[node] == 0][:12]
            ones = [node for node in ranked if side[node] == 1][:12]
            best, a, b = max((gain[a] + gain[b] - 2 * pull[a][b], a, b) for a in zeros for b in ones)
            if best <= 0:
                return side
            side[a], side[b] = 1, 0

    start = [node % 2 for node in range(nodes)]
    rng.shuffle(start)
    best = climb(start)
    least = cut(best)
    for _ in range(25):
        trial = list(best)
        for _ in range(max(2, nodes // 10)):
            a, b = rng.sample(range(nodes), 2)
            trial[a], trial[b] = trial[b], trial[a]
        climb(trial)
        cost = cut(trial)
        if cost <= least:
            best, least = trial, cost
    return best
'''

Path('split.py').write_text(PROGRAM)
