"""Baseline: grows a tree with two leaves."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["O3", "NO", "SO2", "PM10"]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    DecisionTreeRegressor(max_depth=1, random_state=0),
)
model.fit(train, train["NO2"])
test["NO2"] = model.predict(test)
test[["id", "NO2"]].to_csv("submission.csv", index=False)
