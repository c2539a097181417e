"""What a variable's clauses lose. Goes above `values.py`."""

RULE = "any"  # any: a true literal is enough; one: exactly one; mixed: a true one and a false one
PAIRED = False


def prepare(variables, clauses, weights):
    member = [[] for _ in range(variables)]
    for clause, weight in zip(clauses, weights):
        for literal in clause:
            member[abs(literal) - 1].append((clause, weight))
    return variables, 2, member


def holds(clause, x):
    hits = sum(x[abs(literal) - 1] == (literal > 0) for literal in clause)
    return hits == 1 if RULE == "one" else 0 < hits < len(clause) if RULE == "mixed" else hits > 0


def local(i, x, data):
    return sum(weight for clause, weight in data[2][i] if not holds(clause, x))
