"""What reading a table would lose or mistake without a word, found before a task is made of it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from mlgym_synth.data.canonical import Column
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.synthesis.draft import Unsuitable
from mlgym_synth.task import Source

_ROW_NUMBERS = re.compile(r"(unnamed(: ?\d+)?|(level_)?index|__index_level_\d+__|rownames?|row\.names)?", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_BY_SIZE = re.compile(r"(\d{4}-\d\d(-\d\d)?([T ]\d\d:\d\d(:\d\d)?.*)?|\d{4}[QqMmWw]\d{1,2}|\d\d:\d\d(:\d\d)?)")


@contextmanager
def read_strictly() -> Iterator[None]:
    """Rows of a CSV that have more fields than its header are an error: pandas would shift them, and only warn.

    Raises:
        Unsuitable: there are such rows.
    """
    from pandas.errors import ParserWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ParserWarning)
        try:
            yield
        except ParserWarning as error:
            raise Unsuitable(
                "rows have more fields than the header. Name every column, row names too (R: write.csv(...,"
                " row.names = FALSE)), and quote texts that hold commas"
            ) from error


def check_names(source: Source) -> None:
    """Refuse columns whose names differ by blanks at the ends only: one would hide the other.

    Raises:
        Unsuitable: there are such columns.
        DatasetUnavailable: the table cannot be read.
    """
    plain = [str(name).strip() for name in load_frame(source).columns]
    if twice := next((name for name in plain if plain.count(name) > 1), None):
        raise Unsuitable(f"two columns are called {twice!r}, blanks at the ends apart. Rename one")


def row_numbers(columns: Mapping[str, Column]) -> tuple[str, ...]:
    """The columns that only number the rows, as a table written with its index has them; names as in the source."""
    return tuple(name for name, column in columns.items() if _ROW_NUMBERS.fullmatch(name) and _counts(column))


def check_times(name: str, column: Column) -> None:
    """Refuse times that are text and do not sort by time, such as 12/31/2020: the split goes by their order.

    Args:
        name: the column's name, for the message.
        column: numbers, or texts; missing ones come first, whatever the others are.

    Raises:
        Unsuitable: they are neither ISO dates nor of one form in which the text's order is that of time.
    """
    if column.values is not None:
        return
    texts = [text for text in column.text.tolist() if text]
    shapes = {_DIGITS.sub(lambda digits: str(len(digits[0])), text[:10]) for text in texts}
    odd = next((text for text in texts if not _BY_SIZE.fullmatch(text)), None)
    if odd is not None:
        raise Unsuitable(f"time: {name} holds {odd[:40]!r}, which does not sort by time. Write dates as 2020-12-31")
    if len(shapes) > 1:
        two = sorted(texts, key=len)
        raise Unsuitable(f"time: {name} holds both {two[0]!r} and {two[-1]!r}. Write all times in one form")


def _counts(column: Column) -> bool:
    values = column.values
    return values is not None and len(values) > 1 and bool(np.all(np.diff(values) == 1))
