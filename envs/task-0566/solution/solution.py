"""Reference: grows a random forest on all columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["pcInd81", "ssDist"]
kinds = ["childAge", "motherAge", "birthOrd", "indig", "momEd", "husEd", "husEmpl"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), kinds),
    ),
    RandomForestClassifier(n_estimators=150, min_samples_leaf=3, random_state=0),
)
model.fit(train, train["prenat"])
test["prenat"] = model.predict_proba(test)[:, 1]
test[["id", "prenat"]].to_csv("submission.csv", index=False)
