"""Bin packing: best fit by falling size, then empty the fullest-to-spare bins and pack the rest anew."""

import random
import time

ROUNDS = 400
SECONDS = 0.4
SEED = 0


def fullest(items, room):
    """The items (largest first) that fill `room` best: a search over few levels, stopped after a number of steps."""
    best, steps = (0, []), 0

    def search(start, left, taken):
        nonlocal best, steps
        steps += 1
        if room - left > best[0]:
            best = (room - left, taken)
        if left == 0 or steps > 400:
            return left == 0
        last = None
        for k in range(start, len(items)):
            size = items[k][0]
            if size <= left and size != last:
                last = size
                if search(k + 1, left - size, [*taken, items[k]]) or steps > 400:
                    return True
        return False

    search(0, room, [])
    return best[1]


def pack_each(items, capacity):
    """Fill one bin after the other as full as can be, each begun with the largest item left (Gupta and Ho 1999)."""
    items, bins = sorted(items, reverse=True), []
    while items:
        first, rest = items[0], items[1:]
        taken = [first, *fullest(rest, capacity - first[0])]
        bins.append(taken)
        gone = {number for _, number in taken}
        items = [item for item in rest if item[1] not in gone]
    return bins


def solve(sizes, capacity):
    begun, rng = time.monotonic(), random.Random(SEED)
    items = [(size, number) for number, size in enumerate(sizes)]
    bound = -(-sum(sizes) // capacity)
    best = now = pack_each(items, capacity)
    for _ in range(ROUNDS):
        if len(best) <= bound or time.monotonic() - begun > SECONDS:
            break
        # Keep most bins, the fuller the likelier; what falls out is packed anew in a slightly shuffled order.
        kept, loose = [], []
        for one in now:
            spare = capacity - sum(size for size, _ in one)
            (loose.extend if rng.random() < 0.25 + 0.5 * (spare > 0) else kept.append)(one)
        rng.shuffle(loose)
        half = loose[: rng.randrange(4)]
        again = [[item] for item in half]
        loose = sorted((item for item in loose if item not in half), reverse=True)
        for one in again:
            one += fullest(loose, capacity - one[0][0])
            loose = [item for item in loose if item not in one]
        trial = kept + again + pack_each(loose, capacity)
        if quality(trial) >= quality(now):
            now = trial
        if len(now) < len(best):
            best = now
    places = {number: place for place, one in enumerate(best) for _, number in one}
    return [places[number] for number in range(len(sizes))]


def quality(bins):
    """Few bins; at equal number, uneven ones: a nearly empty bin is nearly saved."""
    return -len(bins), sum(sum(size for size, _ in one) ** 2 for one in bins)
