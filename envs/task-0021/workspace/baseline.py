"""Go through the stations once, each to the side where it cuts more of what is placed already."""

from pathlib import Path

PROGRAM = """def cut(nodes, edges):
    side = [0] * nodes
    for node in range(nodes):
        gain = 0
        for a, b, weight in edges:
            other = a if b == node else b if a == node else None
            if other is not None and other < node:
                gain += weight if side[other] == 0 else -weight
        side[node] = 1 if gain > 0 else 0
    return side
"""

Path("split.py").write_text(PROGRAM)
