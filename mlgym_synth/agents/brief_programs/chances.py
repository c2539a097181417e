import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier

CODES
model = ExtraTreesClassifier(300, min_samples_leaf=3, random_state=0)
model.fit(x[: len(train)], train[target])
columns = [name for name in pd.read_csv("sample_submission.csv") if name != "id"]
order = [next(c for c in columns if c.endswith(str(label))) for label in model.classes_]
test[order] = model.predict_proba(x[len(train) :])
test[["id", *columns]].to_csv("submission.csv", index=False)
