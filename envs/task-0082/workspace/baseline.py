"""Baseline: fits a logistic regression to the categories of one column."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
kinds = ["state"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds),
    ),
    LogisticRegression(max_iter=500),
)
model.fit(train, train["school"])
names = ["p_Gymnasium", "p_Hauptschule", "p_Realschule"]
shares = pd.DataFrame(model.predict_proba(test), columns=[f"p_{name}" for name in model.classes_])
shares = shares.reindex(columns=names, fill_value=0.0)
test = pd.concat([test[["id"]], shares], axis=1)
test[["id", *names]].to_csv("submission.csv", index=False)
