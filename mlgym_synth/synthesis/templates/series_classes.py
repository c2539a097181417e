"""Time-series classification: questions about measured curves, `texts/series_classes.yaml`."""

from __future__ import annotations

from collections.abc import Sequence

from mlgym_synth.synthesis.templates.arrays import Way, scripts
from mlgym_synth.synthesis.templates.questions import Question, template
from mlgym_synth.synthesis.templates.tabular.trial import Script
from mlgym_synth.task import TaskSpec

_SUMMARY = """
def features(x):
    x = x.reshape(len(x), -1, x.shape[-1])
    return np.concatenate([x.mean(axis=2), x.std(axis=2), x.min(axis=2), x.max(axis=2)], axis=1)
"""
_LEVEL = """
def features(x):
    x = x.reshape(len(x), -1, x.shape[-1])
    return np.concatenate([x.mean(axis=2), x.std(axis=2)], axis=1)
"""
_COARSE = """
def features(x):
    x = x.reshape(len(x), -1, x.shape[-1])
    parts = np.array_split(np.arange(x.shape[2]), 4)
    return np.concatenate([x[:, :, part].mean(axis=2) for part in parts], axis=1)
"""
_WINDOWS = """
def features(x):
    x = x.reshape(len(x), -1, x.shape[-1])
    found = [x.reshape(len(x), -1)[:, :6000]]
    for curve in (x, np.diff(x, axis=2)):
        for pieces in (1, 3, 8):
            for part in np.array_split(curve, min(pieces, curve.shape[2]), axis=2):
                found += [part.mean(axis=2), part.std(axis=2), part.max(axis=2), part.min(axis=2)]
    spectrum = np.abs(np.fft.rfft(x - x.mean(axis=2, keepdims=True), axis=2))[:, :, 1:41]
    found.append(np.log1p(spectrum).reshape(len(x), -1))
    return np.concatenate(found, axis=1)
"""
_SPECTRUM = """
def features(x):
    x = x.reshape(len(x), -1, x.shape[-1])
    spectrum = np.abs(np.fft.rfft(x - x.mean(axis=2, keepdims=True), axis=2))[:, :, 1:61]
    lag = np.stack([(x[:, :, k:] * x[:, :, : x.shape[2] - k]).mean(axis=2) for k in range(1, 6)], axis=2)
    level = np.stack([x.mean(axis=2), x.std(axis=2)], axis=2)
    return np.concatenate([part.reshape(len(x), -1) for part in (np.log1p(spectrum), lag, level)], axis=1)
"""
_KERNELS = """
def features(x):
    # Random convolutions (Dempster, Petitjean and Webb 2020): of each, its maximum and its share above zero.
    x = x.reshape(len(x), -1, x.shape[-1])
    x = (x - x.mean(axis=(0, 2), keepdims=True)) / (x.std(axis=(0, 2), keepdims=True) + 1e-9)
    rng, steps = np.random.default_rng(0), x.shape[2]
    taps = 7 if steps >= 16 else 3
    found = []
    for _ in range(400 if x.size < 200_000 else 160):
        weights = rng.standard_normal(taps)
        weights -= weights.mean()
        channels = rng.permutation(x.shape[1])[: rng.integers(1, min(x.shape[1], 3) + 1)]
        span = int(2 ** rng.uniform(0, np.log2((steps - 1) / (taps - 1))))
        curve = x[:, channels].mean(axis=1)
        width = steps - (taps - 1) * span
        made = sum(weights[k] * curve[:, k * span : k * span + width] for k in range(taps))
        found += [made.max(axis=1), (made > 0.5 * rng.standard_normal()).mean(axis=1)]
    return np.stack(found, axis=1)
"""
_LINEAR = "make_pipeline(StandardScaler(), LogisticRegression(C={c}, max_iter=400))"
BASELINES = {
    "level": Way("knows the mean and the spread of each curve, no more", _LEVEL, _LINEAR.format(c="1.0")),
    "quarters": Way("fits a logistic regression to the means of the four quarters", _COARSE, _LINEAR.format(c="1.0")),
    "summary": Way("fits a logistic regression to mean, spread and extremes", _SUMMARY, _LINEAR.format(c="1.0")),
    "tree": Way("grows a small tree on mean, spread and extremes", _SUMMARY,
                "DecisionTreeClassifier(max_depth=4, random_state=0)"),
    "nearest": Way("asks the nearest curve, point by point", "", "KNeighborsClassifier(n_neighbors=1)"),
    "bayes": Way("runs naive Bayes on the values", "", "GaussianNB()"),
    "values": Way("fits a logistic regression to the values as they are", "", _LINEAR.format(c="1.0")),
}  # fmt: skip
REFERENCES = {
    "trees": Way("grows many random trees on values, windows and the spectrum", _WINDOWS,
                 "ExtraTreesClassifier(n_estimators=400, random_state=0)"),
    "kernels": Way("fits a logistic regression to random convolutions", _KERNELS, _LINEAR.format(c="0.05")),
    "windows": Way("fits a logistic regression to values, windows and the spectrum", _WINDOWS,
                   _LINEAR.format(c="0.05")),
    "spectrum": Way("grows many random trees on spectrum and correlations", _SPECTRUM,
                    "ExtraTreesClassifier(n_estimators=400, random_state=0)"),
    "flat": Way("fits a strongly shrunken logistic regression to the values", "", _LINEAR.format(c="0.02")),
    "cautious": Way("grows random trees with large leaves on values, windows and the spectrum", _WINDOWS,
                    "ExtraTreesClassifier(n_estimators=400, min_samples_leaf=4, random_state=0)"),
}  # fmt: skip


def _scripts(question: Question, spec: TaskSpec) -> tuple[Sequence[Script], Sequence[Script]]:
    return (
        scripts(BASELINES, question, question.baselines, "Baseline"),
        scripts(REFERENCES, question, question.references, "Reference"),
    )


TEMPLATES = (template("series_classes", "time-series-classification", 1, _scripts),)
