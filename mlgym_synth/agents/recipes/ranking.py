"""Put the rows of each query in order: `python ranking.py rows|pairs|boosting|blend`."""

import sys

import lab
import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

SEED = 0
STRENGTH = 0.3
TREES = 200
GROUP = lab.query_column()


def features(table):
    """Numbers, indicators, and how each number stands within its query: only differences there can change an order."""
    names = [name for name in lab.test if name not in ("id", GROUP)]
    both = pd.concat([lab.train[names], lab.test[names]])
    words = [name for name in names if not pd.api.types.is_numeric_dtype(both[name]) and both[name].nunique() <= 30]
    numbers = table[[name for name in names if pd.api.types.is_numeric_dtype(both[name])]].astype(float)
    numbers = numbers.fillna(both[numbers.columns].median())
    rows = table[GROUP] if GROUP else pd.Series(0, index=table.index)
    inside = numbers - numbers.groupby(rows).transform("mean")
    place = numbers.groupby(rows).rank(pct=True).add_suffix(" place")
    parts = [inside.add_suffix(" inside"), place]
    for name in words:
        flags = pd.get_dummies(table[name], prefix=name).reindex(
            columns=[f"{name}_{v}" for v in sorted(both[name].dropna().unique())], fill_value=0
        )
        parts.append(flags.astype(float))
        # What is the same for all rows of a query (income) can only act through what differs (the kind of row).
        same = [n for n in numbers if inside[n].abs().max() < 1e-9]
        for number in same:
            scaled = (numbers[number] - both[number].mean()) / (both[number].std() + 1e-9)
            parts.append(flags.mul(scaled, axis=0).add_suffix(f" x {number}"))
    return pd.concat(parts, axis=1).fillna(0)


class Pairs:
    """Logistic regression on the differences of two rows of one query, one better than the other."""

    def fit(self, X, y, rows):
        self.scale = StandardScaler().fit(X)
        Z, left, sign = self.scale.transform(X), [], []
        for _, part in pd.Series(range(len(y))).groupby(np.asarray(rows)):
            for a in part[y[part] > y[part].min()]:
                for b in part[y[part] < y[a]]:
                    left += [Z[a] - Z[b], Z[b] - Z[a]]
                    sign += [1, 0]
        self.model = LogisticRegression(C=STRENGTH, fit_intercept=False, max_iter=500)
        self.model.fit(np.array(left), sign)
        return self

    def predict(self, X):
        return self.scale.transform(X) @ self.model.coef_[0]


class Rows:
    """A forest, each row by itself."""

    def fit(self, X, y, rows):
        self.model = ExtraTreesRegressor(TREES, min_samples_leaf=2, max_features=0.5, random_state=SEED).fit(X, y)
        return self

    def predict(self, X):
        return self.model.predict(X)


class Boosted(Rows):
    """Gradient boosting, each row by itself."""

    def fit(self, X, y, rows):
        self.model = HistGradientBoostingRegressor(
            learning_rate=0.05, max_iter=120, max_leaf_nodes=8, min_samples_leaf=10, random_state=SEED
        ).fit(X, y)
        return self


def standard(said, rows):
    """Scores of one query on one scale, so that experiments can be added up."""
    by = pd.Series(said).groupby(np.asarray(rows))
    return ((said - by.transform("mean")) / (by.transform("std") + 1e-9)).fillna(0).to_numpy()


def main(idea):
    if idea == "blend":
        return lab.blend()
    make = {"rows": Rows, "pairs": Pairs, "boosting": Boosted}[idea]
    X, X_test = features(lab.train), features(lab.test)
    rows = (lab.train[GROUP] if GROUP else pd.Series(0, index=lab.train.index)).to_numpy()
    held_out = np.zeros(len(lab.y))
    for fit, rest in lab.folds():
        held_out[rest] = make().fit(X.iloc[fit], lab.y[fit], rows[fit]).predict(X.iloc[rest])
    said = make().fit(X, lab.y, rows).predict(X_test)
    ahead = (lab.test[GROUP] if GROUP else pd.Series(0, index=lab.test.index)).to_numpy()
    return lab.finish(idea, standard(held_out, rows), standard(said, ahead))


if __name__ == "__main__":
    main(sys.argv[1])
