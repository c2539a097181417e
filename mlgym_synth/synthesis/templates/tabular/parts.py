"""What all templates on tables share: the data as `task.yaml` names it, the spec, the finished draft."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

from mlgym_synth.data.prepared import Prepared
from mlgym_synth.data.tables import prepare_table
from mlgym_synth.errors import DatasetUnavailable, TaskInvalid
from mlgym_synth.synthesis.draft import Draft, Unsuitable
from mlgym_synth.synthesis.templates.base import Idea
from mlgym_synth.synthesis.templates.tabular.frame import Frame
from mlgym_synth.synthesis.templates.tabular.goals import Goal
from mlgym_synth.synthesis.templates.tabular.statement import statement
from mlgym_synth.synthesis.templates.tabular.trial import Script
from mlgym_synth.task import Column, Filter, PredictionsSubmission, Provenance, Split, TableData, TaskSpec

CREATED = dt.date(2026, 11, 24)
LARGEST_TRAIN, LARGEST_EVALUATION, SMALLEST_EVALUATION = 2000, 1000, 120
FEW_LABELS, SMALL_TRAIN, NOISE = 60, 120, 0.25

Twist = Literal["plain", "small", "noisy", "few"]


def formulation_key(idea: Idea) -> str:
    """The formulation that an idea is about: its key without the last word, which is the twist."""
    return idea.key.rsplit(" ", 1)[0]


def data_of(frame: Frame, goal: Goal, twist: Twist, seed: int) -> TableData:
    """What `task.yaml` says of the data.

    Raises:
        Unsuitable: too few rows.
    """
    evaluation = min(LARGEST_EVALUATION, int(frame.rows * (0.5 if frame.rows < 700 else 0.4)))
    train = min(LARGEST_TRAIN, frame.rows - evaluation)
    if evaluation < SMALLEST_EVALUATION:
        raise Unsuitable(f"{frame.formulation.key}: {frame.rows} rows are too few")
    features = [*frame.numbers, *frame.kinds]
    split: dict[str, Any] = {"method": "random"}
    if frame.group is not None:
        split = {"method": "group", "column": frame.group}
    elif frame.time is not None:
        split = {"method": "time", "column": frame.time}
        features.append(frame.time)
    rows = {"small": SMALL_TRAIN}.get(twist, train)
    return TableData(
        source=frame.source,
        target=frame.target,
        positive=goal.positive,
        features=tuple(features),
        rename=frame.rename,
        filters=filters_of(frame),
        labels="few" if twist == "few" else "all",
        labelled_rows=FEW_LABELS if twist == "few" else None,
        label_noise=NOISE if twist == "noisy" else None,
        split=Split(seed=seed, train_rows=min(rows, train), evaluation_rows=evaluation, **split),
    )


def filters_of(frame: Frame) -> tuple[Filter, ...]:
    """The formulation's filters, under the columns' new names."""
    names = frame.rename
    return tuple(
        rule.model_copy(update={"column": names.get(rule.column, rule.column)}) for rule in frame.formulation.filters
    )


def prepared_of(data: TableData) -> Prepared:
    """The data, prepared in memory.

    Raises:
        Unsuitable: the split cannot be made.
    """
    try:
        public, sealed = prepare_table(data)
    except (TaskInvalid, DatasetUnavailable) as error:
        raise Unsuitable(str(error)) from error
    return Prepared(public, sealed, "")


def spec_of(family: str, frame: Frame, data: TableData, goal: Goal, author: str, seed: int, title: str) -> TaskSpec:
    """The task's fields, nothing measured; the target is the last of `columns`."""
    formulation = frame.formulation
    assert data.features is not None
    columns = (*frame.described(*data.features), _target(frame, goal))
    return TaskSpec(
        id="draft",
        title=title,
        family=family,
        topic=formulation.topic,
        created=CREATED,
        columns=columns,
        data=data,
        submission=PredictionsSubmission(columns=goal.column),
        metric=goal.metric,
        well_known=formulation.well_known,
        mlgym_overlap=formulation.mlgym_overlap,
        licence=frame.origin.licence,
        citation=frame.origin.citation,
        provenance=Provenance(author=author, seed=seed),
    )


def _target(frame: Frame, goal: Goal) -> Column:
    meaning = frame.meanings[frame.target]
    if goal.positive is not None:
        shown = f"{goal.positive:g}" if isinstance(goal.positive, float) else goal.positive
        meaning = f"1 if it is {shown}, else 0; {meaning}" if shown != "1" else meaning
    return Column(name=frame.target, meaning=f"{meaning} (train.csv only)")


def finished(spec: TaskSpec, paragraphs: Sequence[str], baseline: Script, reference: Script) -> Draft:
    """The draft, its statement composed."""
    text = statement(spec.title, paragraphs, spec.columns)
    return Draft(spec, text, {"baseline.py": baseline.text}, {"solution.py": reference.text})
