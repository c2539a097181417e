from pathlib import Path

PROGRAM = '''def split(nodes, edges):
    pull = [[0] * nodes for _ in range(nodes)]
    for a, b, weight in edges:
        pull[a][b] = pull[b][a] = weight
    inside = [0]
    while len(inside) < nodes // 2:  # grown from the first node by whatever clings to it most
        rest = [node for node in range(nodes) if node not in inside]
        inside.append(max(rest, key=lambda node: sum(pull[node][other] for other in inside)))
    return [int(node in inside) for node in range(nodes)]
'''

Path('split.py').write_text(PROGRAM)
