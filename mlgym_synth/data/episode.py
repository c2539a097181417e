"""Prepared data as one episode shows it: ids and row order drawn from the seed, files ready to be written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.data.canonical import csv_field
from mlgym_synth.data.prepared import EpisodeData, Prepared, Table
from mlgym_synth.data.store import npy
from mlgym_synth.task import CellData, Metric, PredictionsSubmission, SubmissionColumn, TableData, TaskSpec

ID_LOW, ID_HIGH = 10_000_000, 100_000_000  # ids have eight digits, so that their width says nothing


def episode_data(spec: TaskSpec, prepared: Prepared, seed: int) -> EpisodeData:
    """What an agent finds at reset, besides the task's own workspace files.

    Tables become `<stem>.csv`, in an order drawn from the seed; `test.csv` begins with `id`, distinct integers drawn
    from the seed; arrays become `<file>_<stem>.npy`, row-aligned with the CSV of that stem. In `table.csv` of
    imputation tasks `row` is the position in that file, counted from 0. `sample_submission.csv` is `constant`.
    Program tasks get their public files as they are.

    Args:
        spec: the task.
        prepared: its data.
        seed: of the episode.
    """
    submission = spec.submission
    if not isinstance(submission, PredictionsSubmission):
        return EpisodeData(dict(prepared.public.files), None)
    rng = np.random.Generator(np.random.PCG64(seed))
    tables = dict(prepared.public.tables)
    files = dict(prepared.public.files)
    order = {stem: rng.permutation(len(table.lines)) for stem, table in sorted(tables.items())}
    if isinstance(spec.data, CellData):
        tables = _renumbered(tables, order["table"])
    n = len(tables["test"].lines)
    ids = np.asarray(rng.choice(ID_HIGH - ID_LOW, size=n, replace=False) + ID_LOW, dtype=np.int64)
    for stem, table in tables.items():
        files[f"{stem}.csv"] = _csv(table, order[stem], ids if stem == "test" else None)
        if table.array is not None and isinstance(spec.data, TableData) and spec.data.array is not None:
            files[f"{spec.data.array.file}_{stem}.npy"] = npy(table.array[order[stem]])
    files["sample_submission.csv"] = constant(submission, spec.metric, ids[order["test"]])
    return EpisodeData(files, ids)


def constant(submission: PredictionsSubmission, metric: Metric, ids: NDArray[np.int64]) -> bytes:
    """A legal submission that says the same of every row.

    The first allowed value; equal probabilities; else the middle of the range, its one end, or 0.
    """
    columns = submission.columns
    if metric.classes is not None and len(columns) > 1:
        values = [repr(1 / len(columns))] * len(columns)
    else:
        values = [_constant(column, metric) for column in columns]
    header = ",".join(["id", *(column.name for column in columns)])
    tail = "," + ",".join(values)
    return ("\n".join([header, *(f"{i}{tail}" for i in ids.tolist())]) + "\n").encode()


def _constant(column: SubmissionColumn, metric: Metric) -> str:
    if column.values is not None:
        return str(column.values[0])
    if column.dtype == "string":
        return "0"
    if metric.name in ("log_loss", "brier"):
        return "0.5"
    low, high = column.low, column.high
    value = (low + high) / 2 if low is not None and high is not None else next((v for v in (low, high) if v), 0.0)
    return str(int(value)) if column.dtype == "integer" or value == int(value) else repr(value)


def _csv(table: Table, order: NDArray[np.int64], ids: NDArray[np.int64] | None) -> bytes:
    lines, columns = table.lines, table.columns
    shown = [lines[i] for i in order.tolist()]
    if ids is not None:
        separator = "," if columns else ""
        shown = [f"{i}{separator}{line}" for i, line in zip(ids[order].tolist(), shown, strict=True)]
        columns = ("id", *columns)
    return ("\n".join([",".join(map(csv_field, columns)), *shown]) + "\n").encode()


def _renumbered(tables: dict[str, Table], order: NDArray[np.int64]) -> dict[str, Table]:
    """Give `row` its value: in the table the position drawn for it, in `test` that of the row it points to."""
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    table, test = tables["table"], tables["test"]
    rows = tuple(f"{p},{line}" for p, line in zip(position.tolist(), table.lines, strict=True))
    cells = []
    for line in test.lines:
        row, _, column = line.partition(",")
        cells.append(f"{position[int(row)]},{column}")
    return {**tables, "table": Table(("row", *table.columns), rows), "test": Table(test.columns, tuple(cells))}
