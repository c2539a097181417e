"""Reference: an isolation forest."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["Private", "Public", "Uninsured", "Obama"]
kinds = ["Party"]
for frame in (train, test,):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
columns = make_column_transformer((make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers), (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds))
x = np.asarray(columns.fit_transform(train))
x_test = np.asarray(columns.transform(test))
score = -IsolationForest(n_estimators=200, random_state=0).fit(x).score_samples(x_test)
test["InsVote"] = score
test[["id", "InsVote"]].to_csv("submission.csv", index=False)
