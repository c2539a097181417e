"""Reference: takes the mean of boosted trees and a ridge regression."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "year", "govelec", "black", "metro", "unem", "ag0_14", "ag15_17", "ag18_24", "ag25_34", "incpc", "polpc",
    "gincpc", "gpolpc", "cag0_14", "cag15_17", "cag18_24", "cag25_34", "cunem", "cblack", "cmetro", "pris",
    "gpris", "final1", "final2",
]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    VotingRegressor([("boosted", HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=10, loss="squared_error", random_state=0)), ("ridge", Ridge(alpha=3.0))]),
)
model.fit(train, train["criv"])
test["criv"] = model.predict(test)
test[["id", "criv"]].to_csv("submission.csv", index=False)
