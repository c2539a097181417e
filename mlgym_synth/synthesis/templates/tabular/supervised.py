"""Classes and numbers from a table: plain, from few labels, from wrong labels, for later years, for new groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from mlgym_synth.data.prepared import Prepared
from mlgym_synth.synthesis.catalogue.formulations import formulations
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.templates.base import Idea, Template
from mlgym_synth.synthesis.templates.tabular import models
from mlgym_synth.synthesis.templates.tabular.clock import clock_of
from mlgym_synth.synthesis.templates.tabular.frame import Frame, frame_of
from mlgym_synth.synthesis.templates.tabular.goals import Goal, goal_of
from mlgym_synth.synthesis.templates.tabular.parts import (
    NOISE,
    Twist,
    data_of,
    finished,
    formulation_key,
    prepared_of,
    spec_of,
)
from mlgym_synth.synthesis.templates.tabular.scripts import Layout, scripts, with_prelude
from mlgym_synth.synthesis.templates.tabular.statement import metric_sentence, sentence
from mlgym_synth.synthesis.templates.tabular.trial import Script, Trial
from mlgym_synth.task import TaskSpec

ENDINGS: dict[Twist, str] = {
    "few": ", from few labels",
    "small": ", from a small sample",
    "noisy": ", with wrong labels",
}
VERSION = 1


def layout_of(frame: Frame, goal: Goal) -> Layout:
    """What scripts must know; the best single columns are found by rank correlation and by the spread of means."""
    truth = frame.truth
    code = truth.values if truth.values is not None else np.unique(truth.text.astype(np.str_), return_inverse=True)[1]
    there = ~frame.columns[frame.target].missing
    ranks = _ranks(np.asarray(code, dtype=np.float64))
    strength = {}
    for name in frame.numbers:
        column = frame.columns[name].take(there)
        assert column.values is not None
        filled = np.where(np.isnan(column.values), np.nanmedian(column.values), column.values)
        strength[name] = abs(float(np.corrcoef(_ranks(filled), ranks)[0, 1])) if np.ptp(filled) else 0.0
    spread = {}
    for name in frame.kinds:
        texts = frame.columns[name].take(there).text.astype(np.str_)
        group = np.unique(texts, return_inverse=True)[1]
        means = np.bincount(group, ranks) / np.bincount(group)
        spread[name] = float(np.std(means[group]))
    layout = Layout(
        target=frame.target,
        numbers=frame.numbers,
        kinds=frame.kinds,
        best=max(strength, key=strength.__getitem__) if strength else None,
        best_kind=max(spread, key=spread.__getitem__) if spread else None,
        metric=goal.metric,
        low=goal.low,
        high=goal.high,
    )
    if frame.time is not None:
        prelude, made = clock_of(frame.time, frame.columns[frame.time])
        layout = with_prelude(layout, prelude, made)
    return layout


def candidates(layout: Layout, goal: Goal, rng: np.random.Generator) -> tuple[list[Script], list[Script]]:
    """Baselines in an order drawn from the seed, so that tasks begin in different places; references."""
    if goal.is_class:
        weak, strong = models.classifiers(balanced=goal.metric.name in ("balanced_accuracy", "macro_f1"))
    else:
        weak, strong = models.regressors("absolute_error" if goal.metric.name in ("mae", "mape") else "squared_error")
    order = sorted(range(len(weak)), key=lambda i: i + 3 * rng.random())
    return scripts([weak[i] for i in order], layout, "Baseline"), scripts(strong, layout, "Reference")


def _ranks(values: Any) -> Any:
    return np.unique(values, return_inverse=True)[1].astype(np.float64)


def write(family: str, template: str, idea: Idea, seed: int, twist: Twist, calibrated: bool = False) -> Draft:
    """One task on a table with labels.

    Raises:
        Unsuitable: the data cannot carry it.
    """
    author = f"template:{template}@{VERSION}"
    return write_on(frame_of(formulation_key(idea)), family, author, seed, twist, calibrated)


def write_on(
    frame: Frame, family: str, author: str, seed: int, twist: Twist = "plain", calibrated: bool = False
) -> Draft:
    """One task on this frame.

    Raises:
        Unsuitable: the data cannot carry it.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    goal = goal_of(frame, rng, calibrated)
    data = data_of(frame, goal, twist, int(rng.integers(2**31)))
    prepared = prepared_of(data)
    title = frame.formulation.title + ENDINGS.get(twist, "")
    spec = spec_of(family, frame, data, goal, author, seed, title)
    layout = layout_of(frame, goal)
    baseline, reference = Trial(spec, prepared).choose(*candidates(layout, goal, rng))
    return finished(spec, _paragraphs(frame, spec, prepared, goal, baseline, twist, rng), baseline, reference)


