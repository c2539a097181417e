"""Baseline: runs naive Bayes on the numeric columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "kids5", "kids618", "age", "educ", "hushrs", "husage", "huseduc", "huswage", "motheduc", "fatheduc",
    "unem", "city", "exper", "nwifeinc",
]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    GaussianNB(),
)
model.fit(train, train["lfp"])
test["lfp"] = model.predict_proba(test)[:, 1]
test[["id", "lfp"]].to_csv("submission.csv", index=False)
