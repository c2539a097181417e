"""Baseline: asks the five nearest rows, by the numeric columns."""

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "afchnge", "highearn", "male", "married", "hosp", "indust", "injtype", "age", "prewage", "injdes",
    "benefit", "mi",
]
model = TransformedTargetRegressor(make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    KNeighborsRegressor(n_neighbors=5),
), func=np.log1p, inverse_func=np.expm1)
model.fit(train, train["totmed"])
test["totmed"] = model.predict(test).clip(0)
test[["id", "totmed"]].to_csv("submission.csv", index=False)
