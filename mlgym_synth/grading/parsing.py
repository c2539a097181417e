"""A predictions file, read strictly: bytes of a stranger in, an array aligned with the sealed rows out.

The judge calls this. Every fault is a `SubmissionInvalid` that says what is wrong, in which line, and what to do.
No message depends on the labels or on the order of the sealed rows, so that none tells the halves apart.
Tolerated, because harmless: a byte-order mark, CRLF, quoted fields, spaces around a field, empty lines, rows in any
order, integers written as `3.0`.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.errors import SubmissionInvalid
from mlgym_synth.task import PredictionsSubmission, SubmissionColumn

LARGEST = 1e100
"""Numbers beyond this are refused, so that no metric can overflow."""

SUM_TOLERANCE = 1e-3
"""By how much the probabilities of one row may miss 1 in sum; they are then divided by their sum."""


def parse_predictions(
    content: bytes,
    submission: PredictionsSubmission,
    ids: NDArray[np.int64],
    *,
    probabilities: bool = False,
) -> NDArray[Any]:
    """Read a submission.

    Args:
        content: the file, already limited in size.
        submission: its declared form.
        ids: shape [n], distinct; the id of each sealed row.
        probabilities: several columns are a distribution: each row must add up to 1.

    Returns:
        Shape [n] for one column, [n, k] for k, row i for `ids[i]`: float64, or object array of str for a string
        column.

    Raises:
        SubmissionInvalid: with a message for the agent.
    """
    file = _File(submission.file, _decoded(content, submission.file))
    names = ["id", *(column.name for column in submission.columns)]
    rows = file.rows()
    order = _header(file, rows, names)
    body = rows[1:]
    for i, row in enumerate(body):
        if len(row) != len(names):
            raise file.fault(i, f"has {len(row)} fields, the header has {len(names)}. Write one value for each column.")
    columns = list(zip(*body, strict=True)) if body else [()] * len(names)
    sealed_row = _matched(file, columns[order[0]], ids)
    parsed = [_values(file, columns[at], column) for column, at in zip(submission.columns, order[1:], strict=True)]
    if len(parsed) == 1:
        return _placed(parsed[0], sealed_row)
    stacked = np.stack(parsed, axis=1)
    return _placed(_normalised(file, stacked, names[1:]) if probabilities else stacked, sealed_row)


class _File:
    """A submission's text, and where in it a fault is."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def rows(self) -> list[list[str]]:
        """All rows that are not empty, fields stripped."""
        reader = self._reader()
        try:
            return [[field.strip() for field in row] for row in reader if row]
        except csv.Error as error:
            raise self.refused(f"line {max(1, reader.line_num)} is no CSV ({error}). Correct it.") from None

    def refused(self, fault: str) -> SubmissionInvalid:
        """The error for a fault of the file as a whole."""
        return SubmissionInvalid(f"{self.name}: {fault}")

    def fault(self, index: int, fault: str) -> SubmissionInvalid:
        """The error for a fault of row `index`, counted from 0 after the header."""
        reader = self._reader()
        lines = (reader.line_num for row in reader if row)
        return self.refused(f"line {next(itertools.islice(lines, index + 1, None))} {fault}")

    def _reader(self) -> Any:
        return csv.reader(io.StringIO(self.text, newline=""), strict=True)


