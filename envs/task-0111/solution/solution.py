"""Reference: takes the mean of boosted trees and a ridge regression."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "emp_length", "annual_income", "debt_to_income", "delinq_2y", "months_since_last_delinq",
    "earliest_credit_line", "inquiries_last_12m", "total_credit_lines", "open_credit_lines",
    "total_credit_limit", "total_credit_utilized", "num_collections_last_12m", "num_historical_failed_to_pay",
    "current_accounts_delinq", "total_collection_amount_ever", "current_installment_accounts",
    "accounts_opened_24m", "months_since_last_credit_inquiry", "num_satisfactory_accounts",
    "num_accounts_30d_past_due", "num_active_debit_accounts", "total_debit_limit", "num_total_cc_accounts",
    "num_open_cc_accounts", "num_cc_carrying_balance", "num_mort_accounts", "account_never_delinq_percent",
    "public_record_bankrupt", "loan_amount", "term",
]
kinds = [
    "emp_title", "state", "homeownership", "verified_income", "loan_purpose", "application_type",
    "issue_month", "initial_listing_status", "disbursement_method",
]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds),
    ),
    VotingRegressor([("boosted", HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=10, loss="absolute_error", random_state=0)), ("ridge", Ridge(alpha=3.0))]),
)
model.fit(train, train["interest_rate"])
test["interest_rate"] = model.predict(test)
test[["id", "interest_rate"]].to_csv("submission.csv", index=False)
