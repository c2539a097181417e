import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier

target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x, x_test = np.load("ARRAY_train.npy"), np.load("ARRAY_test.npy")
x, x_test = x.reshape(len(x), -1).astype(float), x_test.reshape(len(x_test), -1).astype(float)
model = ExtraTreesClassifier(300, random_state=0).fit(x, train[target])
test[target] = PREDICT
test[["id", target]].to_csv("submission.csv", index=False)
