import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor

target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x = pd.concat([train, test]).drop(columns=["id", target], errors="ignore")
for name in x.select_dtypes(exclude="number"):
    x[name] = x[name].factorize(sort=True)[0]
x = x.fillna(-1).to_numpy(float)
forest = RandomForestRegressor(300, min_samples_leaf=4, max_features=0.5, random_state=0)
leaves = forest.fit(x[: len(train)], train[target]).apply(x)
known, asked = leaves[: len(train)], leaves[len(train) :]
values = train[target].to_numpy()
near = [np.repeat(values, (known == leaf).sum(axis=1)) for leaf in asked]
columns = [name for name in pd.read_csv("sample_submission.csv") if name != "id"]
for name in columns:
    test[name] = [np.quantile(found, int(name[1:]) / 100) for found in near]
test[["id", *columns]].to_csv("submission.csv", index=False)
