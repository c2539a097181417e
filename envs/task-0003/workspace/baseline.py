"""Logistic regression on the numbers as they are."""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["StartSpeed", "EndSpeed", "HDev", "VDev", "HPos", "VPos", "BallCount", "StrikeCount"]
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train[numbers], train["swing"])
test["swing"] = model.predict_proba(test[numbers])[:, 1]
test[["id", "swing"]].to_csv("submission.csv", index=False)
