from pathlib import Path

PROGRAM = '''def assign(variables, clauses, weights):
    values = [0] * variables
    member = [[] for _ in range(variables)]
    for number, clause in enumerate(clauses):
        for literal in clause:
            member[abs(literal) - 1].append(number)

    def satisfied(clause):
        hits, size = sum(values[abs(literal) - 1] == (literal > 0) for literal in clause), len(clause)
        return 0 < hits < size

    for variable in range(variables):  # once through all, each as is best so far
        gain = []
        for value in (0, 1):
            values[variable] = value
            gain.append(sum(weights[number] for number in member[variable] if satisfied(clauses[number])))
        values[variable] = int(gain[1] > gain[0])
    return values
'''

Path('assign.py').write_text(PROGRAM)
