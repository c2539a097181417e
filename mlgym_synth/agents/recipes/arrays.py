"""Pictures or series in .npy files: `python arrays.py raw|edges|kernels|blend`, rows aligned with the tables."""

import sys
from pathlib import Path

import lab
import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

SEED = 0
KERNELS = 300
POWER = 5.0
TREES = 200


def arrays():
    name = next(path.name for path in sorted(Path().glob("*_train.npy")))
    both = [np.load(name), np.load(name.replace("_train", "_test"))]
    return [part.astype(np.float32) / max(1.0, float(np.abs(both[0]).max())) for part in both]


def raw(part):
    return part.reshape(len(part), -1)


def edges(part):
    """Histograms of gradient directions in cells of a picture (Dalal and Triggs 2005)."""
    grey = part.mean(-1) if part.ndim == 4 else part
    down, right = np.gradient(grey, axis=(1, 2))
    size, bins = np.hypot(down, right), ((np.arctan2(down, right) / np.pi % 1) * 8).astype(int) % 8
    rows = np.array_split(np.arange(grey.shape[1]), max(2, grey.shape[1] // 6))
    cols = np.array_split(np.arange(grey.shape[2]), max(2, grey.shape[2] // 6))
    cells = [
        (size * (bins == b))[:, r[0] : r[-1] + 1, c[0] : c[-1] + 1].sum((1, 2))
        for r in rows
        for c in cols
        for b in range(8)
    ]
    found = np.sqrt(np.stack(cells, 1))
    return np.hstack([found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-6), raw(grey[:, ::2, ::2]) * 0.3])


def kernels(part):
    """Random convolutions of a series (Dempster et al. 2020): the largest value, and how often it is above a bias."""
    rng = np.random.default_rng(SEED)
    series = part if part.ndim == 3 else part[:, :, None]
    series = (series - series.mean(1, keepdims=True)) / (series.std(1, keepdims=True) + 1e-6)
    found, length = [part.reshape(len(part), -1).mean(1), part.reshape(len(part), -1).std(1)], series.shape[1]
    for _ in range(KERNELS):
        taps = int(rng.choice([5, 7, 9]))
        step = int(2 ** rng.uniform(0, max(0.01, np.log2(max(1, (length - 1) / (taps - 1))))))
        weights, channel = rng.normal(size=taps), int(rng.integers(series.shape[2]))
        span = length - (taps - 1) * step
        answer = sum(w * series[:, k * step : k * step + span, channel] for k, w in enumerate(weights - weights.mean()))
        bias = rng.uniform(-1, 1)
        found += [answer.max(1), (answer > bias).mean(1)]
    return np.stack(found, 1)


def main(idea):
    if idea == "blend":
        return lab.blend()
    train, test = ({"edges": edges, "kernels": kernels}.get(idea, raw)(part) for part in arrays())
    if idea == "trees":
        kind = ExtraTreesClassifier if lab.classify else ExtraTreesRegressor
        make = lambda: kind(TREES, random_state=SEED)
    elif idea == "kernels":
        linear = LogisticRegression(C=0.02 * POWER, max_iter=300) if lab.classify else RidgeCV(np.logspace(-1, 4, 11))
        make = lambda: make_pipeline(StandardScaler(), linear)
    else:
        few = PCA(min(80, *train.shape), random_state=SEED)
        machine = SVC(C=POWER, probability=True, random_state=SEED) if lab.classify else SVR(C=POWER)
        make = lambda: make_pipeline(few, machine)
    return lab.finish(idea, *lab.cross_validate(make, train, test))


if __name__ == "__main__":
    main(sys.argv[1])
