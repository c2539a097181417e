"""What a node's edges cost. Goes above `values.py`."""

APART = 1  # numbers that differ by less cost the weight
SIGN = 1  # -1: those that differ cost it
PAIRED = False  # whether each number must stay as frequent as it is


def prepare(nodes, edges, channels=2):
    near = [[] for _ in range(nodes)]
    for a, b, weight in edges:
        near[a].append((b, SIGN * weight))
        near[b].append((a, SIGN * weight))
    return nodes, channels, near


def local(i, x, data):
    here = x[i]
    return sum(weight for j, weight in data[2][i] if -APART < here - x[j] < APART)
