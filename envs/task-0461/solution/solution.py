"""Reference: grows a random forest on all columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

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
    RandomForestRegressor(n_estimators=120, min_samples_leaf=3, max_features=0.5, random_state=0),
)
model.fit(train, train["salary"])
test["salary"] = model.predict(test)
test[["id", "salary"]].to_csv("submission.csv", index=False)
