import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier

target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x = pd.concat([train, test]).drop(columns=["id", target], errors="ignore")
for name in x.select_dtypes(exclude="number"):
    x[name] = x[name].factorize(sort=True)[0]
x = x.fillna(-1).to_numpy(float)
model = ExtraTreesClassifier(300, min_samples_leaf=2, class_weight="balanced", random_state=0)
model.fit(x[: len(train)], train[target])
test[target] = model.predict(x[len(train) :])
test[["id", target]].to_csv("submission.csv", index=False)
