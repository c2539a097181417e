"""What a trip over places costs. Goes above `orders.py`."""

import math

CLIMB = 0.0  # what a metre up costs more than one along
STREETS = False  # whether legs run along streets, north and east
CLOSED = True  # whether the way back counts
WAITING = False  # whether the times of arrival count, all added up
KEPT = 0  # places that stay at the beginning


def prepare(places):
    return [[leg(p, q) for q in places] for p in places]


def leg(p, q):
    flat = abs(p[0] - q[0]) + abs(p[1] - q[1]) if STREETS else math.dist(p[:2], q[:2])
    return flat + CLIMB * max(q[2] - p[2], 0) if CLIMB else flat


def cost(order, legs):
    way = [legs[a][b] for a, b in zip(order, order[1:])]
    if WAITING:
        return sum(leg * (len(way) - k) for k, leg in enumerate(way))
    return sum(way) + (legs[order[-1]][order[0]] if CLOSED else 0.0)
