"""The film's mean rating."""

import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
means = train.groupby("film")["rating"].mean()
test["rating"] = test["film"].map(means).fillna(train["rating"].mean())
test[["id", "rating"]].to_csv("submission.csv", index=False)
