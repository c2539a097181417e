"""Baseline: asks the nearest curve, point by point."""

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x, x_test = np.load("series_train.npy").astype(float), np.load("series_test.npy").astype(float)


def features(x):
    return x.reshape(len(x), -1)


x, x_test = features(x), features(x_test)
model = KNeighborsClassifier(n_neighbors=1)
model.fit(x, train["take"])
test["take"] = model.predict(x_test)
test[["id", "take"]].to_csv("submission.csv", index=False)
