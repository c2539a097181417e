from pathlib import Path

PROGRAM = '''def colour(nodes, edges):
    near = [set() for _ in range(nodes)]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    given = {}
    for node in range(nodes):  # in their order, the first number that is free
        used = {given[other] for other in near[node] if other in given}
        given[node] = next(number for number in range(nodes) if number not in used)
    return [given[node] for node in range(nodes)]
'''

Path('colour.py').write_text(PROGRAM)
