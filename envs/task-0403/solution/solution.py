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
    "nearc2", "nearc4", "educ", "age", "fatheduc", "motheduc", "momdad14", "sinmom14", "step14", "reg661",
    "reg662", "reg663", "reg664", "reg665", "reg666", "reg667", "reg668", "reg669", "south66", "black",
    "smsa", "south", "smsa66", "enroll", "KWW", "IQ", "married", "libcrd14", "exper",
]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    VotingRegressor([("boosted", HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=10, loss="squared_error", random_state=0)), ("ridge", Ridge(alpha=3.0))]),
)
model.fit(train, train["wage"])
test["wage"] = model.predict(test)
test[["id", "wage"]].to_csv("submission.csv", index=False)
