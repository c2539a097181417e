import pandas as pd
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

target, groups = "TARGET", GROUPS
test = pd.read_csv("test.csv")
x = pd.get_dummies(test.drop(columns="id")).astype(float)
x = StandardScaler().fit_transform(x.fillna(x.median()))
test[target] = GaussianMixture(groups, n_init=5, reg_covar=0.01, random_state=0).fit_predict(x)
test[["id", target]].to_csv("submission.csv", index=False)
