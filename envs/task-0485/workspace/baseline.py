"""Baseline: predicts the mean for each value of `year`."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
guess = test["year"].map(train.groupby("year")["liking"].mean()).fillna(train["liking"].mean())
test["liking"] = np.asarray(guess).clip(0.5, 5)
test[["id", "liking"]].to_csv("submission.csv", index=False)
