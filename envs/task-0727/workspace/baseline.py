"""Baseline: the distance to the nearest normal row, columns as they are."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neighbors import NearestNeighbors

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "age", "cls_perc_eval", "cls_did_eval", "cls_students", "bty_f1lower", "bty_f1upper", "bty_f2upper",
    "bty_m1lower", "bty_m1upper", "bty_m2upper", "bty_avg", "score",
]
columns = make_column_transformer((SimpleImputer(strategy="median"), numbers))
x = np.asarray(columns.fit_transform(train))
x_test = np.asarray(columns.transform(test))
score = NearestNeighbors(n_neighbors=1).fit(x).kneighbors(x_test)[0].mean(axis=1)
test["gender"] = score
test[["id", "gender"]].to_csv("submission.csv", index=False)
