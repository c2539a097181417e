"""Submissions that the gates judge a task by: perfect ones, shuffled ones, and the best that know no input."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.data.canonical import csv_field
from mlgym_synth.data.episode import constant
from mlgym_synth.data.prepared import Public, Sealed, Table
from mlgym_synth.grading.evaluator import kind_of
from mlgym_synth.grading.judge import truth_codes
from mlgym_synth.task import CellData, PredictionsSubmission, SubmissionColumn, TaskSpec

MOST_CONSTANTS = 50
"""At most so many classes are tried as constant answers, the most frequent ones."""


def perfect_submission(spec: TaskSpec, sealed: Sealed, ids: NDArray[np.int64]) -> bytes:
    """The sealed labels themselves: their score is the metric's optimum."""
    assert sealed.truth is not None
    return told(spec, sealed.truth, ids)


def shuffled_submission(spec: TaskSpec, sealed: Sealed, ids: NDArray[np.int64], seed: int) -> bytes:
    """The sealed labels dealt anew: within queries for rankings, within columns for cells, else among all rows."""
    assert sealed.truth is not None
    rng = np.random.Generator(np.random.PCG64(seed))
    within = sealed.groups if spec.metric.name == "ndcg" else sealed.center
    units = np.zeros(len(ids)) if within is None else within
    order = np.empty(len(ids), dtype=np.intp)
    for unit in np.unique(units):
        rows = np.flatnonzero(units == unit)
        order[rows] = rng.permutation(rows)
    return told(spec, sealed.truth[order], ids)


def constant_submissions(spec: TaskSpec, public: Public, sealed: Sealed, ids: NDArray[np.int64]) -> dict[str, bytes]:
    """The best submissions that look at no input, by name: what a baseline has to beat.

    For labels every class (`constant:NAME`); for probabilities the class shares, `uniform`, and for a single column
    the share of positives; for values mean, median, geometric mean and relative median (optimal for squared,
    absolute, logarithmic and percentage error), or the quantiles; for rankings a constant. What is estimated comes
    twice: from the labels that the agent has (`train:...`) and from the sealed ones (`evaluation:...`).
    """
    submission, metric = spec.submission, spec.metric
    assert isinstance(submission, PredictionsSubmission)
    assert sealed.truth is not None
    if isinstance(spec.data, CellData):
        return _cell_constants(spec, public, sealed, ids)
    kind = kind_of(spec)
    if kind == "rank":
        return {"constant": constant(submission, metric, ids)}
    if kind == "label":
        return _label_constants(spec, sealed.truth, ids)
    sources = {"evaluation": truth_codes(spec, sealed.truth)}
    if (known := _train_labels(spec, public, sealed.truth.dtype.kind == "U")) is not None:
        sources["train"] = truth_codes(spec, known)
    rows: dict[str, list[float]] = {}
    k = len(submission.columns)
    if kind == "probability":
        rows["uniform"] = [1 / k if k > 1 else 0.5] * k
        for name, labels in sources.items():
            shares = np.bincount(labels.astype(np.int64), minlength=max(k, 2)) / len(labels)
            rows[f"{name}:prior"] = shares.tolist() if k > 1 else [float(shares[1])]
    else:
        for name, labels in sources.items():
            for which, values in _centres(labels, metric.quantiles, k).items():
                rows[f"{name}:{which}"] = [_legal(v, c) for v, c in zip(values, submission.columns, strict=True)]
    return {name: written(spec, [row] * len(ids), ids) for name, row in rows.items()}


def told(spec: TaskSpec, truth: NDArray[Any], ids: NDArray[np.int64]) -> bytes:
    """A submission that says `truth`: repeated for quantiles, certain for probabilities."""
    assert isinstance(spec.submission, PredictionsSubmission)
    k = len(spec.submission.columns)
    if k > 1 and spec.metric.classes is not None:
        rows: Sequence[Sequence[Any]] = np.eye(k, dtype=int)[truth_codes(spec, truth)].tolist()
    else:
        rows = [[value] * k for value in truth.tolist()]
    if spec.submission.columns[0].dtype == "integer" and truth.dtype.kind == "U":  # cluster numbers for named classes
        rows = [[code] for code in np.unique(truth, return_inverse=True)[1].tolist()]
    return written(spec, rows, ids)


