"""Baseline: predicts the mean of the thing."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
guess = test["item"].map(train.groupby("item")["rating"].mean()).fillna(train["rating"].mean())
test["rating"] = np.asarray(guess).clip(1, 6)
test[["id", "rating"]].to_csv("submission.csv", index=False)
