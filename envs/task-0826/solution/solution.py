from pathlib import Path

PROGRAM = '''import random


def colour(nodes, edges):
    rng = random.Random(0)
    near = [set() for _ in range(nodes)]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    given, seen = {}, [set() for _ in range(nodes)]
    while len(given) < nodes:  # whoever sees most numbers already is next
        node = max((n for n in range(nodes) if n not in given), key=lambda n: (len(seen[n]), len(near[n])))
        given[node] = next(number for number in range(nodes) if number not in seen[node])
        for other in near[node]:
            seen[other].add(given[node])
    best = given
    for _ in range(150):  # whole classes in another order never need more numbers, and at times fewer
        classes = {}
        for node, number in best.items():
            classes.setdefault(number, []).append(node)
        order = list(classes.values())
        rng.shuffle(order)
        if rng.random() < 0.5:
            order.sort(key=len, reverse=True)
        given = {}
        for node in (node for group in order for node in group):
            used = {given[other] for other in near[node] if other in given}
            given[node] = next(number for number in range(nodes) if number not in used)
        if len(set(given.values())) <= len(set(best.values())):
            best = given
    return [best[node] for node in range(nodes)]
'''

Path('colour.py').write_text(PROGRAM)