def written(spec: TaskSpec, rows: Sequence[Sequence[Any]], ids: NDArray[np.int64]) -> bytes:
    """A submission file with these values for these ids."""
    assert isinstance(spec.submission, PredictionsSubmission)
    columns = spec.submission.columns
    lines = [",".join(["id", *(column.name for column in columns)])]
    for i, row in zip(ids.tolist(), rows, strict=True):
        lines.append(",".join([str(i), *(_field(value) for value in row)]))
    return ("\n".join(lines) + "\n").encode()


def _field(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else csv_field(str(value))


def _label_constants(spec: TaskSpec, truth: NDArray[Any], ids: NDArray[np.int64]) -> dict[str, bytes]:
    assert isinstance(spec.submission, PredictionsSubmission)
    if spec.metric.name == "adjusted_rand":
        return {"constant": constant(spec.submission, spec.metric, ids)}
    classes, counts = np.unique(truth, return_counts=True)
    frequent = classes[np.argsort(-counts, kind="stable")][:MOST_CONSTANTS].tolist()
    return {f"constant:{_field(label)}": written(spec, [[label]] * len(ids), ids) for label in frequent}


def _cell_constants(spec: TaskSpec, public: Public, sealed: Sealed, ids: NDArray[np.int64]) -> dict[str, bytes]:
    """Mean and median of what is left of each column, and of its sealed cells."""
    assert isinstance(spec.submission, PredictionsSubmission)
    assert sealed.truth is not None
    column = spec.submission.columns[0]
    names = [name for _, name in _records(public.tables["test"])]
    left = _records(public.tables["table"])
    made: dict[str, list[list[float]]] = {n: [] for n in ("train:mean", "train:median", "evaluation:mean")}
    values: dict[str, tuple[float, float, float]] = {}
    for name in set(names):
        at = public.tables["table"].columns.index(name)
        known = np.array([float(record[at]) for record in left if record[at]])
        hidden = sealed.truth[np.array([n == name for n in names])]
        values[name] = (float(known.mean()), float(np.median(known)), float(hidden.mean()))
    for name in names:
        for rows, value in zip(made.values(), values[name], strict=True):
            rows.append([_legal(value, column)])
    return {which: written(spec, rows, ids) for which, rows in made.items()}


def _train_labels(spec: TaskSpec, public: Public, text: bool) -> NDArray[Any] | None:
    table = public.tables.get("train")
    target = getattr(spec.data, "target", None)
    if table is None or target not in table.columns:
        return None
    at = table.columns.index(target)
    labels = [record[at] for record in _records(table)]
    return np.array(labels, dtype=np.str_) if text else np.array([float(label) for label in labels])


def _records(table: Table) -> list[list[str]]:
    return list(csv.reader(table.lines))


def _centres(values: NDArray[Any], quantiles: tuple[float, ...] | None, k: int) -> dict[str, list[float]]:
    if quantiles is not None:
        return {"quantiles": np.quantile(values, quantiles).tolist()}
    made = {"mean": float(values.mean()), "median": float(np.median(values))}
    if values.min() >= 0:
        made["geometric"] = float(np.expm1(np.mean(np.log1p(values))))
    if np.all(values != 0):  # minimises the mean of |y - c| / |y|: the median of y with weights 1 / |y|
        order = np.argsort(values)
        weight = np.cumsum(1 / np.abs(values[order]))
        made["relative"] = float(values[order][np.searchsorted(weight, weight[-1] / 2)])
    return {name: [value] * k for name, value in made.items()}


def _legal(value: float, column: SubmissionColumn) -> float:
    """The value that the column allows nearest to this one."""
    if column.values is not None:
        return min((float(v) for v in column.values), key=lambda allowed: abs(allowed - value))
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    inside = float(min(max(value, low), high))
    return float(round(inside)) if column.dtype == "integer" else inside
