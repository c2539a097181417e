"""Reference: columns brought to a normal shape on all cells, few components, and a small forest beside a ridge."""

import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import QuantileTransformer

train, rest, test = pd.read_csv("train.csv"), pd.read_csv("unlabelled.csv"), pd.read_csv("test.csv")
columns = [name for name in train if name != "well"]
every = pd.concat([frame[columns] for frame in (train, rest, test)])
shape = QuantileTransformer(output_distribution="normal", n_quantiles=300, random_state=0).fit(every)
x, z, y = shape.transform(train[columns]), shape.transform(test[columns]), train["well"]
ridge = LogisticRegression(C=0.03, max_iter=500).fit(x, y).predict_proba(z)[:, 1]
trees = ExtraTreesClassifier(400, min_samples_leaf=2, random_state=0).fit(x, y).predict_proba(z)[:, 1]
test["well"] = (ridge + trees) / 2
test[["id", "well"]].to_csv("submission.csv", index=False)
