"""Reference: takes the mean of a random forest and a logistic regression."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "fin_indy_num", "fin_indy_pct", "retire_invst_num", "tgt_sf_wthdrw_rt", "max_retire_sup", "retire_exp",
    "home_value", "brokerage_accts_tax", "retirement_accts_tax", "cash", "invst_accts", "spec_crypto",
    "invst_prop_bus_own", "other_val", "mortgage", "2020_gross_inc", "2020_housing_exp", "2020_utilities_exp",
    "2020_transp_exp", "2020_necessities_exp", "2020_lux_exp", "2020_invst_save", "2020_charity",
    "2020_healthcare_exp", "2020_taxes",
]
kinds = [
    "num_incomes", "pan_inc_chg", "pan_inc_chg_pct", "pan_exp_chg", "pan_exp_chg_pct", "race_eth", "gender",
    "age", "edu", "rel_status", "country", "fin_indy", "retire_age", "stp_whn_fin_indy", "employer", "role",
    "edu_status",
]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds),
    ),
    VotingClassifier([("forest", RandomForestClassifier(n_estimators=150, min_samples_leaf=3, class_weight="balanced", random_state=0)), ("linear", LogisticRegression(C=0.5, max_iter=500, class_weight="balanced"))], voting="soft"),
)
model.fit(train, train["pan_financial_impact"])
test["pan_financial_impact"] = model.predict(test)
test[["id", "pan_financial_impact"]].to_csv("submission.csv", index=False)
