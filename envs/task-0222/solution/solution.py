"""Reference: fits a ridge regression to all columns, categories one-hot."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "bia_di", "bii_di", "bit_di", "che_de", "che_di", "elb_di", "wri_di", "kne_di", "ank_di", "sho_gi",
    "che_gi", "wai_gi", "nav_gi", "hip_gi", "thi_gi", "bic_gi", "for_gi", "kne_gi", "cal_gi", "ank_gi",
    "wri_gi", "age", "hgt", "sex",
]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    Ridge(alpha=3.0),
)
model.fit(train, train["wgt"])
test["wgt"] = model.predict(test)
test[["id", "wgt"]].to_csv("submission.csv", index=False)
