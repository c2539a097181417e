"""Always fly to the nearest airport not yet visited."""

from pathlib import Path

PROGRAM = """def tour(places):
    left = set(range(1, len(places)))
    order = [0]
    while left:
        x, y = places[order[-1]]
        nearest = min(left, key=lambda i: (places[i][0] - x) ** 2 + (places[i][1] - y) ** 2)
        order.append(nearest)
        left.remove(nearest)
    return order
"""

Path("tour.py").write_text(PROGRAM)
