"""Canonical text does not depend on how pandas of this or that version holds a column."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from mlgym_synth.data.canonical import Column, canonical, csv_lines

NA = pd.NA


def texts(values: object, dtype: object = None) -> list[str]:
    column = canonical(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))["x"]  # type: ignore[call-overload]
    found: list[str] = column.text.tolist()
    return found


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2, -3], "int64", ["1", "2", "-3"]),
        ([1, 2, NA], "Int64", ["1", "2", ""]),
        ([1.0, np.nan, 3.0], "float64", ["1", "", "3"]),
        ([1.5, np.nan, 3.0], "float64", ["1.5", "", "3.0"]),
        ([0.1, 0.25, np.nan], "float32", ["0.1", "0.25", ""]),
        ([0.1 + 0.2, 1e-20, 1e300], "float64", ["0.30000000000000004", "1e-20", "1e+300"]),
        ([1.5, np.inf, -np.inf], "float64", ["1.5", "", ""]),
        ([True, False, True], "bool", ["1", "0", "1"]),
        ([True, NA, False], "boolean", ["1", "", "0"]),
        ([True, np.nan, False], "object", ["1", "", "0"]),
        (["a", None, " b "], "object", ["a", "", "b"]),
        (["a", NA, ""], "string", ["a", "", ""]),
        (["b", "a", None], "category", ["b", "a", ""]),
        ([2, 1, None], "category", ["2", "1", ""]),
        (["two\r\nlines", "nul\0", "x"], "object", ["two lines", "nul", "x"]),
        ([dt.datetime(2020, 1, 2), None], "datetime64[ns]", ["2020-01-02", ""]),
        ([dt.datetime(2020, 1, 2, 3, 4, 5), None], "datetime64[ns]", ["2020-01-02T03:04:05", ""]),
        ([np.nan, np.nan], "float64", ["", ""]),
    ],
)  # fmt: skip
def test_values_have_one_text(values: list[object], dtype: str, expected: list[str]) -> None:
    assert texts(values, dtype) == expected


def test_numbers_stay_numbers_and_text_stays_text() -> None:
    columns = canonical(pd.DataFrame({"n": [1.0, np.nan], " t ": ["1", "2"], 3: [True, False]}))
    assert list(columns) == ["n", "t", "3"]
    assert columns["t"].values is None
    values = columns["n"].values
    assert values is not None
    assert values[0] == 1
    assert np.isnan(values[1])
    assert columns["n"].missing.tolist() == [False, True]


def test_equality_is_by_number_or_by_text() -> None:
    columns = canonical(pd.DataFrame({"n": [1.0, 2.0, np.nan], "t": ["1", "yes", None]}))
    assert columns["n"].equals("1").tolist() == [True, False, False]
    assert columns["n"].equals(2).tolist() == [False, True, False]
    assert columns["n"].equals("yes").tolist() == [False, False, False]
    assert columns["t"].equals("yes").tolist() == [False, True, False]
    assert columns["t"].equals(1).tolist() == [True, False, False]


def test_rows_are_read_back_by_pandas_as_they_were(tmp_path: object) -> None:
    frame = pd.DataFrame({"a": ['say "x", y', "plain", None], "b": [1.25, np.nan, 3.0]})
    lines = csv_lines(list(canonical(frame).values()), 3)
    assert lines == ('"say ""x"", y",1.25', "plain,", ",3.0")


def test_no_record_is_an_empty_line() -> None:
    column = Column(np.array(["x", ""], dtype=object), None)
    assert csv_lines([column], 2) == ("x", '""')
    assert csv_lines([], 2) == ("", "")
