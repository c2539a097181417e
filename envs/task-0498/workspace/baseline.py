"""Baseline: predicts the mean of the thing."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
guess = test["item"].map(train.groupby("item")["view"].mean()).fillna(train["view"].mean())
test["view"] = np.asarray(guess).clip(-1, 1)
test[["id", "view"]].to_csv("submission.csv", index=False)
