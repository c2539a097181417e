"""Reference: a forest that weighs the rare classes up, with a few combinations of place, season and pressure."""

import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")


def features(frame):
    table = frame[["lat", "long", "pressure"]].copy()
    table["season"] = frame["month"] + frame["day"] / 31
    table["north"] = frame["lat"] + 0.3 * frame["long"]
    table["deep"] = (1013 - frame["pressure"]) - 0.5 * (frame["lat"] - 20)
    table["late"] = (table["season"] - 9.3).abs()
    return table


model = ExtraTreesClassifier(200, min_samples_leaf=5, class_weight="balanced", max_features=0.6, random_state=0)
model.fit(features(train), train["status"])
test["status"] = model.predict(features(test))
test[["id", "status"]].to_csv("submission.csv", index=False)
