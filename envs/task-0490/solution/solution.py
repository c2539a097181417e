"""Reference: fits a strongly shrunken logistic regression to the values."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x, x_test = np.load("series_train.npy").astype(float), np.load("series_test.npy").astype(float)


def features(x):
    return x.reshape(len(x), -1)


x, x_test = features(x), features(x_test)
model = make_pipeline(StandardScaler(), LogisticRegression(C=0.02, max_iter=400))
model.fit(x, train["season"])
test["season"] = model.predict(x_test)
test[["id", "season"]].to_csv("submission.csv", index=False)
