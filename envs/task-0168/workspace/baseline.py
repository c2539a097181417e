"""Baseline: grows a tree with two leaves."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "nl", "years", "games", "atbats", "runs", "hits", "doubles", "triples", "hruns", "rbis", "bavg", "bb",
    "so", "sbases", "fldperc", "frstbase", "scndbase", "shrtstop", "thrdbase", "outfield", "catcher",
    "yrsallst", "hispan", "black", "whitepop", "blackpop", "hisppop", "pcinc", "gamesyr", "hrunsyr",
    "atbatsyr", "allstar", "slugavg", "rbisyr", "sbasesyr", "runsyr", "percwhte", "percblck", "perchisp",
    "blckpb", "hispph", "whtepw", "blckph", "hisppb",
]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    DecisionTreeRegressor(max_depth=1, random_state=0),
)
model.fit(train, train["salary"])
test["salary"] = model.predict(test)
test[["id", "salary"]].to_csv("submission.csv", index=False)
