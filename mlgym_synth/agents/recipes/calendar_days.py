"""Forecasts from the calendar: `python calendar_days.py seasons|calendar|boosting|blend`.

The test days come after the train days, so an experiment is judged on the last part of train, not on random days.
"""

import sys

import lab
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SEED = 0
WAVES = 4
SMOOTH = 2.0


def date_column():
    for name in lab.test.columns.drop("id"):
        text = not pd.api.types.is_numeric_dtype(lab.test[name])
        if text and pd.to_datetime(lab.test[name].head(50), errors="coerce", format="ISO8601").notna().all():
            return name
    raise SystemExit("there is no column of dates")


DATE = date_column()


def parts(table):
    """Where each row stands in the year, the month, the week; and what series it belongs to."""
    when = pd.to_datetime(table[DATE])
    year, day = when.dt.year, when.dt.dayofyear
    last = when.dt.days_in_month - when.dt.day < 7
    found = pd.DataFrame(
        {
            "years": (when - pd.Timestamp("2000-01-01")).dt.days / 365.25,
            "day": day,
            "hour": when.dt.hour,
            "weekday": when.dt.weekday,
            "month": when.dt.month,
            "date": when.dt.month * 100 + when.dt.day,
            "rule": when.dt.month * 100 + (when.dt.day - 1) // 7 * 10 + when.dt.weekday,
            "last": when.dt.month * 10 + np.where(last, when.dt.weekday, 9),
            "of month": when.dt.day * 10 + when.dt.weekday // 5,
            "month weekday": when.dt.month * 10 + when.dt.weekday,
            "year": year,
        }
    )
    series = [n for n in lab.test if n not in ("id", DATE) and 1 < lab.test[n].nunique() <= 60]
    found["series"] = table[series].astype(str).agg("|".join, axis=1) if series else "one"
    if found["series"].nunique() <= 7 and found.groupby("series")["weekday"].nunique().max() == 1:
        found["series"] = "one"  # a column that only repeats the weekday
    return found


def waves(found):
    angle = 2 * np.pi * found["years"].to_numpy()[:, None] * np.arange(1, WAVES + 1)
    return np.hstack([np.sin(angle), np.cos(angle)])


class Calendar:
    """Ridge regression on waves, weekdays, dates and the rules that move holidays (the fourth Thursday of a month)."""

    names = ("weekday", "month weekday", "date", "rule", "last", "of month", "series")

    def fit(self, found, y):
        self.scale, self.codes = StandardScaler(), OneHotEncoder(handle_unknown="ignore")
        self.last = found["year"].max()  # the level of the last year goes on: a trend would run away
        cells = self.codes.fit_transform(self.keys(found))
        self.model = Ridge(SMOOTH).fit(self.join(self.scale.fit_transform(waves(found)), cells), y)
        return self

    def keys(self, found):
        own = found["series"].to_numpy(str)
        level = found["year"].clip(upper=self.last).astype(str).to_numpy(str)
        cells = [level, *(found[name].astype(str).to_numpy(str) for name in self.names)]
        return np.column_stack([np.char.add(own, cell) for cell in cells])

    def join(self, dense, cells):
        return np.hstack([dense * 3, cells.toarray()])

    def predict(self, found):
        return self.model.predict(self.join(self.scale.transform(waves(found)), self.codes.transform(self.keys(found))))


class Boosted:
    """Gradient boosting of what a plain weekday-and-waves model leaves; trees alone cannot follow a trend."""

    names = ("day", "hour", "weekday", "month", "date", "rule", "last", "of month")

    def fit(self, found, y):
        self.base = Calendar()
        self.base.names = ("weekday", "series")
        self.base.fit(found, y)
        self.own = {name: k for k, name in enumerate(sorted(found["series"].unique()))}
        loss = "absolute_error" if lab.METRIC in ("mae", "mape") else "squared_error"
        self.trees = HistGradientBoostingRegressor(loss=loss, learning_rate=0.06, max_iter=250, random_state=SEED)
        self.trees.fit(self.table(found), y - self.base.predict(found))
        return self

    def table(self, found):
        return found[list(self.names)].assign(series=found["series"].map(self.own)).astype(float)

    def predict(self, found):
        return self.base.predict(found) + self.trees.predict(self.table(found))


class Seasons:
    """The mean of the same weekday in the same month, over the last years, recent ones counting more."""

    def fit(self, found, y):
        self.seen = found.assign(y=y, weight=0.6 ** (found["year"].max() - found["year"]))
        return self

    def predict(self, found):
        keys = ["series", "month weekday"]
        total = (self.seen["y"] * self.seen["weight"]).groupby([self.seen[k] for k in keys]).sum()
        means = total / self.seen.groupby(keys)["weight"].sum()
        said = found.merge(means.rename("said"), left_on=keys, right_index=True, how="left")["said"]
        return said.fillna(self.seen["y"].mean()).to_numpy()


def main(idea):
    if idea == "blend":
        return lab.blend()
    found, ahead = parts(lab.train), parts(lab.test)
    make = {"seasons": Seasons, "calendar": Calendar, "boosting": Boosted}[idea]
    order = found["years"].rank(method="first").to_numpy()
    late = order > 0.75 * len(order)
    log = lab.METRIC in ("rmsle", "mape") and lab.y.min() > -1
    y = np.log1p(lab.y) if log else lab.y
    back = np.expm1 if log else np.asarray
    held_out = np.full(len(y), np.nan)
    held_out[late] = back(make().fit(found[~late], y[~late]).predict(found[late]))
    lab.finish(idea, held_out, back(make().fit(found, y).predict(ahead)))
    return None


if __name__ == "__main__":
    main(sys.argv[1])
