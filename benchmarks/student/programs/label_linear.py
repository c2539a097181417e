import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x = pd.concat([train, test]).drop(columns=["id", target], errors="ignore")
few = [name for name in x.select_dtypes(exclude="number") if x[name].nunique() < 30]
x = pd.get_dummies(x, columns=few).select_dtypes(exclude="object").astype(float)
x = x.fillna(x.median()).to_numpy()
model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=500))
model.fit(x[: len(train)], train[target])
test[target] = model.predict(x[len(train) :])
test[["id", target]].to_csv("submission.csv", index=False)
