"""Baseline: fits a ridge regression to the numeric columns."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
numbers = [
    "Age", "BMI", "N_prev_preg", "N_living_kids", "N_qualifying_teeth", "BL_GE", "BL_BOP", "BL_PD_avg",
    "BL_PD_4", "BL_PD_5", "BL_CAL_avg", "BL_CAL_2", "BL_CAL_3", "BL_Calc_I", "BL_Pl_I", "BL_Anti_inf",
    "BL_Cortico", "BL_Antibio", "BL_Bac_vag", "BL_DNA", "BL_Univ", "BL_AA", "BL_PG", "BL_TD", "BL_TF",
    "BL_PI", "BL_CR", "BL_FN", "BL_S7", "BL_AA_2", "BL_PG_2", "BL_TD_2", "BL_TF_2", "BL_PI_2", "BL_CR_2",
    "BL_FN_2", "BL_S7_2",
]
model = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    ),
    Ridge(alpha=1.0),
)
model.fit(train, train["V5_PD_avg"])
test["V5_PD_avg"] = model.predict(test)
test[["id", "V5_PD_avg"]].to_csv("submission.csv", index=False)
