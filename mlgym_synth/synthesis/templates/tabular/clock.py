"""Time columns in scripts: numbers as they are, dates in days with the calendar beside them, the rest by rank."""

from __future__ import annotations

import re

from mlgym_synth.data.canonical import Column

_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")


def clock_of(name: str, column: Column) -> tuple[str, tuple[str, ...]]:
    """Lines that make numeric columns of a time column in `train` and `test`, and the names of these."""
    if column.values is not None:
        return "", (name,)
    texts = [text for text in column.text.tolist() if text]
    if all(_ISO.fullmatch(text) for text in texts):
        lines = [
            "for frame in (train, test):",
            f"    when = {_parsed(name, texts)}",
            '    frame["day"] = (when - pd.Timestamp("2000-01-01")).dt.total_seconds() / 86_400',
            '    frame["month"], frame["weekday"] = when.dt.month, when.dt.weekday',
        ]
        made = ("day", "month", "weekday")
        if any(len(text) > 10 and not text[11:].startswith("00:00") for text in texts):
            return "\n".join([*lines, '    frame["hour"] = when.dt.hour']), (*made, "hour")
        return "\n".join(lines), made
    return (
        f"times = sorted({{*train[{name!r}].dropna(), *test[{name!r}].dropna()}})\n"
        "for frame in (train, test):\n"
        f'    frame["time_rank"] = frame[{name!r}].map({{time: rank for rank, time in enumerate(times)}})'
    ), ("time_rank",)


def _parsed(name: str, texts: list[str]) -> str:
    """The expression that reads the dates: pandas takes mixed forms and zones only where it is told to."""
    if len({len(text) for text in texts}) == 1 and not any(_ZONE.search(text) for text in texts):
        return f"pd.to_datetime(frame[{name!r}])"
    return f'pd.to_datetime(frame[{name!r}], format="ISO8601", utc=True).dt.tz_localize(None)'
