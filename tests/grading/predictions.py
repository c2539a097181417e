"""Small tasks with sealed labels, for the tests of the judge."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from mlgym_synth.data.prepared import Public, Sealed, Table
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.grading.metrics import METRICS
from mlgym_synth.task import (
    CellData,
    Metric,
    PredictionsSubmission,
    Provenance,
    Source,
    Split,
    SubmissionColumn,
    TableData,
    TaskSpec,
)

SOURCE = Source(package="scikit-learn", item="wine")


def spec_of(metric: str, *columns: SubmissionColumn, cells: bool = False, **more: Any) -> TaskSpec:
    """A task on a table, or on cells, with this metric and submission."""
    table = TableData(source=SOURCE, target="y", split=Split(seed=0, evaluation_rows=20))
    return TaskSpec(
        id="task",
        title="A task",
        family="tabular-regression",
        topic="tests",
        created=dt.date(2025, 1, 1),
        data=CellData(source=SOURCE, hidden=("a",), cells=20, seed=0) if cells else table,
        submission=PredictionsSubmission(columns=columns or (SubmissionColumn(name="y"),)),
        metric=Metric(name=metric, direction=METRICS[metric].direction, **more),
        licence="none",
        citation="none",
        provenance=Provenance(author="hand"),
    )


def sealed_of(truth: object, **more: Any) -> Sealed:
    """Labels, every other row of the test half."""
    values = np.asarray(truth)
    return Sealed(truth=values, is_test=np.arange(len(values)) % 2 == 1, **more)


def public_of(labels: list[Any]) -> Public:
    """A train table with one feature and these labels."""
    return Public({"train": Table(("x", "y"), tuple(f"0,{label}" for label in labels))})


def judge_of(spec: TaskSpec, sealed: Sealed) -> PredictionJudge:
    """With ids in no order."""
    assert sealed.truth is not None
    return PredictionJudge(spec, sealed, ids_of(len(sealed.truth)))


def ids_of(n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Distinct ids in no order."""
    return np.random.default_rng(n).permutation(n).astype(np.int64) + 1000


def written(judge: PredictionJudge, *columns: object) -> bytes:
    """A submission of these columns, aligned with the sealed rows."""
    names = [column.name for column in judge.submission.columns]
    rows = zip(judge.ids.tolist(), *(np.asarray(c).tolist() for c in columns), strict=True)
    return "\n".join([",".join(["id", *names]), *(",".join(map(str, row)) for row in rows)]).encode()
