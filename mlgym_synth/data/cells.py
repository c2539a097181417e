"""`CellData` -> prepared data: a numeric table with holes is public, what was in the holes is sealed."""

from __future__ import annotations

import numpy as np

from mlgym_synth.data.canonical import Column, csv_field, csv_lines
from mlgym_synth.data.prepared import Public, Sealed, Table
from mlgym_synth.data.splitting import Codes, codes, generator, test_half
from mlgym_synth.data.tables import load_columns
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.task import CellData


def prepare_cells(data: CellData) -> tuple[Public, Sealed]:
    """Both halves, deterministic by `data.seed`.

    A row that occurs twice is kept once: its twin would show what was hidden. Public tables: `table` (no row numbers
    yet; an episode draws the order and numbers the rows) and `test` with `row`, the position in `table`, and `column`.

    Raises:
        DatasetUnavailable: the source cannot be had.
        TaskInvalid: hidden columns that are missing, not numeric or constant, or not enough rows.
    """
    loaded = load_columns(data.source, data.rename, data.filters, data.drop)
    columns = {name: column for name, column in loaded.items() if name not in data.drop}
    for name in data.hidden:
        if name not in columns or columns[name].values is None:
            raise TaskInvalid(f"data.hidden: {name!r} is no numeric column; there are {', '.join(columns)}.")
    rng = generator(data.seed)
    columns = _once(columns, data.max_rows, rng)
    row, which = _draw(columns, data, rng)
    truth, center, scale = (np.empty(data.cells) for _ in range(3))
    for at, name in enumerate(data.hidden):
        here = which == at
        column = columns[name]
        assert column.values is not None
        text, values = column.text.copy(), column.values.copy()
        truth[here] = values[row[here]]
        text[row[here]], values[row[here]] = "", np.nan
        center[here], scale[here] = np.nanmean(values), np.nanstd(values)
        if here.any() and not np.nanstd(values) > 0:
            raise TaskInvalid(f"data.hidden: {name!r} is constant where it is not hidden. Leave it out.")
        columns[name] = Column(text, values)
    table = Table(tuple(columns), csv_lines(list(columns.values()), len(next(iter(columns.values())).text)))
    lines = tuple(f"{r},{csv_field(data.hidden[w])}" for r, w in zip(row.tolist(), which.tolist(), strict=True))
    is_test = test_half(np.arange(data.cells), which, rng)
    return Public({"table": table, "test": Table(("row", "column"), lines)}), Sealed(
        truth=truth, is_test=is_test, center=center, scale=scale
    )


def _once(columns: dict[str, Column], max_rows: int | None, rng: np.random.Generator) -> dict[str, Column]:
    lines = csv_lines(list(columns.values()), len(next(iter(columns.values())).text))
    rows = np.unique(codes(lines), return_index=True)[1]
    if max_rows is not None and len(rows) > max_rows:
        rows = np.sort(rng.permutation(rows)[:max_rows])
    return {name: column.take(rows) for name, column in columns.items()}


def _draw(columns: dict[str, Column], data: CellData, rng: np.random.Generator) -> tuple[Codes, Codes]:
    """Row and hidden column of every sealed cell, in the order of rows; one cell a row."""
    there = np.stack([~columns[name].missing for name in data.hidden], axis=1)
    able = np.flatnonzero(there.any(axis=1))
    if len(able) < 2 * data.cells:
        raise TaskInvalid(f"data.cells: {data.cells} wanted, but only {len(able)} rows have a value to hide. Halve it.")
    row = np.sort(rng.permutation(able)[: data.cells])
    ranks = np.where(there[row], rng.random((data.cells, len(data.hidden))), -1.0)
    return row.astype(np.intp), np.argmax(ranks, axis=1).astype(np.intp)
