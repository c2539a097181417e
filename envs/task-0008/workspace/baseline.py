"""An isolation forest on the numbers as they are."""

import pandas as pd
from sklearn.ensemble import IsolationForest

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["compounds", "input_fields", "iterations", "num_pending", "hour"]
model = IsolationForest(n_estimators=50, random_state=0).fit(train[numbers].to_numpy())
test["slow"] = -model.score_samples(test[numbers].to_numpy())
test[["id", "slow"]].to_csv("submission.csv", index=False)
