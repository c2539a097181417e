"""What a model decides of a task, as data: checked against the real columns, and made into the spec by us.

A model never writes `task.yaml`: it chooses among what there is, and every wrong choice is a reason it can mend.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mlgym_synth.data.canonical import Column
from mlgym_synth.data.tables import load_columns
from mlgym_synth.synthesis.author import Rejected
from mlgym_synth.synthesis.draft import Unsuitable
from mlgym_synth.synthesis.grounding import Facts
from mlgym_synth.synthesis.table_checks import check_times
from mlgym_synth.synthesis.topics import FAMILIES
from mlgym_synth.task import (
    CUSTOM_METRIC,
    Metric,
    PredictionsSubmission,
    Provenance,
    Source,
    Split,
    SubmissionColumn,
    TableData,
    TaskSpec,
)
from mlgym_synth.task import Column as Described

LARGEST_TRAIN, LARGEST_EVALUATION = 2000, 1000
FEW_LABELS, MOST_CLASSES, RAREST = 60, 12, 15
YES_OR_NO = ("roc_auc", "brier", "log_loss")
CLASSES = ("accuracy", "balanced_accuracy", "macro_f1")
NUMBERS = ("rmse", "mae", "r2", "rmsle", "spearman")
METRICS = (*YES_OR_NO, *CLASSES, *NUMBERS, CUSTOM_METRIC)
_OPTIMUM_1 = (*CLASSES, "roc_auc", "r2", "spearman")


class Proposed(BaseModel):
    """What a proposal's answer holds."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field(min_length=3, max_length=200)
    question: str = Field(min_length=10, max_length=2000)
    datasets: list[str] = Field(default=[], max_length=20)
    search: str = Field(default="", max_length=200)


class Plan(BaseModel):
    """What `task.json` holds."""

    model_config = ConfigDict(extra="ignore")

    family: Literal[FAMILIES]  # type: ignore[valid-type]  # a Literal of a tuple: pydantic reads it, mypy cannot
    title: str = Field(min_length=3, max_length=200)
    target: str
    positive: str | float | bool | None = None
    drop: list[str] = []
    split: Literal["random", "group", "time"] = "random"
    split_column: str | None = None
    metric: Literal[METRICS]  # type: ignore[valid-type]
    direction: Literal["maximize", "minimize"] | None = None
    optimum: float | None = None
    meanings: dict[str, str] = {}


def spec_of(plan: Plan, facts: Facts, topic: str, provenance: Provenance) -> TaskSpec:
    """The task that a plan asks for.

    Raises:
        Rejected: it does not fit the data; says where and what would.
        DatasetUnavailable: the data cannot be had.
    """
    if plan.split == "random":  # models fill in what the form offers
        plan = plan.model_copy(update={"split_column": None})
    named = {"target": plan.target, "split_column": plan.split_column} | {f"drop {name}": name for name in plan.drop}
    for field, name in named.items():
        if name is not None and name not in facts.columns:
            raise Rejected(f"task.json: {field}: there is no column {name!r}. There are {', '.join(facts.columns)}.")
    if plan.split != "random" and plan.split_column is None:
        raise Rejected(f"task.json: split {plan.split} needs its split_column.")
    columns = load_columns(Source.model_validate(facts.source), facts.rename, ())
    there = ~columns[plan.target].missing
    metric, submitted, positive = _goal(plan, columns[plan.target].take(there))
    _check_family(plan, numeric=positive is None and submitted[0].values is None)
    if plan.split == "time":
        try:
            check_times(str(plan.split_column), columns[str(plan.split_column)])
        except Unsuitable as error:
            raise Rejected(f"task.json: split_column: {error}, or take another split.") from error
    data = _data(plan, facts, positive, int(there.sum()), tuple(columns))
    assert data.features is not None
    meanings = {**facts.meanings, **{name: text for name, text in plan.meanings.items() if text.strip()}}
    described = [Described(name=n, meaning=meanings.get(n, f"as in the source: {n}")) for n in data.features]
    of_target = meaning_of_target(meanings.get(plan.target, plan.title), positive)
    return TaskSpec(
        id="draft",
        title=plan.title,
        family=plan.family,
        topic=topic,
        created=dt.date.today(),
        columns=(*described, Described(name=plan.target, meaning=of_target)),
        data=data,
        submission=PredictionsSubmission(columns=submitted),
        metric=metric,
        well_known=facts.well_known,
        mlgym_overlap=facts.mlgym_overlap,
        licence=facts.licence,
        citation=facts.citation,
        provenance=provenance,
    )


def meaning_of_target(text: str, positive: str | float | None) -> str:
    """What is said of the target: its meaning, and what agents find in its place."""
    begin, end = _around_target(positive)
    return f"{begin}{text}{end}"


def plain_meaning_of_target(text: str, positive: str | float | None) -> str:
    """The inverse of `meaning_of_target`."""
    begin, end = _around_target(positive)
    return text.removeprefix(begin).removesuffix(end)


def _around_target(positive: str | float | None) -> tuple[str, str]:
    return "" if positive is None else f"1 if it is {positive}, else 0; ", " (train.csv only)"


