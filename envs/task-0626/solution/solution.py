"""Reference: the mean distance to ten normal rows."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["age", "year", "siblings", "education"]
kinds = ["city16", "lowincome16", "immigrant"]
for frame in (train, test,):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
columns = make_column_transformer((make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers), (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds))
x = np.asarray(columns.fit_transform(train))
x_test = np.asarray(columns.transform(test))
score = NearestNeighbors(n_neighbors=10).fit(x).kneighbors(x_test)[0].mean(axis=1)
test["ethnicity"] = score
test[["id", "ethnicity"]].to_csv("submission.csv", index=False)
