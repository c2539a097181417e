import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor, VotingRegressor

CODES
trees = ExtraTreesRegressor(200, min_samples_leaf=2, random_state=0)
boost = HistGradientBoostingRegressor(learning_rate=0.05, max_leaf_nodes=15, random_state=0)
model = VotingRegressor([("trees", trees), ("boost", boost)])
model.fit(x[: len(train)], train[target])
test[target] = model.predict(x[len(train) :])
test[["id", target]].to_csv("submission.csv", index=False)
