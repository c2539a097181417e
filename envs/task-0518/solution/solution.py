"""Reference: grows many random trees on values, windows and the spectrum."""

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x, x_test = np.load("series_train.npy").astype(float), np.load("series_test.npy").astype(float)


def features(x):
    x = x.reshape(len(x), -1, x.shape[-1])
    found = [x.reshape(len(x), -1)[:, :6000]]
    for curve in (x, np.diff(x, axis=2)):
        for pieces in (1, 3, 8):
            for part in np.array_split(curve, min(pieces, curve.shape[2]), axis=2):
                found += [part.mean(axis=2), part.std(axis=2), part.max(axis=2), part.min(axis=2)]
    spectrum = np.abs(np.fft.rfft(x - x.mean(axis=2, keepdims=True), axis=2))[:, :, 1:41]
    found.append(np.log1p(spectrum).reshape(len(x), -1))
    return np.concatenate(found, axis=1)


x, x_test = features(x), features(x_test)
model = ExtraTreesClassifier(n_estimators=400, random_state=0)
model.fit(x, train["appliance"])
test["appliance"] = model.predict(x_test)
test[["id", "appliance"]].to_csv("submission.csv", index=False)
