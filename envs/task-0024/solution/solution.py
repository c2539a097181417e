"""Reference: characters after contexts of up to five, each order mixed with the one below it (Witten and Bell 1991)."""

from collections import Counter, defaultdict
from pathlib import Path

ORDER = 5
text = Path("train.txt").read_text()
counts = defaultdict(Counter)
for line in text.splitlines():
    for end in range(len(line)):
        for order in range(min(ORDER, end) + 1):
            counts[line[end - order : end]][line[end]] += 1
kept = {context: dict(found) for context, found in counts.items() if len(context) < 3 or sum(found.values()) > 2}

MODEL = """
ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789.,;:'()-"


def predict(context):
    probabilities = [1 / len(ALPHABET)] * len(ALPHABET)
    for order in range(ORDER + 1):
        found = COUNTS.get(context[len(context) - order :])
        if not found:
            continue
        total, kinds = sum(found.values()), len(found)
        rest = kinds / (total + kinds)
        probabilities = [
            rest * p + (1 - rest) * found.get(c, 0) / total for c, p in zip(ALPHABET, probabilities)
        ]
    whole = sum(probabilities)
    return [p / whole for p in probabilities]
"""
Path("model.py").write_text(f"ORDER = {ORDER}\nCOUNTS = {kept!r}\n" + MODEL)
