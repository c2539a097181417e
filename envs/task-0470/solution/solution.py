"""Reference: grows a random forest on all columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["age"]
kinds = ["race", "gender", "citizen", "lang", "married", "edu", "disability", "birth_qrtr"]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), kinds),
    ),
    RandomForestClassifier(n_estimators=150, min_samples_leaf=3, random_state=0),
)
model.fit(train, train["employment"])
names = ["p_employed", "p_not in labor force", "p_unemployed"]
shares = pd.DataFrame(model.predict_proba(test), columns=[f"p_{name}" for name in model.classes_])
shares = shares.reindex(columns=names, fill_value=0.0)
test = pd.concat([test[["id"]], shares], axis=1)
test[["id", *names]].to_csv("submission.csv", index=False)
