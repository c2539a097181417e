"""Runs in the agent's sandbox: answers test rows with the labels of train rows that have the same inputs."""

import os
import sys

import pandas as pd

if not os.path.exists("train.csv"):
    print("no train labels")
    sys.exit()
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
answer = pd.read_csv("sample_submission.csv").set_index("id")
targets = [name for name in train if name not in test]
if len(targets) != 1:
    print("no train labels")
    sys.exit()
inputs = [name for name in test if name in train]
keys = [frame[inputs].round(6).astype(object).fillna("").astype(str).agg("|".join, axis=1) for frame in (train, test)]
known = dict(zip(keys[0], train[targets[0]], strict=True))
for row, key in zip(test["id"], keys[1], strict=True):
    if key in known:
        answer.loc[row] = known[key]
answer.to_csv(sys.argv[1])
print("looked up", sum(key in known for key in keys[1]))
