"""Reference: guess the opponent's habit from the bids so far, then win what is worth winning by as little as needed."""

from pathlib import Path

PROGRAM = """KINDS = ("match", "above", "top-heavy", "echo", "below")


def wish(kind, prize, last):
    if kind == "top-heavy":
        return prize + 4 if prize > 8 else prize - 5
    return {"match": prize, "above": prize + 1, "below": prize - 2, "echo": last}[kind]


def nearest(cards, target):
    return min(cards, key=lambda card: (abs(card - target), card))


def likely(history):
    errors = dict.fromkeys(KINDS, 0.0)
    cards = list(range(1, 14))
    last = None
    for prize, mine, theirs in history:
        for kind in KINDS:
            expected = nearest(cards, wish(kind, prize, prize if last is None else last))
            errors[kind] += min(3, abs(expected - theirs))
        cards.remove(theirs)
        last = mine
    return min(KINDS, key=lambda kind: errors[kind])


def bid(prize, mine, theirs, history):
    kind = likely(history)
    last = history[-1][1] if history else prize
    expected = nearest(theirs, wish(kind, prize, last))
    winning = [card for card in mine if card > expected]
    left = sorted(set(range(1, 14)) - {turn[0] for turn in history})
    worth = prize >= left[len(left) // 3]
    if winning and worth:
        return winning[0]
    return mine[0]
"""

Path("strategy.py").write_text(PROGRAM)
