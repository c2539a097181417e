"""Baseline: predicts the mean of the thing, drawn to that of all where few have rated it."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
known = train.groupby("film")["stars"].agg(["sum", "count"])
known = (known["sum"] + 5 * train["stars"].mean()) / (known["count"] + 5)
guess = test["film"].map(known).fillna(train["stars"].mean())
test["stars"] = np.asarray(guess).clip(0.5, 5)
test[["id", "stars"]].to_csv("submission.csv", index=False)
