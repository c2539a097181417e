"""Reference: takes the mean of a random forest and a logistic regression."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = ["ac_mass", "num_engs", "height", "speed"]
kinds = [
    "operator", "atype", "phase_of_flt", "time_of_day", "state", "sky", "species", "birds_seen",
    "birds_struck",
]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds),
    ),
    VotingClassifier([("forest", RandomForestClassifier(n_estimators=150, min_samples_leaf=3, random_state=0)), ("linear", LogisticRegression(C=0.5, max_iter=500))], voting="soft"),
)
model.fit(train, train["effect"])
names = ["p_Aborted Take-off", "p_Engine Shut Down", "p_Other", "p_Precautionary Landing"]
shares = pd.DataFrame(model.predict_proba(test), columns=[f"p_{name}" for name in model.classes_])
shares = shares.reindex(columns=names, fill_value=0.0)
test = pd.concat([test[["id"]], shares], axis=1)
test[["id", *names]].to_csv("submission.csv", index=False)