def _paragraphs(
    frame: Frame,
    spec: TaskSpec,
    prepared: Prepared,
    goal: Goal,
    baseline: Script,
    twist: Twist,
    rng: np.random.Generator,
) -> list[str]:
    formulation, tables = frame.formulation, prepared.public.tables
    train, test = len(tables["train"].lines), len(tables["test"].lines)
    target = frame.target
    files = str(
        rng.choice(
            [
                f"`train.csv` holds {train:,} rows, each {formulation.row}, with `{target}`; `test.csv` holds {test:,}"
                " others, with an `id` in its place.",
                f"Each row is {formulation.row}. There are {train:,} with the answer in `train.csv` (column"
                f" `{target}`), and {test:,} without it in `test.csv`, each with an `id`.",
                f"You have {train:,} rows with `{target}` in `train.csv`, and {test:,} rows with an `id` in `test.csv`"
                f" that want an answer. A row is {formulation.row}.",
            ]
        )
    )
    names = ", ".join(f"`{column.name}`" for column in goal.column)
    answer = f"Write `submission.csv` with the columns `id` and {names}{_form(goal)}."
    return [
        formulation.about,
        sentence(formulation.ask),
        f"{files} {split_words(frame)}{_twist_words(twist, prepared)}",
        sentence(formulation.hint) if formulation.hint else "",
        f"{answer} {metric_sentence(spec.metric)} `baseline.py` {baseline.said}.",
    ]


def _form(goal: Goal) -> str:
    if len(goal.column) > 1:
        return ", the probability of each class"
    column = goal.column[0]
    if goal.metric.name == "roc_auc":
        return ", a number from 0 to 1 that is higher the more likely a 1 is"
    if column.high == 1.0 and column.values is None:
        return ", the probability of a 1"
    if column.values is not None and len(column.values) > 2:
        return ", one of " + ", ".join(f"`{value}`" for value in column.values)
    return ", 0 or 1" if column.values is not None else ""


def split_words(frame: Frame) -> str:
    """What the split keeps apart, for the statement."""
    if frame.group is not None:
        meaning = frame.meanings[frame.group]
        told = f" ({meaning})" if meaning != "what the split goes by" else ""
        return (
            f"No `{frame.group}`{told} of the test rows occurs in train, so what is learnt must carry over to new"
            " ones. "
        )
    if frame.time is not None:
        return f"The test rows are later than all train rows, by `{frame.time}`. "
    return ""


def _twist_words(twist: Twist, prepared: Prepared) -> str:
    if twist == "few":
        more = len(prepared.public.tables["unlabelled"].lines)
        return f"Labels are dear here: another {more:,} rows come without them, in `unlabelled.csv`."
    if twist == "small":
        return "That is all there is to learn from, so beware of models with many knobs."
    if twist == "noisy":
        share = f"{NOISE:.0%}"
        return (
            f"The labels in train are not to be trusted: about {share} of them were shuffled among the rows, and nobody"
            " knows which. The test labels are right."
        )
    return ""


def ideas(
    template: str, family: str, kinds: tuple[str, ...], twists: tuple[Twist, ...], timed: bool = False
) -> Iterable[Idea]:
    """All formulations of these kinds, twist by twist."""
    for twist in twists:
        for one in formulations().values():
            if one.kind in kinds and (one.time is not None) == timed:
                yield Idea(template, family, one.topic, f"{one.key} {twist}", one.source)


def _template(name: str, family: str, kinds: tuple[str, ...], twists: tuple[Twist, ...], **options: Any) -> Template:
    timed, calibrated = options.pop("timed", False), options.pop("calibrated", False)

    def all_ideas() -> Iterable[Idea]:
        return ideas(name, family, kinds, twists, timed)

    def one(idea: Idea, seed: int) -> Draft:
        twist: Twist = idea.key.rsplit(" ", 1)[1]  # type: ignore[assignment]
        return write(family, name, idea, seed, twist, calibrated)

    return Template(name, VERSION, all_ideas, one)


TEMPLATES = (
    _template("numbers", "tabular-regression", ("regression", "count", "ordinal"), ("plain", "small", "noisy")),
    _template("classes", "tabular-classification", ("binary", "multiclass"), ("plain", "small", "noisy")),
    _template(
        "later", "time-series-forecasting", ("regression", "count", "ordinal", "forecast"), ("plain",), timed=True
    ),
    _template("few", "few-labels", ("binary", "multiclass", "regression"), ("few",)),
    _template("sure", "calibration", ("binary", "multiclass"), ("plain",), calibrated=True),
)
