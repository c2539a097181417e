"""Baseline: grows a tree of depth three."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["e401k", "inc", "marr", "male", "age", "fsize", "nettfa", "p401k"]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    DecisionTreeClassifier(max_depth=3, random_state=0),
)
model.fit(train, train["pira"])
test["pira"] = model.predict_proba(test)[:, 1]
test[["id", "pira"]].to_csv("submission.csv", index=False)
