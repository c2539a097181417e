"""Reference: Mahalanobis' distance with a shrunk covariance."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.covariance import LedoitWolf
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["ofp", "ofnp", "opp", "opnp", "emr", "hosp", "numchron", "adldiff", "age", "school", "faminc"]
kinds = ["black", "sex", "maried", "employed", "medicaid", "region", "hlth"]
for frame in (train, test,):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
columns = make_column_transformer((make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers), (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds))
x = np.asarray(columns.fit_transform(train))
x_test = np.asarray(columns.transform(test))
score = LedoitWolf().fit(x).mahalanobis(x_test)
test["privins"] = score
test[["id", "privins"]].to_csv("submission.csv", index=False)
