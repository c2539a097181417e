from pathlib import Path

PROGRAM = '''import math


def tour(places):
    left, order = set(range(1, len(places))), [0]
    while left:  # always on to whatever is nearest
        p = places[order[-1]]
        order.append(min(left, key=lambda number: math.dist(p[:2], places[number][:2])))
        left.remove(order[-1])
    return order
'''

Path('tour.py').write_text(PROGRAM)
