"""Reference: takes the quantiles of a random forest's leaves."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

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
        (SimpleImputer(strategy="median"), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), kinds),
    ),
    RandomForestRegressor(n_estimators=100, min_samples_leaf=8, max_features=0.6, random_state=0),
)
model.fit(train, train["V5_PD_avg"])
known, asked = (model[-1].apply(model[:-1].transform(frame)) for frame in (train, test))
truth = train["V5_PD_avg"].to_numpy()
order = np.argsort(truth)
made = np.empty((len(test), 3))
for row, leaves in enumerate(asked):
    shared = known[order] == leaves
    weight = (shared / np.maximum(shared.sum(axis=0), 1)).sum(axis=1)
    share = np.cumsum(weight) / weight.sum()
    made[row] = truth[order][np.searchsorted(share, [0.1, 0.5, 0.9]).clip(0, len(truth) - 1)]
test[["q10", "q50", "q90"]] = made
test[["id", "q10", "q50", "q90"]].to_csv("submission.csv", index=False)
