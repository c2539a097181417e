"""Least squares on the columns as they are, put into a module that stands alone."""

from pathlib import Path

import numpy as np

table = np.genfromtxt("measurements.csv", delimiter=",", skip_header=1)
inputs, target = table[:, :-1], table[:, -1]
design = np.column_stack([np.ones(len(inputs)), inputs])
weights = np.linalg.lstsq(design, target, rcond=None)[0]

Path("law.py").write_text(f"""WEIGHTS = {weights.tolist()}


def predict(rows):
    return [WEIGHTS[0] + sum(w * x for w, x in zip(WEIGHTS[1:], row)) for row in rows]
""")
