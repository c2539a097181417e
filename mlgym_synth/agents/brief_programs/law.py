from pathlib import Path

import numpy as np

table = np.genfromtxt("measurements.csv", delimiter=",", skip_header=1)
x, y = table[:, :-1], table[:, -1]
floor = np.abs(x).max(axis=0) * 1e-6


def terms(x):
    logs = np.log(np.maximum(x, floor))
    return np.column_stack([np.ones(len(x)), logs, x / np.abs(table[:, :-1]).max(axis=0)])


weights = np.linalg.lstsq(terms(x), np.log(np.maximum(y, y[y > 0].min())), rcond=None)[0]
top = np.abs(x).max(axis=0)
Path("PROGRAM").write_text(f"""import numpy as np

FLOOR, TOP, WEIGHTS = np.array({floor.tolist()}), np.array({top.tolist()}), np.array({weights.tolist()})


def predict(rows):
    x = np.array(rows, float)
    logs = np.log(np.maximum(x, FLOOR))
    terms = np.column_stack([np.ones(len(x)), logs, x / TOP])
    return np.exp(np.clip(terms @ WEIGHTS, -30, 30)).tolist()
""")
