"""Baseline: grows a tree with two leaves."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["fml", "hi", "nwhite", "age", "yedu", "famsize", "empl", "inc"]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    DecisionTreeRegressor(max_depth=1, random_state=0),
)
model.fit(train, train["hlth"])
test["hlth"] = np.rint(model.predict(test)).clip(1, 5).astype(int)
test[["id", "hlth"]].to_csv("submission.csv", index=False)
