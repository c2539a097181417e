"""Reference: fits a linear quantile regression."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["Age", "LowAFC", "MeanAFC", "FSH", "E2", "MaxE2", "MaxDailyGn", "TotalGn", "Oocytes"]
for name, quantile in (("q10", 0.1), ("q50", 0.5), ("q90", 0.9)):
    model = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ),
        QuantileRegressor(quantile=quantile, alpha=1e-4),
    )
    test[name] = model.fit(train, train["Embryos"]).predict(test)
test[["id", "q10", "q50", "q90"]].to_csv("submission.csv", index=False)
