from pathlib import Path

PROGRAM = '''def split(nodes, edges):
    near = [[] for _ in range(nodes)]
    for a, b, weight in edges:
        near[max(a, b)].append((min(a, b), weight))
    side = []
    for node in range(nodes):  # each goes where those before it want it
        pull = sum(weight if side[other] == 0 else -weight for other, weight in near[node])
        side.append(int(pull > 0))
    return side
'''

Path('split.py').write_text(PROGRAM)
