"""Reference: fill one bin after the other as full as the parts left allow (minimum bin slack), largest part first."""

from pathlib import Path

PROGRAM = """def pack(sizes, capacity):
    left = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    bins, number = [0] * len(sizes), 0
    while left:
        chosen = fullest(left, sizes, capacity)
        for item in chosen:
            bins[item] = number
        left = [item for item in left if item not in chosen]
        number += 1
    return bins


def fullest(left, sizes, capacity):
    first, best, best_room = left[0], None, capacity + 1
    budget = [4000]

    def search(start, chosen, room):
        nonlocal best, best_room
        if room < best_room:
            best, best_room = list(chosen), room
        budget[0] -= 1
        previous = None
        for k in range(start, len(left)):
            if best_room == 0 or budget[0] <= 0:
                return
            size = sizes[left[k]]
            if size <= room and size != previous:
                previous = size
                chosen.append(left[k])
                search(k + 1, chosen, room - size)
                chosen.pop()

    search(1, [first], capacity - sizes[first])
    return set(best)
"""

Path("packing.py").write_text(PROGRAM)
