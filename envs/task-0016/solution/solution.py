"""Reference: count how often this opponent bluffs and calls, and answer with what earns most against those counts."""

from pathlib import Path

PROGRAM = '''def bluff_share(past):
    """Of their bets, how many were a bluff with the jack; a folded hand counts as half a one."""
    bets, bluffs = 2.0, 0.9
    for card, first, actions, shown, gain in past:
        if actions.startswith("pb" if first else "b"):
            bets += 1
            bluffs += shown == 0 if shown is not None else (0.5 if card else 0.25)
    return bluffs / bets


def call_share(past):
    """Of my bets, how many were called."""
    bets, calls = 2.0, 1.0
    for card, first, actions, shown, gain in past:
        if actions in (("bc", "bf") if first else ("pbc", "pbf")):
            bets += 1
            calls += actions.endswith("c")
    return calls / bets


def act(card, actions, past):
    if card == 2:
        return True
    if actions in ("b", "pb"):
        return card == 1 and bluff_share(past) > 0.25
    if card == 1:
        return False
    # A bluff with the jack wins the pot when they fold and loses one chip more when they call.
    return call_share(past) < 0.6
'''

Path("player.py").write_text(PROGRAM)
