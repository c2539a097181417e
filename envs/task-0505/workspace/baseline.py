"""Baseline: predicts the mean of the thing."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
guess = test["item"].map(train.groupby("item")["agreement"].mean()).fillna(train["agreement"].mean())
test["agreement"] = np.asarray(guess)
test[["id", "agreement"]].to_csv("submission.csv", index=False)
