"""Shared by the experiments: the data, the metric, cross-validation, writing a submission, blending."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

METRIC = "rmse"
APART = False  # whether test rows are of other things (people, storms) than train rows
SEED = 0
FOLDS = 4

warnings.filterwarnings("ignore")
LABELS = ("accuracy", "balanced_accuracy", "macro_f1", "quadratic_kappa")
PROBABILITIES = ("roc_auc", "log_loss", "brier")
LOWER = ("log_loss", "brier", "rmse", "mae", "rmsle", "mape", "pinball")

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
sample = pd.read_csv("sample_submission.csv", nrows=5)
columns = [name for name in sample if name != "id"]
target = next(name for name in [*columns, *train.columns] if name in train and name not in test)
classify = METRIC in LABELS or METRIC in PROBABILITIES
train = train[train[target].notna()].reset_index(drop=True)
classes, codes = np.unique(train[target].to_numpy(), return_inverse=True)
y = codes if classify else train[target].to_numpy(float)


def query_column():
    """The column whose values repeat within a file and never cross from train to test: rows that belong together."""
    for name in test.columns.drop("id"):
        apart = not set(train[name].dropna()) & set(test[name].dropna())
        if apart and test[name].nunique() <= len(test) / 2 and train[name].nunique() >= 10:
            return name
    return None


def dates(table, name):
    """A column as dates, None if it holds none."""
    if pd.api.types.is_numeric_dtype(table[name]):
        return None
    found = pd.to_datetime(table[name], errors="coerce", format="ISO8601", utc=True)
    return found if found.notna().mean() > 0.9 else None


def time_column():
    """The column of dates where all of test comes after train."""
    for name in test.columns.drop("id"):
        early, late = dates(train, name), dates(test, name)
        if early is not None and late is not None and late.min() >= early.max():
            return name
    return None


def folds():
    """Pairs of row numbers (fit, held out), cut as train and test are: by groups, by time, or at random."""
    group, when = query_column(), time_column()
    if group is not None and train[group].dtype.kind != "f":
        return list(GroupKFold(FOLDS).split(train, y, train[group]))
    if when is not None:
        order = dates(train, when).argsort().to_numpy()
        return [(np.setdiff1d(order, part), part) for part in np.array_split(order, FOLDS)]
    if APART:  # rows that are close belong to one thing, and test holds other things
        numbers = train[list(test.columns.drop("id"))].select_dtypes("number")
        spots = StandardScaler().fit_transform(numbers.fillna(numbers.median()))
        near = KMeans(min(60, len(train) // 20), n_init=1, random_state=SEED).fit_predict(spots)
        return list(GroupKFold(FOLDS).split(train, y, near))
    if classify and np.bincount(y).min() >= FOLDS:
        return list(StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(train, y))
    return list(KFold(FOLDS, shuffle=True, random_state=SEED).split(train))


def cross_validate(make, X, X_test, fit_y=None):
    """Predictions for held-out train rows and for test: probabilities [n, classes], or values [n]."""
    fit_y = y if fit_y is None else fit_y
    held_out, rows = None, (X.iloc if hasattr(X, "iloc") else X)
    for fit, rest in folds():
        said = predict(make().fit(rows[fit], fit_y[fit]), rows[rest])
        held_out = np.zeros((len(fit_y), *said.shape[1:])) if held_out is None else held_out
        held_out[rest] = said
    return held_out, predict(make().fit(X, fit_y), X_test)


def predict(model, X):
    if not classify:
        return model.predict(X)
    odds = np.zeros((len(X), len(classes)))  # a fold may lack a rare class
    odds[:, model.classes_] = model.predict_proba(X)
    return odds


def quantiles():
    """The level of each column, from the digits of its name: q10 is 0.1, q025 is 0.025."""
    digits = ["".join(c for c in name if c.isdigit()) for name in columns]
    return [int(d) / 10 ** max(2, len(d)) for d in digits]


def score(said, truth=None):
    """The metric of predictions in the form that is submitted (codes of classes, probabilities or values)."""
    truth = y if truth is None else truth
    if METRIC in ("log_loss", "brier"):
        said = np.clip(said, 1e-6, 1 - 1e-6)
        if METRIC == "log_loss":
            return metrics.log_loss(truth, said, labels=range(len(classes)))
        wrong = (said - np.eye(len(classes))[truth]) ** 2
        return float(wrong[:, 1].mean() if len(classes) == 2 else wrong.sum(1).mean())
    if METRIC == "roc_auc":
        if len(classes) == 2:
            return metrics.roc_auc_score(truth, said[:, 1])
        return metrics.roc_auc_score(truth, said / said.sum(1, keepdims=True), multi_class="ovr")
    if METRIC == "pinball":
        return float(
            np.mean([metrics.mean_pinball_loss(truth, said[:, k], alpha=q) for k, q in enumerate(quantiles())])
        )
    if METRIC == "spearman":
        return float(pd.Series(said).corr(pd.Series(truth), method="spearman"))
    if METRIC == "ndcg":
        return mean_ndcg(said, truth)
    return float(
        {
            "accuracy": metrics.accuracy_score,
            "balanced_accuracy": metrics.balanced_accuracy_score,
            "macro_f1": lambda a, b: metrics.f1_score(a, b, average="macro"),
            "quadratic_kappa": lambda a, b: metrics.cohen_kappa_score(a, b, weights="quadratic"),
            "mae": metrics.mean_absolute_error,
            "r2": metrics.r2_score,
            "rmsle": lambda a, b: np.sqrt(np.mean((np.log1p(np.maximum(b, 0)) - np.log1p(a)) ** 2)),
            "mape": metrics.mean_absolute_percentage_error,
        }.get(METRIC, lambda a, b: np.sqrt(np.mean((a - b) ** 2)))(truth, said)
    )


def mean_ndcg(said, truth):
    group = query_column()
    table = pd.DataFrame({"group": 0 if group is None else train[group], "truth": truth, "said": said})
    parts = [part for _, part in table.groupby("group") if part["truth"].nunique() > 1]
    return float(np.mean([metrics.ndcg_score([part["truth"]], [part["said"]]) for part in parts]))


def known(held_out):
    """Rows that were held out; the others are not numbers."""
    return np.isfinite(held_out.reshape(len(held_out), -1)).all(1)


def decision(held_out):
    """How to turn probabilities into labels, tuned on held-out predictions: weights of the classes."""
    weights = np.ones(len(classes))
    if METRIC == "accuracy" or METRIC not in LABELS:
        return weights
    if METRIC == "balanced_accuracy":
        return 1 / np.bincount(y)
    for _ in range(2):
        for k in range(len(classes)):
            trials = [np.where(np.arange(len(classes)) == k, weights * f, weights) for f in (0.5, 0.7, 1, 1.4, 2, 3)]
            weights = max(trials, key=lambda w: score((held_out * w).argmax(1)))
    return weights


def finish(name, held_out, predicted):
    """Print the cross-validated score, keep both predictions for a blend, write the submission."""
    np.savez(f"{name}.npz", held_out=held_out, predicted=predicted)
    weights = decision(held_out) if METRIC in LABELS else None
    seen = known(held_out)
    value = score((held_out[seen] * weights).argmax(1) if METRIC in LABELS else held_out[seen], y[seen])
    print(f"CV {METRIC} of {name}: {value:.5f}")
    write((predicted * weights).argmax(1) if METRIC in LABELS else predicted)


def order_of_columns():
    """The class that each column of probabilities stands for: the one its name ends with, else the order of classes."""
    ends = [[k for k, label in enumerate(classes) if name.endswith(str(label))] for name in columns]
    named = [max(found, key=lambda k: len(str(classes[k])), default=-1) for found in ends]
    return named if sorted(named) == list(range(len(classes))) else list(range(len(classes)))


def write(said):
    """`submission.csv` in the form of the sample, within the range of the train target."""
    answer = test[["id"]].copy()
    if METRIC in LABELS:
        answer[columns[0]] = classes[said]
    elif classify:
        said = np.clip(said, 1e-6, 1 - 1e-6) if METRIC != "roc_auc" else said
        said = said[:, -1:] if len(columns) == 1 else said[:, order_of_columns()] / said.sum(1, keepdims=True)
        answer[columns] = said
    elif said.ndim > 1:
        answer[columns] = np.sort(said, axis=1)
    else:
        answer[columns[0]] = said if METRIC == "ndcg" else np.clip(said, y.min(), y.max())
    answer.to_csv("submission.csv", index=False)


def blend():
    """Greedy ensemble selection (Caruana et al. 2004) over all experiments so far: add what helps most, 15 times."""
    kept = {path.stem: np.load(path) for path in sorted(Path().glob("*.npz")) if path.stem != "blend"}
    sign = -1 if METRIC in LOWER else 1
    parts, total = [], 0.0

    def value(held_out):
        seen = known(held_out)
        return sign * score(held_out[seen].argmax(1) if METRIC in LABELS else held_out[seen], y[seen])

    for _ in range(15):
        names = {name: value((total + kept[name]["held_out"]) / (len(parts) + 1)) for name in kept}
        parts.append(max(names, key=names.get))
        total = total + kept[parts[-1]]["held_out"]
    print("blend of", {name: parts.count(name) for name in dict.fromkeys(parts)})
    finish("blend", total / len(parts), sum(kept[name]["predicted"] for name in parts) / len(parts))
