"""Baseline: takes the mean for each `gender`."""

import pandas as pd

table, test = pd.read_csv("table.csv"), pd.read_csv("test.csv")
table = table.set_index("row").sort_index()
numbers = ["age", "education", "earnings"]
kinds = ["gender", "region"]
test["value"] = 0.0
for column, gaps in test.groupby("column"):
    means = table.groupby(kinds[0])[column].mean()
    guess = table.loc[gaps["row"], kinds[0]].map(means).fillna(table[column].mean())
    test.loc[gaps.index, "value"] = guess.to_numpy()
test[["id", "value"]].to_csv("submission.csv", index=False)
