"""Reference: how large a job is for its protocol, sizes as logarithms; rare protocols count as larger."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
sizes = ["compounds", "input_fields", "iterations"]
log_train, log_test = np.log1p(train[sizes]), np.log1p(test[sizes])
scale = log_train.std()
center = log_train.groupby(train["protocol"]).mean().reindex(sorted({*train["protocol"], *test["protocol"]}))
count = train["protocol"].value_counts().reindex(center.index).fillna(0)
whole = log_train.mean()
weight = (count / (count + 10)).to_numpy()[:, None]
center = center.fillna(whole) * weight + whole.to_numpy() * (1 - weight)
above = ((log_test - center.loc[test["protocol"]].to_numpy()) / scale).clip(lower=-1)
overall = (log_test - whole) / scale
rarity = -np.log((test["protocol"].map(count) + 1) / (len(train) + 14))
score = above.sum(axis=1) + overall[["compounds", "input_fields"]].sum(axis=1) + 1.0 * rarity
test["slow"] = score
test[["id", "slow"]].to_csv("submission.csv", index=False)
