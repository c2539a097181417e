"""Views of packaged frames that make rows of texts: names, titles, messages, each with its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

GENRES = ("Action", "Animation", "Comedy", "Documentary", "Drama")
DEGREES = {1: "certificate", 2: "associate", 3: "bachelor"}
SUBJECTS = 12
SHORTEST_REMARK = 40


def tweets(frame: pd.DataFrame) -> pd.DataFrame:
    """Messages that are no retweets, with the year; only years with many."""
    year = frame["created_at"].str[:4]
    known = frame.assign(year=year)
    known = known[~frame["is_retweet"].astype(bool) & year.between("2012", "2017")]
    return known.loc[~known["text"].str.startswith('"@'), ["text", "source", "year"]].reset_index(drop=True)


def films(frame: pd.DataFrame) -> pd.DataFrame:
    """Titles of films since 1970 that have one genre."""
    there = frame[(frame[list(GENRES)].sum(axis=1) == 1) & (frame["year"] >= 1970) & (frame["Short"] == 0)]
    return there.assign(genre=there[list(GENRES)].idxmax(axis=1))[["title", "genre"]].reset_index(drop=True)


def activities(frame: pd.DataFrame) -> pd.DataFrame:
    """Groups and classes of economic activities: text, section (a letter) and division (two digits)."""
    frame = frame.sort_values("Order")
    section = frame["Code"].where(frame["Level"] == 1).ffill()
    made = frame.assign(section=section, division=frame["Code"].astype(str).str[:2])
    made = made.rename(columns={"Description": "activity", "This_item_includes": "includes"})
    made = made.loc[made["Level"] >= 3, ["activity", "includes", "section", "division"]]
    return made.assign(activity=made["activity"].str.lower()).reset_index(drop=True)


def colleges(frame: pd.DataFrame) -> pd.DataFrame:
    """Names of American colleges and the degree that they award most."""
    last = frame.sort_values("year").drop_duplicates("inst_name", keep="last").sort_values("inst_name")
    degree = last["pred_degree_awarded_ipeds"].map(DEGREES)
    return last.assign(degree=degree)[["inst_name", "degree"]].reset_index(drop=True)


def dishes(frame: pd.DataFrame) -> pd.DataFrame:
    """What bakers called their bakes, for two kinds of challenge."""
    import pandas as pd

    parts = [
        frame.rename(columns={kind: "bake"})[["bake", "series"]].assign(challenge=kind).dropna()
        for kind in ("signature", "showstopper")
    ]
    return pd.concat(parts).drop_duplicates("bake").reset_index(drop=True)


def remarks(frame: pd.DataFrame) -> pd.DataFrame:
    """What was remarked on bird strikes, where it is more than a few words."""
    there = frame[frame["remarks"].fillna("").str.len() >= SHORTEST_REMARK].drop_duplicates("remarks")
    return there[["remarks", "phase_of_flt", "time_of_day", "birds_struck"]].reset_index(drop=True)


def courses(frame: pd.DataFrame) -> pd.DataFrame:
    """Titles of courses in the subjects that have most."""
    there = frame.drop_duplicates("course")
    common = there["subject"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:SUBJECTS]
    return there.loc[there["subject"].isin(common), ["course", "subject"]].reset_index(drop=True)


def works(frame: pd.DataFrame) -> pd.DataFrame:
    """Works of art by title and artist, with what sort of thing they are, judged from the medium's first words."""
    sorts = {"Etching": "etching", "Screenprint": "screenprint", "Photograph": "photograph", "Lithograph": "lithograph"}
    sorts |= {"Oil paint": "painting", "Acrylic paint": "painting", "Video": "video", "Digital print": "digital print"}
    sort = frame["medium"].fillna("").map(lambda text: next((sorts[k] for k in sorts if text.startswith(k)), None))
    made = frame.assign(sort=sort)[["title", "artist", "medium", "year", "sort"]]
    return made[made["title"] != "[no title]"].reset_index(drop=True)
