"""Baseline: asks the five nearest rows, by the numeric columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["hosp", "numchron", "adldiff", "age", "school", "faminc"]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    KNeighborsRegressor(n_neighbors=5),
)
model.fit(train, train["ofp"])
test["ofp"] = model.predict(test)
test[["id", "ofp"]].to_csv("submission.csv", index=False)
