"""Reference: takes the mean of boosted trees and a ridge regression."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "year", "prbarr", "prbconv", "prbpris", "avgsen", "polpc", "density", "taxpc", "pctmin", "wcon", "wtuc",
    "wtrd", "wfir", "wser", "wmfg", "wfed", "wsta", "wloc", "mix", "pctymle",
]
kinds = ["region", "smsa"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds),
    ),
    VotingRegressor([("boosted", HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=10, loss="squared_error", random_state=0)), ("ridge", Ridge(alpha=3.0))]),
)
model.fit(train, train["crmrte"])
test["crmrte"] = model.predict(test)
test[["id", "crmrte"]].to_csv("submission.csv", index=False)
