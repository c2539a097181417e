"""Reference: nearest neighbour, then 2-opt and moves of short segments until neither helps."""

from pathlib import Path

PROGRAM = """def tour(places):
    n = len(places)
    d = [[((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for b in places] for a in places]
    best, best_length = None, float("inf")
    for start in range(0, n, 10):
        order = improve(greedy(d, start), d)
        length = sum(d[order[i - 1]][order[i]] for i in range(n))
        if length < best_length:
            best, best_length = order, length
    return best


def greedy(d, start):
    left = set(range(len(d))) - {start}
    order = [start]
    while left:
        order.append(min(left, key=d[order[-1]].__getitem__))
        left.remove(order[-1])
    return order


def improve(order, d):
    n, better = len(order), True
    while better:
        better = False
        for i in range(n - 1):
            for j in range(i + 2, n):
                a, b, c, e = order[i], order[i + 1], order[j], order[(j + 1) % n]
                if a != e and d[a][c] + d[b][e] < d[a][b] + d[c][e] - 1e-9:
                    order[i + 1 : j + 1] = reversed(order[i + 1 : j + 1])
                    better = True
        for size in (1, 2, 3):
            for i in range(n):
                turned = order[i:] + order[:i]
                part, rest = turned[:size], turned[size:]
                gain = d[rest[-1]][part[0]] + d[part[-1]][rest[0]] - d[rest[-1]][rest[0]]
                for k in range(len(rest) - 1):
                    p, q = rest[k], rest[k + 1]
                    straight = d[p][part[0]] + d[part[-1]][q] - d[p][q]
                    flipped = d[p][part[-1]] + d[part[0]][q] - d[p][q]
                    if min(straight, flipped) < gain - 1e-9:
                        order = rest[: k + 1] + (part if straight <= flipped else part[::-1]) + rest[k + 1 :]
                        better = True
                        break
    return order
"""

Path("tour.py").write_text(PROGRAM)
