"""A frame as canonical text, the same under every version of pandas: what is hashed, split and shown to agents.

Missing is the empty text, integers are integers (whole floats too: an integer column with gaps is a float column to
pandas), other floats have their shortest exact form, booleans are 0 and 1, dates ISO 8601, categories their text.
White space at the ends goes and line breaks become spaces, so that one row is one line of CSV.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Rows = NDArray[np.bool_] | NDArray[np.intp]

_BREAKS = re.compile(r"[\r\n\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_QUOTED = re.compile(r'[",]')


@dataclass(frozen=True, slots=True)
class Column:
    """One column of n rows.

    Attributes:
        text: shape [n], object array of str; "" where missing.
        values: shape [n], float64 with NaN where missing; None for text columns.
    """

    text: NDArray[Any]
    values: NDArray[np.float64] | None

    def take(self, rows: Rows) -> Column:
        """The column at these rows (indices or a mask)."""
        return Column(self.text[rows], None if self.values is None else self.values[rows])

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Shape [n]."""
        return np.asarray(self.text == "", dtype=np.bool_)

    def equals(self, value: object) -> NDArray[np.bool_]:
        """Shape [n]: where the column holds `value`, by number in numeric columns, by text in others."""
        if self.values is not None:
            return np.asarray(self.values == _number(value), dtype=np.bool_)
        return np.asarray(self.text == str(value), dtype=np.bool_)


def canonical(frame: pd.DataFrame) -> dict[str, Column]:
    """All columns of a frame, by name, in order."""
    return {str(name).strip(): _column(frame[name]) for name in frame.columns}


def numbers(values: NDArray[np.float64]) -> Column:
    """A numeric column; integers throughout if every value that is there is whole."""
    there = values[np.isfinite(values)]
    whole = bool(np.all((there == np.trunc(there)) & (np.abs(there) < 2**53)))
    made = np.where(np.isfinite(values), values, np.nan)
    if whole:  # often few distinct ones, such as the pixels of many images
        distinct, place = np.unique(made, return_inverse=True)
        return Column(_texts(["" if math.isnan(v) else str(int(v)) for v in distinct.tolist()])[place], made)
    return Column(_texts(["" if not math.isfinite(v) else repr(v) for v in values.tolist()]), made)


def csv_lines(columns: Sequence[Column], n: int) -> tuple[str, ...]:
    """The rows as CSV records without line ends; n is their number (there may be no column at all)."""
    if not columns:
        return ("",) * n
    fields = [_fields(column) for column in columns]
    if len(fields) == 1:  # an empty record would be read as no row at all
        return tuple(field or '""' for field in fields[0])
    return tuple(map(",".join, zip(*fields, strict=True)))


def _fields(column: Column) -> list[str]:
    texts: list[str] = column.text.tolist()
    return texts if column.values is not None else [csv_field(text) for text in texts]


def csv_field(text: str) -> str:
    """One field, quoted where CSV needs it."""
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _column(series: pd.Series[Any]) -> Column:
    import pandas as pd

    kind = series.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _text_column(series.astype(object))
    if pd.api.types.is_datetime64_any_dtype(kind):
        return _date_column(series)
    gone = series.isna().to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(kind) or _all_bool(series[~gone]):
        values = np.full(len(series), np.nan)
        values[~gone] = series[~gone].to_numpy().astype(np.float64)
        if kind == np.float32:  # 0.1 is to be read as 0.1, not as 0.10000000149011612
            values = np.array([float(str(v)) for v in series.to_numpy()])
        return numbers(values)
    return _text_column(series)


def _all_bool(there: pd.Series[Any]) -> bool:
    return len(there) > 0 and all(isinstance(value, bool | np.bool_) for value in there)


def _date_column(series: pd.Series[Any]) -> Column:
    there = series.dropna()
    dates_only = bool((there == there.dt.normalize()).all())
    shown = series.dt.strftime("%Y-%m-%d" if dates_only else "%Y-%m-%dT%H:%M:%S")
    return _text_column(shown)


def _text_column(series: pd.Series[Any]) -> Column:
    gone = series.isna().to_numpy(dtype=bool).tolist()
    text = ["" if g else _BREAKS.sub(" ", str(v)).strip() for v, g in zip(series.tolist(), gone, strict=True)]
    return Column(_texts(text), None)


def _texts(text: list[str]) -> NDArray[Any]:
    made = np.empty(len(text), dtype=object)
    made[:] = text
    return made


def _number(value: object) -> float:
    try:
        return float(str(int(value) if isinstance(value, bool) else value))
    except ValueError:
        return math.nan
