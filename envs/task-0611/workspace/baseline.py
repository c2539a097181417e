"""Baseline: runs naive Bayes on the numeric columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["inc", "marr", "male", "age", "fsize", "nettfa", "pira"]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    GaussianNB(),
)
model.fit(train, train["e401k"])
test["e401k"] = model.predict_proba(test)[:, 1]
test[["id", "e401k"]].to_csv("submission.csv", index=False)
