"""Baseline: grows a tree of depth three."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "age", "economic_cond_national", "economic_cond_household", "Blair", "Hague", "Kennedy", "Europe",
    "political_knowledge",
]
kinds = ["gender"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), kinds),
    ),
    DecisionTreeClassifier(max_depth=3, random_state=0),
)
model.fit(train, train["vote"])
names = ["p_Conservative", "p_Labour", "p_Liberal Democrat"]
shares = pd.DataFrame(model.predict_proba(test), columns=[f"p_{name}" for name in model.classes_])
shares = shares.reindex(columns=names, fill_value=0.0)
test = pd.concat([test[["id"]], shares], axis=1)
test[["id", *names]].to_csv("submission.csv", index=False)
