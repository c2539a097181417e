"""Baseline: runs naive Bayes on the numeric columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["train", "age", "educ", "black", "hisp", "married", "re74", "re75", "unem75", "unem74"]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    GaussianNB(),
)
model.fit(train, train["unem78"])
test["unem78"] = model.predict(test)
test[["id", "unem78"]].to_csv("submission.csv", index=False)
