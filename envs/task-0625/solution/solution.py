"""Reference: grows a random forest on all columns."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["health", "fatal", "incest", "rape", "bd", "fin", "sex", "pid"]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    RandomForestRegressor(n_estimators=120, min_samples_leaf=3, max_features=0.5, random_state=0),
)
model.fit(train, train["choice"])
test["choice"] = np.rint(model.predict(test)).clip(0, 2).astype(int)
test[["id", "choice"]].to_csv("submission.csv", index=False)
