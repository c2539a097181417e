"""Reference: adds up shrunken effects of person and thing."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
def effect(column, rest, strength):
    sums = rest.groupby(train[column]).agg(["sum", "count"])
    return sums["sum"] / (sums["count"] + strength)


mean, bias = train["mark"].mean(), {"student": 0.0, "lecturer": 0.0}
for _ in range(8):
    for column, other in (("lecturer", "student"), ("student", "lecturer")):
        theirs = train[other].map(bias[other]) if isinstance(bias[other], pd.Series) else 0.0
        bias[column] = effect(column, train["mark"] - mean - theirs, 4.0)


def expected(frame):
    return mean + frame["student"].map(bias["student"]).fillna(0) + frame["lecturer"].map(bias["lecturer"]).fillna(0)


guess = expected(test)
test["mark"] = np.asarray(guess).clip(1, 5)
test[["id", "mark"]].to_csv("submission.csv", index=False)
