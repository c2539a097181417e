"""A power law: least squares on the logarithms of all columns."""

from pathlib import Path

import numpy as np

table = np.genfromtxt("measurements.csv", delimiter=",", skip_header=1)
table = table[table[:, -1] > 0]
logs = np.log(table)
design = np.column_stack([np.ones(len(logs)), logs[:, :-1]])
weights = np.linalg.lstsq(design, logs[:, -1], rcond=None)[0]

Path("law.py").write_text(f"""from math import exp, log

WEIGHTS = {weights.tolist()}


def predict(rows):
    return [exp(WEIGHTS[0] + sum(w * log(x) for w, x in zip(WEIGHTS[1:], row))) for row in rows]
""")
