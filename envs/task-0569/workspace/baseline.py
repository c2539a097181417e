"""Baseline: fits a logistic regression to the numeric columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["chronic", "age", "school", "income"]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    LogisticRegression(max_iter=500),
)
model.fit(train, train["insurance"])
test["insurance"] = model.predict(test)
test[["id", "insurance"]].to_csv("submission.csv", index=False)
