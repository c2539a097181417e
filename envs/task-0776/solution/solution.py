"""Reference: the form of the law is known here, its constants are fitted to the readings."""

from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

LAW = "emissivity * 1.191e8 / wavelength ** 5 / (exp(14388 / (wavelength * temperature)) - 1)"
INPUTS = "wavelength, temperature"
START = {'emissivity': 0.725}
FIXED = {}

table = np.genfromtxt("measurements.csv", delimiter=",", skip_header=1)
target = table[:, -1]
error = 0.8 * np.abs(target) + 0.2 * np.abs(target).mean()
known = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
known |= {**FIXED, **dict(zip(INPUTS.split(", "), table[:, :-1].T))}
law = compile(LAW, "law", "eval")


def wrong(shares):
    """Errors in units of the noise; constants are counted in shares of where they start."""
    constants = {name: first * share for (name, first), share in zip(START.items(), shares)}
    with np.errstate(all="ignore"):
        return np.nan_to_num((eval(law, {**known, **constants}) - target) / error, nan=1e3, posinf=1e3, neginf=-1e3)


fits = [
    least_squares(wrong, np.random.default_rng(seed).uniform(0.7, 1.3, len(START)), loss="soft_l1")
    for seed in range(6)
]
best = min(fits, key=lambda fit: fit.cost)
fitted = {name: first * float(share) for (name, first), share in zip(START.items(), best.x)}
lines = "\n".join(f"{name} = {value!r}" for name, value in {**FIXED, **fitted}.items())

Path("law.py").write_text(f"""import numpy as np
from numpy import *

{lines}


def predict(rows):
    {INPUTS}, = np.array(rows, dtype=float).T
    with np.errstate(all="ignore"):
        return np.nan_to_num({LAW}).tolist()
""")
