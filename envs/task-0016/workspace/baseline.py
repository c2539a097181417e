"""Play tight: bet and call with the king, and with nothing else."""

from pathlib import Path

PROGRAM = """def act(card, actions, past):
    return card == 2
"""

Path("player.py").write_text(PROGRAM)
