"""Baseline: looks at length, capitals, digits and punctuation only."""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
texts, texts_test = train["course"].fillna("").astype(str), test["course"].fillna("").astype(str)


def features(text):
    marks = [text.str.len() / 100, text.str.count(" ") / 20]
    marks += [text.str.count(mark) for mark in ("[A-Z]", "[0-9]", "[!?]", "[,.;:]")]
    return pd.concat(marks, axis=1).to_numpy()


texts, texts_test = features(texts), features(texts_test)
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(texts, train["subject"])
test["subject"] = model.predict(texts_test)
test[["id", "subject"]].to_csv("submission.csv", index=False)
