"""Baseline: asks the five nearest rows, by the numeric columns, one band."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["gender", "education", "age", "SATV", "SATQ"]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    KNeighborsRegressor(n_neighbors=5),
)
model.fit(train, train["ACT"])
left = train["ACT"] - model.predict(train)
for name, quantile in (("q10", 0.1), ("q50", 0.5), ("q90", 0.9)):
    test[name] = model.predict(test) + left.quantile(quantile)
test[["id", "q10", "q50", "q90"]].to_csv("submission.csv", index=False)
