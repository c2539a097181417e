"""Reference: a mixture of Gaussians on scaled columns."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

test = pd.read_csv("test.csv")
numbers = ["bone_density", "percent_fat", "gen", "litter", "body_weight"]
columns = make_column_transformer((make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers))
x_test = np.asarray(columns.fit_transform(test))
test["diet"] = GaussianMixture(2, reg_covar=1e-3, n_init=5, random_state=0).fit_predict(x_test)
test[["id", "diet"]].to_csv("submission.csv", index=False)
