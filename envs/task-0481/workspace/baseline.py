"""Baseline: how often each character followed each other one, plus one."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789.,;:'()-"
counts = Counter(pairwise(Path("train.txt").read_text()))
rows = {}
for first in ALPHABET:
    row = [counts[first, second] + 1 for second in ALPHABET]
    rows[first] = [count / sum(row) for count in row]

Path("model.py").write_text(f"ROWS = {rows!r}\n\n\ndef predict(context):\n    return ROWS[context[-1]]\n")
