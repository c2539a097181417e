"""Baseline: knows the mean and the spread of each curve, no more."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x, x_test = np.load("series_train.npy").astype(float), np.load("series_test.npy").astype(float)


def features(x):
    x = x.reshape(len(x), -1, x.shape[-1])
    return np.concatenate([x.mean(axis=2), x.std(axis=2)], axis=1)


x, x_test = features(x), features(x_test)
model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=400))
model.fit(x, train["laptop"])
test["laptop"] = model.predict_proba(x_test)[:, 1]
test[["id", "laptop"]].to_csv("submission.csv", index=False)
