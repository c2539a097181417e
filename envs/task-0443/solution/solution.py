"""Reference: takes the quantiles of a random forest's leaves."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["education", "experience"]
kinds = ["ethnicity", "smsa", "region", "parttime"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), kinds),
    ),
    RandomForestRegressor(n_estimators=100, min_samples_leaf=8, max_features=0.6, random_state=0),
)
model.fit(train, train["wage"])
known, asked = (model[-1].apply(model[:-1].transform(frame)) for frame in (train, test))
truth = train["wage"].to_numpy()
order = np.argsort(truth)
made = np.empty((len(test), 3))
for row, leaves in enumerate(asked):
    shared = known[order] == leaves
    weight = (shared / np.maximum(shared.sum(axis=0), 1)).sum(axis=1)
    share = np.cumsum(weight) / weight.sum()
    made[row] = truth[order][np.searchsorted(share, [0.1, 0.5, 0.9]).clip(0, len(truth) - 1)]
test[["q10", "q50", "q90"]] = made
test[["id", "q10", "q50", "q90"]].to_csv("submission.csv", index=False)
