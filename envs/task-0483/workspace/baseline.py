"""Baseline: how often each character occurs, whatever went before."""

from collections import Counter
from pathlib import Path

ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789.,;:'()-"
counts = Counter(Path("train.txt").read_text())
shares = [counts[character] + 1 for character in ALPHABET]
shares = [share / sum(shares) for share in shares]

Path("model.py").write_text(f"SHARES = {shares!r}\n\n\ndef predict(context):\n    return SHARES\n")
