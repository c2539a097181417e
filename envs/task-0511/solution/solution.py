"""Reference: contexts of up to six characters, each mixed with the shorter (Witten and Bell 1991)."""

from collections import Counter, defaultdict
from pathlib import Path

ORDER = 6
counts = defaultdict(Counter)
for line in Path("train.txt").read_text().splitlines():
    for end in range(len(line)):
        for order in range(min(ORDER, end) + 1):
            counts[line[end - order : end]][line[end]] += 1
kept = {context: dict(found) for context, found in counts.items() if len(context) < 4 or sum(found.values()) > 1}

MODEL = """
ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789.,;:'()-"


def predict(context):
    shares = [1 / len(ALPHABET)] * len(ALPHABET)
    for order in range(ORDER + 1):
        found = COUNTS.get(context[len(context) - order :])
        if not found:
            continue
        total, kinds = sum(found.values()), len(found)
        rest = kinds / (total + kinds)
        shares = [rest * share + (1 - rest) * found.get(c, 0) / total for c, share in zip(ALPHABET, shares)]
    whole = sum(shares)
    return [share / whole for share in shares]
"""
Path("model.py").write_text(f"ORDER = {ORDER}\nCOUNTS = {kept!r}\n" + MODEL)
