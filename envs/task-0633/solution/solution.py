"""Reference: boosts trees on all columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["year", "sector", "wage", "capital", "output"]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=10, loss="absolute_error", random_state=0),
)
model.fit(train, train["emp"])
test["emp"] = model.predict(test)
test[["id", "emp"]].to_csv("submission.csv", index=False)
