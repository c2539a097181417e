"""Linear regression on the machine's parts, without the month."""

import pandas as pd
from sklearn.linear_model import LinearRegression

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")


def features(frame):
    table = frame[["clock_mhz", "disk_mb", "memory_mb", "screen_inch"]].copy()
    for name in ("cd_drive", "multimedia", "premium"):
        table[name] = (frame[name] == "yes").astype(int)
    return table


model = LinearRegression().fit(features(train), train["price"])
test["price"] = model.predict(features(test)).clip(0)
test[["id", "price"]].to_csv("submission.csv", index=False)
