"""The mean of the five readings that are nearest, each column measured in its own standard deviation."""

from pathlib import Path

import numpy as np

table = np.genfromtxt("measurements.csv", delimiter=",", skip_header=1)
scale = table[:, :-1].std(axis=0)

Path("law.py").write_text(f"""TABLE = {table.tolist()}
SCALE = {scale.tolist()}


def predict(rows):
    return [near(row) for row in rows]


def near(row):
    def apart(known):
        return sum(((x - y) / s) ** 2 for x, y, s in zip(row, known, SCALE))

    return sum(known[-1] for known in sorted(TABLE, key=apart)[:5]) / 5
""")
