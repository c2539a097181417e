"""A task on somebody's own table: written as the templates write theirs, to be read, improved and verified.

`mlgym-synth tasks new` calls `write_task`.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from mlgym_synth.data.tables import load_columns
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.synthesis.catalogue.formulations import Formulation, Kind
from mlgym_synth.synthesis.draft import Draft, Unsuitable
from mlgym_synth.synthesis.table_checks import check_names, check_times, read_strictly, row_numbers
from mlgym_synth.synthesis.templates.tabular.frame import Frame, Origin, framed
from mlgym_synth.synthesis.templates.tabular.goals import goal_of
from mlgym_synth.synthesis.templates.tabular.supervised import write_on
from mlgym_synth.task import OWN_FILE, Source

AUTHOR = "template:own-table@1"
CALIBRATED = ("log_loss", "brier")
FEW_VALUES = 8
"""A numeric target with fewer different values is a class."""
TRIES = 6
_DRAWS = 64


@dataclass(frozen=True)
class Question:
    """What is asked of a table; all but the target has a default that can be told from the table.

    Attributes:
        target: the column to predict.
        title, ask, row, about: for the statement: its heading, what to do, what a row is, where the data is from.
        drop: identifiers, and columns that are the target in disguise.
        group, time: the column that the split must respect, if any; one of the two.
        task: `classification` or `regression`; None takes numbers of few values, and texts, for classes.
        metric: one that suits the target; None draws one.
        meanings: column -> what it means, in words.
        licence, citation: of the data.
        topic: for listings.
    """

    target: str
    title: str = ""
    ask: str = ""
    row: str = "one record"
    about: str = ""
    drop: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    task: Literal["classification", "regression"] | None = None
    metric: str | None = None
    meanings: dict[str, str] = field(default_factory=dict)
    licence: str = "not stated: the owner's own"
    citation: str = ""
    topic: str = "own data"


@dataclass(frozen=True)
class Written:
    """What was made of the table.

    Attributes:
        folder: the task.
        left_out: columns that are no features: row numbers, identifiers, names, free text, one value only.
        rows_left_out: rows without a target. Empty fields are, and in a CSV what pandas reads as missing (NA, None...).
    """

    folder: TaskFolder
    left_out: tuple[str, ...]
    rows_left_out: int


def write_task(folder: Path, table: Path, question: Question, seed: int = 0) -> Written:
    """Write a task's folder, the table within: whole, or not at all.

    Args:
        folder: to be made; its name becomes the id.
        table: a CSV or parquet file.
        question: what is asked of it.
        seed: draws split, metric (where none is wanted), and how good the baseline is.

    Raises:
        FileExistsError: the folder is there already.
        ValueError: the table cannot carry the task; says why.
        DatasetUnavailable: it cannot be read.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is there already. Name another folder, or remove it.")
    if not table.is_file():
        raise FileNotFoundError(f"{table}: no such file. Name a CSV or parquet file.")
    with _staged(folder) as staging:
        item = f"data/{_plain_name(table)}"
        (staging / "data").mkdir()
        shutil.copyfile(table, staging / item)
        source = Source.model_validate({"package": OWN_FILE, "item": item}, context={"folder": staging})
        try:
            with read_strictly():
                frame = _look(source, table, question)
            draft = _written(frame, question, seed)
        except Unsuitable as error:
            raise ValueError(f"{table}: {error}") from error
        for name, text in draft.files(folder.name).items():
            (staging / name).parent.mkdir(exist_ok=True)
            (staging / name).write_text(text, encoding="utf-8")
    shown = {*frame.numbers, *frame.kinds, frame.target, frame.group, frame.time}
    dropped = {frame.rename.get(name, name) for name in question.drop}
    left_out = tuple(name for name in frame.columns if name not in shown | dropped)
    return Written(load_task(folder), left_out, int(frame.columns[frame.target].missing.sum()))


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A folder beside it that takes its place at the end."""
    staging = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        staging.replace(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _plain_name(table: Path) -> str:
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", table.stem).strip("-") or "table"
    suffix = table.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise ValueError(f"{table}: is neither .csv nor .parquet. Save it as one of them.")
    return stem + suffix


def _look(source: Source, table: Path, question: Question) -> Frame:
    if question.group is not None and question.time is not None:
        raise Unsuitable("group and time: the split can respect one of them. Leave one out")
    check_names(source)
    columns = load_columns(source, {}, ())
    if question.time in columns:
        check_times(question.time, columns[question.time])
    asked = (question.target, question.group, question.time)
    numbering = tuple(name for name in row_numbers(columns) if name not in asked)
    title = question.title or f"Predict {question.target} of {_words(table.stem)}"
    formulation = Formulation(
        source=table.name,
        target=question.target,
        kind="regression",
        title=title,
        row=question.row,
        ask=question.ask or f"Predict `{question.target}`",
        about=question.about or f"`{table.name}` is a table of {_words(table.stem)}.",
        topic=question.topic,
        drop=(*question.drop, *numbering),
        group=question.group,
        time=question.time,
    )
    origin = Origin(source, question.licence, question.citation or f"{table.name}, a table of its owner's.")

    def documented(names: tuple[str, ...]) -> dict[str, str]:
        for option, wanted in (("drop", question.drop), ("meanings", tuple(question.meanings))):
            if unknown := [name for name in wanted if name not in names]:
                raise Unsuitable(f"{option}: no column {unknown[0]!r}; there are {', '.join(names)}")
        return {name: question.meanings.get(name) or _words(name) for name in names}

    frame = framed(formulation, origin, documented)
    return replace(frame, formulation=formulation.model_copy(update={"kind": _kind(frame, question)}))


def _kind(frame: Frame, question: Question) -> Kind:
    truth = frame.truth
    values = len(set(truth.text.tolist()))
    if question.task == "regression" and truth.values is None:
        raise Unsuitable(f"task: {question.target} holds text, and a regression needs numbers")
    by_values = "regression" if truth.values is not None and values >= FEW_VALUES else "classification"
    if (question.task or by_values) == "regression":
        return "regression"
    return "binary" if values == 2 else "multiclass"


def _written(frame: Frame, question: Question, seed: int) -> Draft:
    """The first draw of split, metric and baseline, from the seed on, that makes a task with the wanted metric."""
    is_class = frame.formulation.kind in ("binary", "multiclass")
    calibrated = is_class and question.metric in CALIBRATED
    family = "calibration" if calibrated else "tabular-classification" if is_class else "tabular-regression"
    if frame.time is not None and not is_class:
        family = "time-series-forecasting"
    metrics = _metrics(frame, seed, calibrated)
    fitting = [draw for draw, name in metrics.items() if question.metric in (None, name)]
    if not fitting:
        names = {*_metrics(frame, seed, False).values(), *(_metrics(frame, seed, True).values() if is_class else ())}
        suits = ", ".join(sorted(names))
        raise Unsuitable(f"metric: {question.metric} does not suit {frame.target}. Take one of {suits}")
    for draw in fitting[:TRIES]:
        try:
            draft = write_on(frame, family, AUTHOR, draw, calibrated=calibrated)
        except Unsuitable as error:
            why = error
            continue
        return replace(draft, spec=draft.spec.model_copy(update={"created": dt.date.today()}))
    raise Unsuitable(
        f"{why}, in {len(fitting[:TRIES])} draws of split and metric. Name another metric or seed, give more rows, or"
        " drop a column that tells nearly everything"
    )


def _metrics(frame: Frame, seed: int, calibrated: bool) -> dict[int, str]:
    """Draw -> the metric that it gives."""
    rng = {draw: np.random.Generator(np.random.PCG64(draw)) for draw in range(seed, seed + _DRAWS)}
    return {draw: goal_of(frame, rng[draw], calibrated).metric.name for draw in rng}


def _words(name: str) -> str:
    return " ".join(re.split(r"[\W_]+", name)).strip() or name
