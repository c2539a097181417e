"""Experiments on a table: `python tabular.py linear|forest|extra|boosting|kernel|neighbours|blend`."""

import sys

import lab
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, QuantileTransformer, StandardScaler, TargetEncoder
from sklearn.svm import SVC, SVR

SEED = 0
TREES = 200
LEAF = 3
RATE = 0.06
POWER = 3.0
FAIR = "balanced" if lab.METRIC in ("macro_f1", "balanced_accuracy") else None  # rare classes count as much


def features():
    """Both tables as numbers: dates in parts, categories as indicators; long lists of categories are encoded later."""
    names = [name for name in lab.test.columns if name != "id" and lab.train[name].nunique() > 1]
    table = pd.concat([lab.train[names], lab.test[names]], ignore_index=True)
    parts, long = [], []
    for name in names:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column):
            parts.append(column.astype(float))
            continue
        dates = lab.dates(table, name)
        if dates is not None:
            when = {"hour": dates.dt.hour, "weekday": dates.dt.weekday}
            if name != lab.time_column():  # of days after the last of train, a tree knows nothing
                when |= {"days": (dates - dates.min()).dt.days, "month": dates.dt.month}
            parts += [value.astype(float).rename(f"{name}_{part}") for part, value in when.items()]
        elif column.nunique() <= 20:
            parts.append(pd.get_dummies(column, prefix=name, dummy_na=bool(column.isna().any())).astype(float))
        else:
            long.append(name)
            parts.append(column.fillna("missing").astype(str))
    table = pd.concat(parts, axis=1)
    table.columns = [f"{name}".replace(" ", "_") for name in table.columns]
    n = len(lab.train)
    return table.iloc[:n], table.iloc[n:].reset_index(drop=True), [name.replace(" ", "_") for name in long]


def image_shifts(X, y, names):
    """Pictures given as pixel columns of a square grid: add copies moved by one cell each way."""
    side = int(len(names) ** 0.5)
    cells = X.reshape(-1, side, side)
    moved = [np.roll(cells, step, axis) for axis in (1, 2) for step in (-1, 1)]
    return np.concatenate([cells, *moved]).reshape(-1, side * side), np.tile(y, 5)


def sides(votes):
    return 1 / (1 + np.exp(np.column_stack([3 * votes, -3 * votes])))


class Pictures:
    """A support vector machine on pictures and their shifted copies."""

    def fit(self, X, y):
        X, y = image_shifts(X.to_numpy(), y, list(X))
        self.top = X.max()
        self.model = SVC(C=5, gamma=POWER / X.shape[1] / np.var(X / self.top), probability=False)
        self.model.fit(X / self.top, y)
        self.classes_ = self.model.classes_
        return self

    def predict_proba(self, X):
        votes = self.model.decision_function(X.to_numpy() / self.top)
        votes = np.exp(3 * (votes - votes.max(1, keepdims=True))) if votes.ndim > 1 else sides(votes)
        return votes / votes.sum(1, keepdims=True)


def prepared(model, long, scale=None):
    """Encode long categories by the target; scale numbers and fill gaps where the model needs it."""
    encode = ColumnTransformer([("long", TargetEncoder(random_state=SEED), long)], remainder="passthrough")
    steps = [encode] if long else []
    if scale is not None:
        steps += [SimpleImputer(strategy="median", add_indicator=True), scale]
    return make_pipeline(*steps, model)


def regressor(model):
    """With a logarithm of the target where it is skewed or the metric is about ratios."""
    skew = pd.Series(lab.y).skew()
    if lab.y.min() > -1 and (lab.METRIC in ("rmsle", "mape") or skew > 1):
        return TransformedTargetRegressor(model, func=np.log1p, inverse_func=np.expm1)
    return model


def straight(width, squares):
    """Logistic or ridge regression, with squares and products of few columns."""
    powers = PolynomialFeatures(2, interaction_only=width > 12) if squares and width <= 25 else "passthrough"
    last = LogisticRegression(C=0.05 * POWER, max_iter=300) if lab.classify else RidgeCV(np.logspace(-1, 4, 11))
    return make_pipeline(powers, StandardScaler(), last)


def forest(width, extra):
    """Many randomised trees, averaged."""
    trees = {"n_estimators": TREES, "min_samples_leaf": LEAF, "random_state": SEED}
    trees["max_features"] = 1.0 if width <= 8 else 0.5 if width < 40 else "sqrt"
    if lab.classify:
        return (ExtraTreesClassifier if extra else RandomForestClassifier)(**trees, class_weight=FAIR)
    return (ExtraTreesRegressor if extra else RandomForestRegressor)(**trees)


def boosting():
    """Gradient boosting of small trees; it takes gaps as they are."""
    trees = {"learning_rate": RATE, "max_iter": TREES, "max_leaf_nodes": 15, "min_samples_leaf": 15}
    trees |= {"l2_regularization": 1.0, "random_state": SEED}
    if lab.classify:
        return HistGradientBoostingClassifier(**trees, class_weight=FAIR)
    loss = "absolute_error" if lab.METRIC in ("mae", "mape") else "squared_error"
    return HistGradientBoostingRegressor(loss=loss, **trees)


def experiment(idea, width, long):
    """A function that makes a fresh model."""
    even = QuantileTransformer(output_distribution="normal", n_quantiles=200, random_state=SEED)
    if idea in ("linear", "plain"):
        model, scale = straight(width, idea == "linear"), even if lab.classify else StandardScaler()
    elif idea in ("forest", "extra"):
        model, scale = forest(width, idea == "extra"), even
    elif idea == "boosting":
        model, scale = boosting(), None
    elif idea == "kernel":
        model, scale = TransformedTargetRegressor(SVR(C=POWER, epsilon=0.05), transformer=StandardScaler()), even
    else:
        kind = KNeighborsClassifier if lab.classify else KNeighborsRegressor
        model, scale = kind(15, weights="distance"), even
    model = model if lab.classify else regressor(model)
    return lambda: prepared(model, long, scale)


def main(idea):
    if idea == "blend":
        return lab.blend()
    if idea == "pictures":  # every cell, also those that are always empty
        cells = [name for name in lab.test.columns if name != "id"]
        return lab.finish(idea, *lab.cross_validate(Pictures, lab.train[cells], lab.test[cells]))
    X, X_test, long = features()
    make = experiment(idea, X.shape[1], long)
    return lab.finish(idea, *lab.cross_validate(make, X, X_test))


if __name__ == "__main__":
    main(sys.argv[1])
