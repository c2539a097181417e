"""Image classification: questions about small real pictures, `texts/images.yaml`."""

from __future__ import annotations

from collections.abc import Sequence

from mlgym_synth.synthesis.templates.arrays import Way, scripts
from mlgym_synth.synthesis.templates.questions import Question, template
from mlgym_synth.synthesis.templates.tabular.trial import Script
from mlgym_synth.task import TaskSpec

_SUMS = """
def features(x):
    return np.concatenate([x.sum(axis=1), x.sum(axis=2)], axis=1)
"""
_INK = """
def features(x):
    return np.stack([x.mean(axis=(1, 2)), x.std(axis=(1, 2)), x.max(axis=(1, 2))], axis=1)
"""
_MIDDLE = """
def features(x):
    return np.stack([x[:, x.shape[1] // 2].mean(axis=1), x[:, :, x.shape[2] // 2].mean(axis=1)], axis=1)
"""
_EDGES = """
def features(x):
    # How strong edges of eight directions are in each cell of a grid (after Dalal and Triggs 2005), and the pixels.
    x = x / x.max()
    down, right = np.gradient(x, axis=1), np.gradient(x, axis=2)
    strength, side = np.hypot(down, right), np.floor(np.arctan2(down, right) / (np.pi / 4)).astype(int) % 8
    cells = min(6, x.shape[1] // 2)
    found = [x.reshape(len(x), -1)]
    for direction in range(8):
        only = strength * (side == direction)
        for row in np.array_split(only, cells, axis=1):
            found += [part.sum(axis=(1, 2))[:, None] for part in np.array_split(row, cells, axis=2)]
    return np.sqrt(np.concatenate(found, axis=1))
"""
_TEXTURE = """
def features(x):
    # Spectrum of the patch, and how alike pixels at small distances are.
    flat = x - x.mean(axis=(1, 2), keepdims=True)
    spectrum = np.log1p(np.abs(np.fft.rfft2(flat))).reshape(len(x), -1)
    found = [x.mean(axis=(1, 2)), x.std(axis=(1, 2))]
    for down in range(4):
        for right in range(4):
            other = flat[:, : x.shape[1] - down, : x.shape[2] - right]
            found.append((flat[:, down:, right:] * other).mean(axis=(1, 2)))
    return np.concatenate([spectrum, np.stack(found, axis=1)], axis=1)
"""
_LINEAR = "make_pipeline(StandardScaler(), LogisticRegression(C={c}, max_iter=300))"
_MACHINE = "make_pipeline(StandardScaler(), PCA(40, random_state=0), SVC(C=4.0))"
BASELINES = {
    "sums": Way("fits a logistic regression to the sums of rows and columns", _SUMS, _LINEAR.format(c="0.1")),
    "ink": Way("knows no more of an image than mean, spread and maximum", _INK, _LINEAR.format(c="1.0")),
    "middle": Way("looks at the middle row and the middle column", _MIDDLE, _LINEAR.format(c="1.0")),
    "bayes": Way("runs naive Bayes on the pixels", "", "GaussianNB(var_smoothing=0.05)"),
    "tree": Way("grows a decision tree on the pixels", "", "DecisionTreeClassifier(max_depth=8, random_state=0)"),
    "nearest": Way("asks the nearest image, pixel by pixel", "", "KNeighborsClassifier(n_neighbors=1)"),
}
REFERENCES = {
    "edges": Way("fits a logistic regression to pixels and directed edges", _EDGES, _LINEAR.format(c="0.02")),
    "machine": Way("fits a support vector machine to directed edges", _EDGES, _MACHINE, chances=False),
    "forest": Way("grows many random trees on pixels and directed edges", _EDGES,
                  "ExtraTreesClassifier(n_estimators=300, n_jobs=1, random_state=0)"),
    "cautious": Way("asks 15 neighbours in the space of the main components of the edges", _EDGES,
                    "make_pipeline(StandardScaler(), PCA(30, random_state=0), KNeighborsClassifier(n_neighbors=15))"),
    "texture": Way("fits a logistic regression to spectrum and correlations", _TEXTURE, _LINEAR.format(c="0.1")),
}  # fmt: skip


def _scripts(question: Question, spec: TaskSpec) -> tuple[Sequence[Script], Sequence[Script]]:
    return (
        scripts(BASELINES, question, question.baselines, "Baseline"),
        scripts(REFERENCES, question, question.references or ("edges", "machine", "forest"), "Reference"),
    )


TEMPLATES = (template("images", "image-classification", 1, _scripts),)
