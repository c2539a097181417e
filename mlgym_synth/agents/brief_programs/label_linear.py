import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DUMMIES
model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=500))
model.fit(x[: len(train)], train[target])
test[target] = model.predict(x[len(train) :])
test[["id", target]].to_csv("submission.csv", index=False)
