"""Reference: adds up shrunken effects of person and thing."""

import numpy as np
import pandas as pd

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
def effect(column, rest, strength):
    sums = rest.groupby(train[column]).agg(["sum", "count"])
    return sums["sum"] / (sums["count"] + strength)


mean, bias = train["stars"].mean(), {"user": 0.0, "film": 0.0}
for _ in range(8):
    for column, other in (("film", "user"), ("user", "film")):
        theirs = train[other].map(bias[other]) if isinstance(bias[other], pd.Series) else 0.0
        bias[column] = effect(column, train["stars"] - mean - theirs, 4.0)


def expected(frame):
    return mean + frame["user"].map(bias["user"]).fillna(0) + frame["film"].map(bias["film"]).fillna(0)


guess = expected(test)
test["stars"] = np.asarray(guess).clip(0.5, 5)
test[["id", "stars"]].to_csv("submission.csv", index=False)
