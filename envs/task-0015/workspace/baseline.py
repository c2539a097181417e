"""Bid the card nearest to the prize: a plain strategy that any player starts with."""

from pathlib import Path

PROGRAM = """def bid(prize, mine, theirs, history):
    return min(mine, key=lambda card: (abs(card - prize), card))
"""

Path("strategy.py").write_text(PROGRAM)
