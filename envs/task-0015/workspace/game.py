"""Plays matches of Goofspiel for practice: `python game.py strategy.py`. The rules are those of the referee."""

import importlib.util
import json
import random
import sys
from pathlib import Path


def match(prize, last, theirs, rng):
    return min(theirs, key=lambda card: (abs(card - prize), card))


def above(prize, last, theirs, rng):
    return min(theirs, key=lambda card: (abs(card - prize - 1), card))


def echo(prize, last, theirs, rng):
    return min(theirs, key=lambda card: (abs(card - last), card))


OPPONENTS = {"match": match, "above": above, "echo": echo}


def play(bid, prizes, opponent, noise=0.1, seed=0):
    """My share of the points of one match."""
    rng = random.Random(seed)
    mine, theirs, history, points = list(range(1, 14)), list(range(1, 14)), [], [0, 0]
    for prize in prizes:
        my_bid = bid(prize, list(mine), list(theirs), [list(turn) for turn in history])
        last = history[-1][1] if history else prize
        their_bid = rng.choice(theirs) if rng.random() < noise else opponent(prize, last, theirs, rng)
        mine.remove(my_bid)
        theirs.remove(their_bid)
        history.append([prize, my_bid, their_bid])
        if my_bid != their_bid:
            points[my_bid < their_bid] += prize
    return points[0] / sum(points) if sum(points) else 0.5


if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("strategy", sys.argv[1])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = json.loads(Path("instances.json").read_text())
    for name, opponent in OPPONENTS.items():
        shares = [play(module.bid, i["prizes"], opponent, seed=s) for s, i in enumerate(known)]
        print(f"{name:8s} {sum(shares) / len(shares):.3f}")
