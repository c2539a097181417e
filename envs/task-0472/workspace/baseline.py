"""Baseline: runs naive Bayes on the values."""

import numpy as np
import pandas as pd
from sklearn.naive_bayes import GaussianNB

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x, x_test = np.load("series_train.npy").astype(float), np.load("series_test.npy").astype(float)


def features(x):
    return x.reshape(len(x), -1)


x, x_test = features(x), features(x_test)
model = GaussianNB()
model.fit(x, train["style"])
test["style"] = model.predict(x_test)
test[["id", "style"]].to_csv("submission.csv", index=False)
