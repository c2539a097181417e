"""Reference: takes the quantiles of a random forest's leaves."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "readk", "read1", "read2", "mathk", "math1", "math2", "experiencek", "experience1", "experience2",
    "experience3",
]
kinds = [
    "gender", "ethnicity", "stark", "star1", "star2", "star3", "lunchk", "lunch1", "lunch2", "lunch3",
    "schoolk", "school1", "school2", "school3", "degreek", "degree1", "degree2", "degree3", "ladderk",
    "ladder1", "ladder2", "ladder3", "tethnicityk", "tethnicity1", "tethnicity2", "tethnicity3",
]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), kinds),
    ),
    RandomForestRegressor(n_estimators=100, min_samples_leaf=8, max_features=0.6, random_state=0),
)
model.fit(train, train["math3"])
known, asked = (model[-1].apply(model[:-1].transform(frame)) for frame in (train, test))
truth = train["math3"].to_numpy()
order = np.argsort(truth)
made = np.empty((len(test), 3))
for row, leaves in enumerate(asked):
    shared = known[order] == leaves
    weight = (shared / np.maximum(shared.sum(axis=0), 1)).sum(axis=1)
    share = np.cumsum(weight) / weight.sum()
    made[row] = truth[order][np.searchsorted(share, [0.1, 0.5, 0.9]).clip(0, len(truth) - 1)]
test[["q10", "q50", "q90"]] = made
test[["id", "q10", "q50", "q90"]].to_csv("submission.csv", index=False)
