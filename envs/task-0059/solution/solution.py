"""Reference: takes the mean of boosted trees and a ridge regression."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
for frame in (train, test):
    when = pd.to_datetime(frame["Date"])
    frame["day"] = (when - pd.Timestamp("2000-01-01")).dt.total_seconds() / 86_400
    frame["month"], frame["weekday"] = when.dt.month, when.dt.weekday
numbers = ["Open", "High", "Low", "Close", "Adj_Close", "day", "month", "weekday"]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    VotingRegressor([("boosted", HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=10, loss="squared_error", random_state=0)), ("ridge", Ridge(alpha=3.0))]),
)
model.fit(train, train["Volume"])
test["Volume"] = model.predict(test)
test[["id", "Volume"]].to_csv("submission.csv", index=False)
