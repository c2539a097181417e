"""Only normal rows to learn from: `python anomalies.py distance|tails|density|contrast|blend`. Higher is odder."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

SEED = 0
NEIGHBOURS = 10
TREES = 200
warnings.filterwarnings("ignore")
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
column = pd.read_csv("sample_submission.csv", nrows=2).columns[1]


def features():
    """Numbers without their skew, and a rare category is a large number: its surprise among normal rows."""
    names = [name for name in test if name != "id"]
    both = pd.concat([train[names], test[names]], ignore_index=True)
    parts = []
    for name in names:
        values = both[name]
        if pd.api.types.is_numeric_dtype(values):
            values = values.fillna(values.median())
            parts.append(np.sign(values) * np.log1p(values.abs()) if abs(values.skew()) > 1 else values)
        else:
            share = values.map(train[name].value_counts(normalize=True)).fillna(0)
            parts.append(-np.log(share + 1 / len(train)))
    table = pd.concat(parts, axis=1).to_numpy(float)
    scale = StandardScaler().fit(table[: len(train)])
    return scale.transform(table[: len(train)]), scale.transform(table[len(train) :])


def coded():
    """For trees: numbers as they are, categories as indicators."""
    both = pd.get_dummies(pd.concat([train, test[list(train)]])).astype(float)
    both = both.fillna(both.median()).to_numpy()
    return both


def oddness(idea):
    X, X_test = features()
    if idea == "distance":
        return NearestNeighbors(n_neighbors=NEIGHBOURS).fit(X).kneighbors(X_test)[0].mean(1)
    if idea == "tails":  # how far out each number lies on its own, summed (as in ECOD, Li et al. 2022)
        ordered = np.sort(X, axis=0)
        rank = np.stack([np.searchsorted(ordered[:, j], X_test[:, j]) for j in range(X.shape[1])], axis=1) / len(X)
        outer = np.minimum(rank, 1 - rank) + 1 / len(X)
        return np.maximum(-np.log(outer).sum(1), -np.log(1 - rank + 1 / len(X)).sum(1))
    if idea == "density":
        return -GaussianMixture(5, reg_covar=0.05, random_state=SEED, n_init=2).fit(X).score_samples(X_test)
    # Contrast: test holds what train holds and more; where a classifier tells them apart, there is the "more".
    both, side = coded(), np.repeat([0, 1], [len(train), len(test)])
    trees = ExtraTreesClassifier(TREES, min_samples_leaf=5, random_state=SEED)
    return cross_val_predict(trees, both, side, cv=5, method="predict_proba")[len(train) :, 1]


def main(idea):
    if idea == "blend":
        kept = sorted(Path().glob("odd_*.csv"))
        ranks = [pd.read_csv(path).set_index("id")[column].rank(pct=True).loc[test["id"]].to_numpy() for path in kept]
        said = np.mean(ranks, axis=0)
        print("mean rank of", [path.stem for path in kept])
    else:
        said = oddness(idea)
    answer = pd.DataFrame({"id": test["id"], column: said})
    answer.to_csv("submission.csv", index=False)
    if idea != "blend":
        answer.to_csv(f"odd_{idea}.csv", index=False)
    print("oddness:", answer[column].describe()[["min", "50%", "max"]].round(3).to_dict())


if __name__ == "__main__":
    main(sys.argv[1])
