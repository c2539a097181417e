"""Baseline: takes the mean of each category of one column."""

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
kinds = ["region"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = TransformedTargetRegressor(make_pipeline(
    make_column_transformer(
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds),
    ),
    Ridge(alpha=0.1),
), func=np.log1p, inverse_func=np.expm1)
model.fit(train, train["infant_mortality"])
test["infant_mortality"] = model.predict(test).clip(0)
test[["id", "infant_mortality"]].to_csv("submission.csv", index=False)
