"""Reference: takes the mean of a random forest and a logistic regression."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["inc", "marr", "male", "age", "fsize", "nettfa", "pira"]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    VotingClassifier([("forest", RandomForestClassifier(n_estimators=150, min_samples_leaf=3, random_state=0)), ("linear", LogisticRegression(C=0.5, max_iter=500))], voting="soft"),
)
model.fit(train, train["e401k"])
test["e401k"] = model.predict_proba(test)[:, 1]
test[["id", "e401k"]].to_csv("submission.csv", index=False)
