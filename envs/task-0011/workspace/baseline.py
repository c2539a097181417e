"""Logistic regression on three of the columns."""

import pandas as pd
from sklearn.linear_model import LogisticRegression

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
columns = ["to_multiple", "format", "re_subj"]
model = LogisticRegression().fit(train[columns], train["spam"])
test["spam"] = model.predict_proba(test[columns])[:, 1]
test[["id", "spam"]].to_csv("submission.csv", index=False)
