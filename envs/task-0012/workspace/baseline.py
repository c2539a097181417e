"""The three nearest of the labelled cells, columns as they are."""

import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
columns = [name for name in train if name != "well"]
model = KNeighborsClassifier(n_neighbors=3).fit(train[columns], train["well"])
test["well"] = model.predict_proba(test[columns])[:, 1]
test[["id", "well"]].to_csv("submission.csv", index=False)
