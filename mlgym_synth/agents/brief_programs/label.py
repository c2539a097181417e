import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier

CODES
model = ExtraTreesClassifier(300, min_samples_leaf=2, class_weight="balanced", random_state=0)
model.fit(x[: len(train)], train[target])
test[target] = model.predict(x[len(train) :])
test[["id", target]].to_csv("submission.csv", index=False)
