import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor

CODES
forest = RandomForestRegressor(300, min_samples_leaf=4, max_features=0.5, random_state=0)
leaves = forest.fit(x[: len(train)], train[target]).apply(x)
known, asked = leaves[: len(train)], leaves[len(train) :]
values = train[target].to_numpy()
near = [np.repeat(values, (known == leaf).sum(axis=1)) for leaf in asked]
columns = [name for name in pd.read_csv("sample_submission.csv") if name != "id"]
for name in columns:
    test[name] = [np.quantile(found, int(name[1:]) / 100) for found in near]
test[["id", *columns]].to_csv("submission.csv", index=False)
