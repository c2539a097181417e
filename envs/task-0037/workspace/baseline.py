"""Baseline: grows a tree to the end."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "age", "sex", "educ", "degree", "race", "rincom16", "xnorcsiz", "news", "wrkstat", "natspac", "natenvir",
    "natheal", "natcity", "natcrime", "natdrug", "nateduc", "natrace", "natarms", "nataid", "natfare",
    "natroad", "natsoc", "natmass", "natpark", "natchld", "natsci", "natenrgy",
]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    DecisionTreeRegressor(random_state=0),
)
model.fit(train, train["polviews"])
test["polviews"] = np.rint(model.predict(test)).clip(1, 7).astype(int)
test[["id", "polviews"]].to_csv("submission.csv", index=False)
