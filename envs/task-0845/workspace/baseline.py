from pathlib import Path

PROGRAM = '''def assign(nodes, edges, channels):
    near = [[] for _ in range(nodes)]
    for a, b, weight in edges:
        near[a].append((b, weight))
        near[b].append((a, weight))
    given = [None] * nodes
    for node in range(nodes):  # each gets what disturbs those before it least
        def lost(channel):
            return sum(w for b, w in near[node] if given[b] is not None and abs(given[b] - channel) < 1)

        given[node] = min(range(channels), key=lost)
    return given
'''

Path('assign.py').write_text(PROGRAM)
