"""Baseline: fits a logistic regression to one column."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["age"]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    LogisticRegression(max_iter=500),
)
model.fit(train, train["insurance"])
names = ["p_freepor", "p_freerepa", "p_levyplus", "p_medlevy"]
shares = pd.DataFrame(model.predict_proba(test), columns=[f"p_{name}" for name in model.classes_])
shares = shares.reindex(columns=names, fill_value=0.0)
test = pd.concat([test[["id"]], shares], axis=1)
test[["id", *names]].to_csv("submission.csv", index=False)
