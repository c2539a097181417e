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
    "Age", "BMI", "N_prev_preg", "N_living_kids", "N_qualifying_teeth", "BL_GE", "BL_BOP", "BL_PD_avg",
    "BL_PD_4", "BL_PD_5", "BL_CAL_avg", "BL_CAL_2", "BL_CAL_3", "BL_Calc_I", "BL_Pl_I", "BL_Anti_inf",
    "BL_Cortico", "BL_Antibio", "BL_Bac_vag", "BL_DNA", "BL_Univ", "BL_AA", "BL_PG", "BL_TD", "BL_TF",
    "BL_PI", "BL_CR", "BL_FN", "BL_S7", "BL_AA_2", "BL_PG_2", "BL_TD_2", "BL_TF_2", "BL_PI_2", "BL_CR_2",
    "BL_FN_2", "BL_S7_2",
]
kinds = [
    "Clinic", "Group", "Education", "Public_Asstce", "Hypertension", "Diabetes", "Use_Tob", "Use_Alc",
    "Drug_Add", "Prev_preg", "Live_PTB", "Any_stillbirth", "Spont_ab", "Induced_ab",
    "Any_live_ptb_sb_sp_ab_in_ab", "Mom_HIV_status", "O1B1", "O61", "O81", "OTNF1", "ETXU_CAT1",
]
for frame in (train, test):
    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False), kinds),
    ),
    VotingRegressor([("boosted", HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=10, loss="squared_error", random_state=0)), ("ridge", Ridge(alpha=3.0))]),
)
model.fit(train, train["V5_PD_avg"])
test["V5_PD_avg"] = model.predict(test)
test[["id", "V5_PD_avg"]].to_csv("submission.csv", index=False)
