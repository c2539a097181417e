"""Three-card poker against a habit: possible opponents, weighted by what was seen, and the best answer to them."""

import random
from functools import lru_cache

SEED = 0
COUNT = 150
SHOWN = []  # [bet, call] of opponents seen before, three chances each


def opponents():
    """Opponents that could be: those shown, blurred, and others drawn at random."""
    rng, found = random.Random(SEED), []
    for number in range(COUNT):
        if SHOWN and number % 3:
            bet, call = rng.choice(SHOWN)
            mixed = [rng.choice(SHOWN)[0][0], bet[1], bet[2]], [call[0], rng.choice(SHOWN)[1][1], call[2]]
            made = [[0.85 * p + 0.15 * rng.random() ** 2 for p in row] for row in mixed]
        else:
            bluff, call = rng.betavariate(0.4, 0.4), rng.betavariate(0.4, 0.4)
            made = [[bluff, rng.random() * 0.4, 1 - 0.3 * rng.random()], [0.1 * rng.random(), call, 1.0]]
        found.append([[min(0.99, max(0.01, p)) for p in row] for row in made])
    return found


OPPONENTS = opponents()


def likelihood(opponent, card, was_first, actions):
    """The chance that this opponent, holding `card`, did its part of `actions` (I am the other player)."""
    bet, call = opponent
    chance, mine = 1.0, was_first
    for place, action in enumerate(actions):
        if not mine:
            answers = "b" in actions[:place]
            p = (call if answers else bet)[card]
            chance *= p if action in "bc" else 1 - p
        mine = not mine
    return chance


@lru_cache(maxsize=4096)
def weight_of_hand(mine, was_first, actions, theirs):
    cards = [theirs] if theirs is not None else [c for c in range(3) if c != mine]
    return [sum(likelihood(o, c, was_first, actions) for c in cards) for o in OPPONENTS]


SEEN = {"hands": 0, "weights": [1.0] * len(OPPONENTS)}  # of the match that is being played


def beliefs(past):
    if len(past) < SEEN["hands"] or not past:
        SEEN.update(hands=0, weights=[1.0] * len(OPPONENTS))
    weights = SEEN["weights"]
    for mine, was_first, actions, theirs, _ in past[SEEN["hands"] :]:
        weights = [w * h for w, h in zip(weights, weight_of_hand(mine, bool(was_first), actions, theirs))]
        top = max(weights)
        weights = [w / top for w in weights]
    SEEN.update(hands=len(past), weights=weights)
    return weights


def value(opponent, card, other, actions, act):
    """My gain of a hand if I do `act` now (True: bet or call) and pass or fold wisely later."""
    bet, call = opponent
    win = 1 if card > other else -1
    if actions in ("b", "pb"):
        return 2 * win if act else -1
    if act:
        return call[other] * 2 * win + (1 - call[other])
    if actions == "p":
        return win
    # I open with a pass: they may bet, and then I call with the king, fold the jack, and the queen is in between.
    answer = {0: -1.0, 1: 0.5 * (2 * win - 1), 2: 2.0}[card]
    return bet[other] * answer + (1 - bet[other]) * win


def solve(card, actions, past):
    weights = beliefs(past)
    gains = {True: 0.0, False: 0.0}
    for opponent, weight in zip(OPPONENTS, weights):
        for other in range(3):
            if other == card:
                continue
            chance = weight * likelihood(opponent, other, actions in ("", "pb"), actions)
            for act in gains:
                gains[act] += chance * value(opponent, card, other, actions, act)
    return bool(gains[True] > gains[False])
