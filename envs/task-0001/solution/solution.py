"""Reference: a support vector machine with a Gaussian kernel on the pixels."""

import pandas as pd
from sklearn.svm import SVC

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
pixels = [name for name in train if name != "digit"]
model = SVC(C=5.0, gamma=0.001).fit(train[pixels], train["digit"])
test["digit"] = model.predict(test[pixels])
test[["id", "digit"]].to_csv("submission.csv", index=False)
