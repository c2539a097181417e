import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier

CODES
trees = ExtraTreesClassifier(200, min_samples_leaf=3, random_state=0)
boost = HistGradientBoostingClassifier(learning_rate=0.05, max_leaf_nodes=8, random_state=0)
model = VotingClassifier([("trees", trees), ("boost", boost)], voting="soft")
model.fit(x[: len(train)], train[target])
test[target] = model.predict_proba(x[len(train) :])[:, 1]
test[["id", target]].to_csv("submission.csv", index=False)
