import pandas as pd
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x = pd.get_dummies(pd.concat([train, test]).drop(columns="id", errors="ignore")).astype(float)
x = StandardScaler().fit_transform(x.fillna(x.median()))
model = GaussianMixture(3, reg_covar=0.05, random_state=0).fit(x[: len(train)])
test[target] = -model.score_samples(x[len(train) :])
test[["id", target]].to_csv("submission.csv", index=False)
