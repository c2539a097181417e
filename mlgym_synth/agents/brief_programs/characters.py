from pathlib import Path

ALPHABET = LETTERS
text = Path("train.txt").read_text()
Path("PROGRAM").write_text(f"""from collections import Counter

ALPHABET = {ALPHABET!r}
TEXT = {text!r}
COUNTS = {{}}
for n in range(5):
    for i in range(n, len(TEXT)):
        COUNTS.setdefault(TEXT[i - n : i], Counter())[TEXT[i]] += 1


def predict(context):
    odds = dict.fromkeys(ALPHABET, 1 / len(ALPHABET))
    for n in range(5):
        seen = COUNTS.get(context[len(context) - n :])
        if seen:
            total, kinds = sum(seen.values()), len(seen)
            odds = {{c: (seen[c] + kinds * odds[c]) / (total + kinds) for c in ALPHABET}}
    return [odds[c] for c in ALPHABET]
""")
