import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x = pd.concat([train, test]).drop(columns=["id", target], errors="ignore")
for name in x.select_dtypes(exclude="number"):
    x[name] = x[name].factorize(sort=True)[0]
x = x.fillna(-1).to_numpy(float)
columns = [name for name in pd.read_csv("sample_submission.csv") if name != "id"]
for name in columns:
    model = HistGradientBoostingRegressor(
        loss="quantile", quantile=int(name[1:]) / 100, max_iter=60, max_leaf_nodes=6, random_state=0
    )
    test[name] = model.fit(x[: len(train)], train[target]).predict(x[len(train) :])
test[["id", *columns]].to_csv("submission.csv", index=False)
