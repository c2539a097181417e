"""Baseline: predicts the mean for each value of `dept`."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
guess = test["dept"].map(train.groupby("dept")["mark"].mean()).fillna(train["mark"].mean())
test["mark"] = np.asarray(guess).clip(1, 5)
test[["id", "mark"]].to_csv("submission.csv", index=False)