def _decoded(content: bytes, name: str) -> str:
    if not content.strip(b" \t\r\n"):
        raise SubmissionInvalid(f"{name}: the file is empty. Write a header and one row for every id of test.csv.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SubmissionInvalid(f"{name}: line {line} is not UTF-8 text. Write a CSV file in UTF-8.") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SubmissionInvalid(f"{name}: line {line} holds a NUL byte. Write a plain text CSV file.")
    return text


def _header(file: _File, rows: list[list[str]], names: list[str]) -> list[int]:
    """Where each declared column is."""
    header = rows[0]
    if sorted(header) == sorted(names):
        return [header.index(name) for name in names]
    missing = [name for name in names if name not in header]
    extra = [name for name in header if name not in names]
    faults = [f"lacks {_listed(missing)}"] if missing else []
    faults += [f"has {_listed(extra)} beyond them"] if extra else []
    raise file.refused(
        f"the first line must be `{','.join(names)}`, but it {' and '.join(faults or ['repeats a column'])}."
    )


def _matched(file: _File, fields: tuple[str, ...], ids: NDArray[np.int64]) -> NDArray[np.intp]:
    """The sealed row of every line."""
    numbers = _numbers(fields)
    if numbers is None:
        numbers = np.array([math.nan if (n := _number(f)) is None else n for f in fields])
    for i in np.flatnonzero(numbers != np.trunc(numbers))[:1].tolist():
        raise file.fault(i, f"has the id {_clipped(fields[i])}, which is no integer. Copy the ids from test.csv.")
    order = np.argsort(ids)
    ordered = ids[order]
    place = np.minimum(np.searchsorted(ordered, numbers), len(ids) - 1)
    unknown = np.flatnonzero(ordered[place] != numbers)
    if len(unknown):
        also = "" if len(unknown) == 1 else f" (nor are {len(unknown) - 1} more)"
        raise file.fault(
            int(unknown[0]),
            f"has the id {_clipped(fields[unknown[0]])}, which is not in test.csv{also}. Ids are drawn anew at every"
            " reset: copy them from this episode's test.csv.",
        )
    counts = np.bincount(place, minlength=len(ids))
    for wrong, what in ((counts > 1, "occur more than once"), (counts == 0, "of test.csv are missing")):
        if wrong.any():  # listed by size, never in the sealed order
            which = _listed([str(i) for i in ordered[wrong].tolist()])
            raise file.refused(f"{int(wrong.sum())} of {len(ids)} ids {what} ({which}). Write one row for each id.")
    return order[place]


def _values(file: _File, fields: tuple[str, ...], column: SubmissionColumn) -> NDArray[Any]:
    if column.dtype == "string":
        allowed = None if column.values is None else {str(value) for value in column.values}
        for i, field in enumerate(fields):
            if not field or (allowed is not None and field not in allowed):
                raise _wrong(file, i, column, field, _choice(column) if field else "empty")
        made = np.empty(len(fields), dtype=object)
        made[:] = fields
        return made
    numbers = _numbers(fields)
    if numbers is None:
        i = next(i for i, field in enumerate(fields) if _number(field) is None)
        raise _wrong(file, i, column, fields[i], "no finite number in plain decimal form" if fields[i] else "empty")
    checks = [(np.abs(numbers) > LARGEST, f"beyond {LARGEST:g}")]
    if column.dtype == "integer":
        checks.append((numbers != np.trunc(numbers), "no integer"))
    if column.values is not None:
        checks.append((~np.isin(numbers, np.array([float(v) for v in column.values])), _choice(column)))
    if column.low is not None:
        checks.append((numbers < column.low, f"below {column.low:g}"))
    if column.high is not None:
        checks.append((numbers > column.high, f"above {column.high:g}"))
    for illegal, what in checks:
        for i in np.flatnonzero(illegal)[:1].tolist():
            raise _wrong(file, i, column, fields[i], what)
    return numbers


def _normalised(file: _File, values: NDArray[Any], names: list[str]) -> NDArray[Any]:
    sums = values.sum(axis=1)
    for i in np.flatnonzero(~(np.abs(sums - 1) <= SUM_TOLERANCE))[:1].tolist():
        raise file.fault(
            i, f"has {_listed(names)} that add up to {sums[i]:.6g}. Probabilities of one row must add up to 1."
        )
    normalised: NDArray[Any] = values / sums[:, None]
    return normalised


def _placed(values: NDArray[Any], sealed_row: NDArray[np.intp]) -> NDArray[Any]:
    placed = np.empty_like(values)
    placed[sealed_row] = values
    return placed


def _numbers(fields: tuple[str, ...]) -> NDArray[np.float64] | None:
    """All fields as numbers, or None if any is no number: `_number` for whole columns."""
    joined = "".join(fields)
    if not joined.isascii() or "_" in joined:
        return None
    try:
        numbers = np.array(list(map(float, fields)), dtype=np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _number(field: str) -> float | None:
    """A finite decimal; none of what else `float` takes: `nan`, `inf`, `1_000`, digits of other scripts."""
    if not field.isascii() or "_" in field:
        return None
    try:
        number = float(field)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _wrong(file: _File, index: int, column: SubmissionColumn, field: str, what: str) -> SubmissionInvalid:
    return file.fault(index, f"has the {column.name} {_clipped(field)}, which is {what}. Correct it.")


def _choice(column: SubmissionColumn) -> str:
    return f"none of {_listed([str(value) for value in column.values or ()], 12)}"


def _listed(names: list[str], shown: int = 3) -> str:
    clipped = [name if len(name) <= 40 else name[:37] + "..." for name in names[:shown]]
    return ", ".join(clipped) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _clipped(field: str) -> str:
    return ascii(field) if len(field) <= 40 else ascii(field[:37]) + "..."
