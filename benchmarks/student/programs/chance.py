import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier

target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x = pd.concat([train, test]).drop(columns=["id", target], errors="ignore")
for name in x.select_dtypes(exclude="number"):
    x[name] = x[name].factorize(sort=True)[0]
x = x.fillna(-1).to_numpy(float)
trees = ExtraTreesClassifier(200, min_samples_leaf=3, random_state=0)
boost = HistGradientBoostingClassifier(learning_rate=0.05, max_leaf_nodes=8, random_state=0)
model = VotingClassifier([("trees", trees), ("boost", boost)], voting="soft")
model.fit(x[: len(train)], train[target])
test[target] = model.predict_proba(x[len(train) :])[:, 1]
test[["id", target]].to_csv("submission.csv", index=False)
