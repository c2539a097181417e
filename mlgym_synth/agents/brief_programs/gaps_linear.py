import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

table, test = pd.read_csv("table.csv").set_index("row"), pd.read_csv("test.csv")
few = [name for name in table.select_dtypes(exclude="number") if table[name].nunique() < 30]
x = pd.get_dummies(table, columns=few).select_dtypes(exclude="object").astype(float)
filled = x.fillna(x.median())
for column, gaps in test.groupby("column"):
    known, others = table[column].notna(), filled.drop(columns=column)
    model = make_pipeline(StandardScaler(), RidgeCV([0.1, 1, 10, 100, 1000]))
    model.fit(others[known], table.loc[known, column])
    test.loc[gaps.index, "value"] = model.predict(others.loc[gaps["row"]])
test[["id", "value"]].to_csv("submission.csv", index=False)
