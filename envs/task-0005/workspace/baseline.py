"""Length of the message and a few marks in it, in a logistic regression."""

import pandas as pd
from sklearn.linear_model import LogisticRegression

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")


def features(frame):
    text = frame["text"]
    return pd.DataFrame({"length": text.str.len() / 140, "shouts": text.str.count("!"), "asks": text.str.count(r"\?")})


model = LogisticRegression().fit(features(train), train["android"])
test["android"] = model.predict_proba(features(test))[:, 1]
test[["id", "android"]].to_csv("submission.csv", index=False)
