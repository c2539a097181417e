"""Reference: grows a random forest on all columns."""

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["assets"]
kinds = ["sector", "nation"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = TransformedTargetRegressor(make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), kinds),
    ),
    RandomForestRegressor(n_estimators=120, min_samples_leaf=3, max_features=0.5, random_state=0),
), func=np.log1p, inverse_func=np.expm1)
model.fit(train, train["interlocks"])
test["interlocks"] = model.predict(test).clip(0)
test[["id", "interlocks"]].to_csv("submission.csv", index=False)
