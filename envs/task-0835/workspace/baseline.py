from pathlib import Path

PROGRAM = '''def choose(weights, edges):
    near = [set() for _ in weights]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    apart, banned = set(), set()
    for node in sorted(range(len(weights)), key=lambda node: -weights[node]):  # the heaviest first
        if node not in banned:
            apart.add(node)
            banned |= near[node]
    return sorted(apart)
'''

Path('choose.py').write_text(PROGRAM)
