"""Reference: ridge regression on weekday, yearly waves, recent level and the distance to each public holiday."""

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

train, test = pd.read_csv("train.csv", parse_dates=["date"]), pd.read_csv("test.csv", parse_dates=["date"])
train = train[train["date"] >= "2009"]


def nth_weekday(year, month, weekday, n):
    days = pd.date_range(f"{year}-{month:02d}-01", periods=31)
    days = days[(days.month == month) & (days.weekday == weekday)]
    return days[n]


def holidays(year):
    fixed = {
        "new year": (1, 1),
        "valentine": (2, 14),
        "leap": (2, 29),
        "july": (7, 4),
        "halloween": (10, 31),
        "eve": (12, 24),
        "christmas": (12, 25),
        "boxing": (12, 26),
        "last": (12, 31),
        "april": (4, 1),
    }
    found = {name: pd.Timestamp(year, *day) for name, day in fixed.items() if name != "leap" or year % 4 == 0}
    found["memorial"] = nth_weekday(year, 5, 0, -1)
    found["labor"] = nth_weekday(year, 9, 0, 0)
    found["thanks"] = nth_weekday(year, 11, 3, 3)
    return found


def features(frame):
    day = frame["date"]
    angle = 2 * np.pi * day.dt.dayofyear / 365.25
    columns = {f"wday{k}": (day.dt.weekday == k).astype(float) for k in range(7)}
    for k in range(1, 5):
        columns[f"sin{k}"], columns[f"cos{k}"] = np.sin(k * angle), np.cos(k * angle)
    columns["unlucky"] = (day.dt.day == 13).astype(float)
    weekend = day.dt.weekday >= 5
    for name in holidays(2012):
        dates = [holidays(year)[name] for year in range(2006, 2016) if name in holidays(year)]
        for shift in (-1, 0, 1):
            hit = day.isin([date + pd.Timedelta(days=shift) for date in dates])
            columns[f"{name}{shift}"] = (hit & ~weekend).astype(float)
            columns[f"{name}{shift} weekend"] = (hit & weekend).astype(float)
    return pd.DataFrame(columns)


weight = np.exp((train["date"] - train["date"].max()).dt.days / 600)
model = Ridge(alpha=0.3).fit(features(train), train["births"], sample_weight=weight)
test["births"] = model.predict(features(test)).clip(0)
test[["id", "births"]].to_csv("submission.csv", index=False)
