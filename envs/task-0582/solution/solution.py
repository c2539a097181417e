"""Reference: fits a logistic regression to all columns, categories one-hot."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["pharvis", "lnhhexp", "age", "married", "educ", "illness", "injury", "illdays", "actdays"]
kinds = ["sex"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds),
    ),
    LogisticRegression(C=0.5, max_iter=500),
)
model.fit(train, train["insurance"])
test["insurance"] = model.predict_proba(test)[:, 1]
test[["id", "insurance"]].to_csv("submission.csv", index=False)
