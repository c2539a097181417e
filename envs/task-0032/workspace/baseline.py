"""Baseline: grows a tree of depth three."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "abuse", "unemrate", "age", "educ", "married", "famsize", "white", "exhealth", "vghealth", "goodhealth",
    "fairhealth", "northeast", "midwest", "south", "centcity", "outercity", "qrt1", "qrt2", "qrt3", "beertax",
    "cigtax", "ethanol", "mothalc", "fathalc", "livealc",
]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    DecisionTreeClassifier(max_depth=3, random_state=0),
)
model.fit(train, train["employ"])
test["employ"] = model.predict_proba(test)[:, 1]
test[["id", "employ"]].to_csv("submission.csv", index=False)
