"""The mean of the weekday over all years."""

import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
test["births"] = test["wday"].map(train.groupby("wday")["births"].mean())
test[["id", "births"]].to_csv("submission.csv", index=False)
