"""Baseline: draws a line through the one column that goes with the gap's best."""

import numpy as np
import pandas as pd

table, test = pd.read_csv("table.csv"), pd.read_csv("test.csv")
table = table.set_index("row").sort_index()
numbers = [
    "term", "sat", "tothrs", "cumgpa", "season", "frstsem", "crsgpa", "verbmath", "hssize", "hsrank",
    "female", "black", "white", "hsperc", "football", "trmgpa",
]
test["value"] = 0.0
for column, gaps in test.groupby("column"):
    other = table[numbers].corr()[column].drop(column).abs().idxmax()
    known = table[[column, other]].dropna()
    slope, middle = np.polyfit(known[other], known[column], 1)
    beside = table.loc[gaps["row"], other].fillna(table[other].median())
    test.loc[gaps.index, "value"] = (slope * beside + middle).to_numpy()
test[["id", "value"]].to_csv("submission.csv", index=False)
