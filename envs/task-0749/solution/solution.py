from pathlib import Path

PROGRAM = '''import random


def assign(variables, clauses, weights):
    rng = random.Random(0)
    member = [[] for _ in range(variables)]
    for number, clause in enumerate(clauses):
        for literal in clause:
            member[abs(literal) - 1].append(number)
    values = [rng.randint(0, 1) for _ in range(variables)]
    hits = [0] * len(clauses)

    def count():
        for number, clause in enumerate(clauses):
            hits[number] = sum(values[abs(literal) - 1] == (literal > 0) for literal in clause)

    def holds(hits, size):
        return hits > 0

    def flip(variable):
        gain = 0
        for number in member[variable]:
            size, before = len(clauses[number]), hits[number]
            up = (variable + 1 in clauses[number]) != bool(values[variable])
            hits[number] = before + (1 if up else -1)
            gain += weights[number] * (holds(hits[number], size) - holds(before, size))
        values[variable] = 1 - values[variable]
        return gain

    def climb():
        better = True
        while better:
            better = False
            for variable in rng.sample(range(variables), variables):
                if flip(variable) > 0:
                    better = True
                else:
                    flip(variable)

    def score():
        return sum(w for w, hit, clause in zip(weights, hits, clauses) if holds(hit, len(clause)))

    count()
    climb()
    best, kept = score(), list(values)
    for _ in range(25):
        for variable in rng.sample(range(variables), max(3, variables // 12)):
            flip(variable)
        climb()
        if score() >= best:
            best, kept = score(), list(values)
        else:
            values[:] = kept
            count()
    return kept
'''

Path('assign.py').write_text(PROGRAM)
