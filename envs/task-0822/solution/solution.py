from pathlib import Path

PROGRAM = '''import random


def assign(nodes, edges, channels):
    rng = random.Random(0)
    near = [[] for _ in range(nodes)]
    for a, b, weight in edges:
        near[a].append((b, weight))
        near[b].append((a, weight))

    def lost(node, given):
        costs = [0] * channels
        for b, weight in near[node]:
            for channel in range(max(0, given[b] - 1 + 1), min(channels, given[b] + 1)):
                costs[channel] += weight
        return costs

    def climb(given):
        better = True
        while better:
            better = False
            for node in rng.sample(range(nodes), nodes):
                costs = lost(node, given)
                least = min(costs)
                if least < costs[given[node]]:
                    given[node], better = costs.index(least), True

    def total(given):
        return sum(w for a, b, w in edges if abs(given[a] - given[b]) < 1)

    best = [rng.randrange(channels) for _ in range(nodes)]
    climb(best)
    least = total(best)
    for _ in range(30):
        trial = list(best)
        for node in rng.sample(range(nodes), max(3, nodes // 10)):
            trial[node] = rng.randrange(channels)
        climb(trial)
        cost = total(trial)
        if cost <= least:
            best, least = trial, cost
    return best
'''

Path('assign.py').write_text(PROGRAM)
