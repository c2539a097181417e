"""Baseline: grows a tree of depth three, one band."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "bia_di", "bii_di", "bit_di", "che_de", "che_di", "elb_di", "wri_di", "kne_di", "ank_di", "sho_gi",
    "che_gi", "wai_gi", "nav_gi", "hip_gi", "thi_gi", "bic_gi", "for_gi", "kne_gi", "cal_gi", "ank_gi",
    "wri_gi", "age", "hgt", "sex",
]
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
    ),
    DecisionTreeRegressor(max_depth=3, random_state=0),
)
model.fit(train, train["wgt"])
left = train["wgt"] - model.predict(train)
for name, quantile in (("q10", 0.1), ("q50", 0.5), ("q90", 0.9)):
    test[name] = model.predict(test) + left.quantile(quantile)
test[["id", "q10", "q50", "q90"]].to_csv("submission.csv", index=False)
