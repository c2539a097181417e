import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor

table, test = pd.read_csv("table.csv").set_index("row"), pd.read_csv("test.csv")
x = table.copy()
for name in x.select_dtypes(exclude="number"):
    x[name] = x[name].factorize(sort=True)[0]
filled = x.fillna(x.median())
for column, gaps in test.groupby("column"):
    known, others = table[column].notna(), filled.drop(columns=column)
    model = ExtraTreesRegressor(200, min_samples_leaf=2, random_state=0)
    model.fit(others[known], table.loc[known, column])
    test.loc[gaps.index, "value"] = model.predict(others.loc[gaps["row"]])
test[["id", "value"]].to_csv("submission.csv", index=False)