def _check_family(plan: Plan, numeric: bool) -> None:
    """Refuse what a family is not: the index and all shares go by it."""
    forecast, regression = plan.family == "time-series-forecasting", plan.family == "tabular-regression"
    if forecast and plan.split != "time":
        raise Rejected("task.json: family time-series-forecasting needs split time and its split_column.")
    if numeric and plan.family in ("tabular-classification", "calibration"):
        raise Rejected(f"task.json: family {plan.family} predicts classes; {plan.metric} is of numbers.")
    if not numeric and regression:
        raise Rejected(f"task.json: family tabular-regression predicts numbers; {plan.metric} is of classes.")
    if plan.family == "calibration" and plan.metric not in ("brier", "log_loss", CUSTOM_METRIC):
        raise Rejected(f"task.json: family calibration is scored by brier or log_loss, not by {plan.metric}.")


def _data(plan: Plan, facts: Facts, positive: str | float | None, rows: int, names: tuple[str, ...]) -> TableData:
    hidden = {plan.target, *plan.drop}
    if plan.split == "group":
        hidden.add(str(plan.split_column))
    features = tuple(name for name in names if name not in hidden and name in facts.columns)
    if len(features) < 2:
        raise Rejected("task.json: fewer than two features are left. Drop less.")
    evaluation = min(LARGEST_EVALUATION, int(rows * 0.4))
    if evaluation < 100:
        raise Rejected(f"task.json: target {plan.target!r} is known in {rows} rows only; at least 250 are needed.")
    few = plan.family == "few-labels"
    split = Split(
        method=plan.split,
        column=plan.split_column,
        seed=int.from_bytes(plan.target.encode()[:3], "big"),
        train_rows=min(LARGEST_TRAIN, rows - evaluation),
        evaluation_rows=evaluation,
    )
    return TableData(
        source=Source.model_validate(facts.source),
        target=plan.target,
        positive=positive,
        features=features,
        rename=facts.rename,
        labels="few" if few else "all",
        labelled_rows=FEW_LABELS if few else None,
        split=split,
    )


def _goal(plan: Plan, target: Column) -> tuple[Metric, tuple[SubmissionColumn, ...], str | float | None]:
    """Metric, what is submitted, and the positive value."""
    direction: Literal["maximize", "minimize"] = "maximize" if plan.metric in _OPTIMUM_1 else "minimize"
    metric = Metric(name=plan.metric, direction=direction, optimum=1.0 if plan.metric in _OPTIMUM_1 else 0.0)
    if plan.metric == CUSTOM_METRIC:
        if plan.direction is None or plan.optimum is None:
            raise Rejected("task.json: metric custom needs its `direction` and its `optimum`, what perfection scores.")
        metric = Metric(name=plan.metric, direction=plan.direction, optimum=plan.optimum)
    if plan.metric in NUMBERS or (plan.metric == CUSTOM_METRIC and target.values is not None):
        if target.values is None:
            raise Rejected(f"task.json: metric {plan.metric} needs a numeric target; {plan.target!r} holds text.")
        return metric, (SubmissionColumn(name=plan.target),), None
    # Counted one by one: an array of text would make every cell as wide as the longest.
    counts = Counter(target.text.tolist())
    values, rarest = sorted(counts), min(counts.values())
    if plan.metric in YES_OR_NO:
        positive = _positive(plan, target, values)
        return metric, (SubmissionColumn(name=plan.target, low=0.0, high=1.0),), positive
    if len(values) > MOST_CLASSES or rarest < RAREST:
        raise Rejected(
            f"task.json: target {plan.target!r} has {len(values)} classes, the rarest with {rarest} rows; at most"
            f" {MOST_CLASSES} with {RAREST} rows or more can be graded. Take another target or a metric of numbers."
        )
    numeric = target.values is not None
    if numeric and any(float(value) != int(float(value)) for value in values):
        raise Rejected(f"task.json: metric {plan.metric} needs classes; {plan.target!r} holds fractions.")
    classes: tuple[str | int, ...] = tuple(int(float(v)) for v in values) if numeric else tuple(values)
    dtype: Literal["integer", "string"] = "integer" if numeric else "string"
    return metric, (SubmissionColumn(name=plan.target, dtype=dtype, values=classes),), None


def _positive(plan: Plan, target: Column, values: Sequence[str]) -> str | float:
    said = float(plan.positive) if isinstance(plan.positive, bool) else plan.positive
    if said is None and len(values) == 2:
        said = values[1]
    if isinstance(said, str) and target.values is not None:
        try:
            said = float(said)
        except ValueError:
            raise Rejected(f"task.json: positive {said!r} is no number, but {plan.target!r} holds numbers.") from None
    if isinstance(said, float) and target.values is None:  # a number in JSON, of a column that holds text
        said = str(int(said)) if said.is_integer() else repr(said)
    some = ", ".join(values[:8])
    if said is None:
        raise Rejected(f"task.json: metric {plan.metric} needs `positive`, one value of the target: {some}.")
    share = float(target.equals(said).mean())
    if not 0.02 <= share <= 0.98:
        raise Rejected(f"task.json: {share:.0%} of the rows have the positive value {said!r}. There are {some}.")
    return said
