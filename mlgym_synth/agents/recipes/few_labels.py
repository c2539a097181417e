"""Few labels, many rows: `python few_labels.py components|logistic|spreading|trees|taught|blend`."""

import sys

import lab
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.semi_supervised import LabelSpreading

SEED = 0
STRENGTH = 0.1
COMPONENTS = 8
TREES = 200

unlabelled = pd.read_csv("unlabelled.csv")
SKEWED = not lab.classify and lab.y.min() > -1 and (lab.METRIC in ("rmsle", "mape") or pd.Series(lab.y).skew() > 1)


def features():
    """All rows together decide scales and components; only then do the labels come in."""
    names = [name for name in lab.test if name != "id"]
    every = pd.get_dummies(pd.concat([lab.train[names], unlabelled[names], lab.test[names]])).astype(float)
    every = every.fillna(every.median())
    even = QuantileTransformer(output_distribution="normal", n_quantiles=200, random_state=SEED)
    return StandardScaler().fit_transform(even.fit_transform(every)).clip(-4, 4)


def probabilities(idea, Z, y, known):
    """For every row of Z, from the labels `y` of the rows `known`."""
    if idea == "spreading":
        points = PCA(min(COMPONENTS, Z.shape[1]), random_state=SEED).fit_transform(Z)
        labels = np.full(len(Z), -1)
        labels[known] = y
        model = LabelSpreading(kernel="knn", n_neighbors=15, alpha=0.8).fit(points, labels)
        odds = np.zeros((len(Z), len(lab.classes)))
        odds[:, model.classes_] = np.nan_to_num(model.label_distributions_, nan=1 / len(model.classes_))
        return odds
    if idea == "components":
        points = PCA(min(COMPONENTS, Z.shape[1]), random_state=SEED).fit_transform(Z)
        return lab.predict(LogisticRegression(C=STRENGTH, max_iter=500).fit(points[known], y), points)
    if idea == "trees":
        return lab.predict(ExtraTreesClassifier(TREES, min_samples_leaf=2, random_state=SEED).fit(Z[known], y), Z)
    model = LogisticRegression(C=STRENGTH / 3, max_iter=500).fit(Z[known], y)
    if idea == "logistic":
        return lab.predict(model, Z)
    # Taught: what the plain models agree on becomes labels for a bigger one.
    said = (lab.predict(model, Z) + probabilities("trees", Z, y, known) + probabilities("components", Z, y, known)) / 3
    said[known] = np.eye(len(lab.classes))[y]
    labels, sure = said.argmax(1), said.max(1)
    pupil = ExtraTreesClassifier(TREES, min_samples_leaf=5, random_state=SEED)
    pupil.fit(Z, labels, sample_weight=(sure - sure.min() + 0.05) ** 2)
    return (lab.predict(pupil, Z) + said) / 2


def values(idea, Z, y, known):
    """The same for numbers, in place of probabilities."""
    points = PCA(min(COMPONENTS, Z.shape[1]), random_state=SEED).fit_transform(Z)
    if idea == "components":
        return RidgeCV(np.logspace(-1, 4, 11)).fit(points[known], y).predict(points)
    if idea == "spreading":
        return KNeighborsRegressor(min(8, len(y)), weights="distance").fit(points[known], y).predict(points)
    if idea == "trees":
        return ExtraTreesRegressor(TREES, min_samples_leaf=2, random_state=SEED).fit(Z[known], y).predict(Z)
    straight = RidgeCV(np.logspace(0, 5, 11)).fit(Z[known], y).predict(Z)
    if idea == "logistic":
        return straight
    said = (straight + values("trees", Z, y, known) + values("components", Z, y, known)) / 3
    said[known] = y
    pupil = ExtraTreesRegressor(TREES, min_samples_leaf=5, random_state=SEED).fit(Z, said)
    return (pupil.predict(Z) + said) / 2


def main(idea):
    if idea == "blend":
        return lab.blend()
    Z, n = features(), len(lab.train)
    infer, y = (probabilities, lab.y) if lab.classify else (values, np.log1p(lab.y) if SKEWED else lab.y)
    held_out = np.zeros((n, len(lab.classes)) if lab.classify else n)
    for fit, rest in lab.folds():
        held_out[rest] = infer(idea, Z, y[fit], fit)[rest]
    predicted = infer(idea, Z, y, np.arange(n))[-len(lab.test) :]
    if not lab.classify and SKEWED:
        held_out, predicted = np.expm1(held_out), np.expm1(predicted)
    return lab.finish(idea, held_out, predicted)


if __name__ == "__main__":
    main(sys.argv[1])
