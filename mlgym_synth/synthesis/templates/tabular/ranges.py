"""Numbers with their uncertainty (three quantiles), and orders within groups."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mlgym_synth.data.prepared import Prepared
from mlgym_synth.synthesis.catalogue.formulations import formulations
from mlgym_synth.synthesis.draft import Draft, Unsuitable
from mlgym_synth.synthesis.templates.base import Idea, Template
from mlgym_synth.synthesis.templates.tabular import models
from mlgym_synth.synthesis.templates.tabular.frame import Frame, frame_of
from mlgym_synth.synthesis.templates.tabular.goals import Goal
from mlgym_synth.synthesis.templates.tabular.parts import data_of, finished, formulation_key, prepared_of, spec_of
from mlgym_synth.synthesis.templates.tabular.scripts import Layout, assembled, heading, scripts
from mlgym_synth.synthesis.templates.tabular.statement import metric_sentence, sentence
from mlgym_synth.synthesis.templates.tabular.supervised import layout_of, split_words
from mlgym_synth.synthesis.templates.tabular.trial import Script, Trial
from mlgym_synth.task import Metric, SubmissionColumn, TaskSpec

VERSION = 1
QUANTILES = (0.1, 0.5, 0.9)
NAMES = ("q10", "q50", "q90")
_WRITE = 'test[["id", "q10", "q50", "q90"]].to_csv("submission.csv", index=False)'


def _around(model: models.Model, layout: Layout, role: str) -> Script | None:
    """A point prediction, and the quantiles of its own residuals on train around it."""
    head = heading(model, layout)
    if head is None:
        return None
    lines, numbers, kinds = head
    body = [
        *lines,
        f"model = {models.pipeline(model, numbers, kinds)}",
        f"model.fit(train, train[{layout.target!r}])",
        f"left = train[{layout.target!r}] - model.predict(train)",
        "for name, quantile in (('q10', 0.1), ('q50', 0.5), ('q90', 0.9)):",
        "    test[name] = model.predict(test) + left.quantile(quantile)",
        _WRITE,
    ]
    return Script(
        f"{model.said}, and puts the same band around it everywhere",
        assembled(f"{role}: {model.said}, one band.", "\n".join(body)),
    )


def _each(said: str, expression: str, layout: Layout, trees: bool) -> Script | None:
    """One model a quantile; `expression` holds `quantile`."""
    model = models.Model(said, "all", expression, trees)
    head = heading(model, layout)
    if head is None:
        return None
    lines, numbers, kinds = head
    whole = models.pipeline(model, numbers, kinds).replace("\n", "\n    ")
    body = [
        *lines,
        "for name, quantile in (('q10', 0.1), ('q50', 0.5), ('q90', 0.9)):",
        f"    model = {whole}",
        f"    test[name] = model.fit(train, train[{layout.target!r}]).predict(test)",
        _WRITE,
    ]
    return Script(said, assembled(f"Reference: {said}.", "\n".join(body)))


def _leaves(layout: Layout) -> Script | None:
    """Quantiles of the train rows that share a leaf of the forest with a test row (Meinshausen 2006)."""
    forest = "RandomForestRegressor(n_estimators=100, min_samples_leaf=8, max_features=0.6, random_state=0)"
    model = models.Model("takes the quantiles of a random forest's leaves", "all", forest, True)
    head = heading(model, layout)
    if head is None:
        return None
    lines, numbers, kinds = head
    body = [
        *lines,
        f"model = {models.pipeline(model, numbers, kinds)}",
        f"model.fit(train, train[{layout.target!r}])",
        "known, asked = (model[-1].apply(model[:-1].transform(frame)) for frame in (train, test))",
        f"truth = train[{layout.target!r}].to_numpy()",
        "order = np.argsort(truth)",
        "made = np.empty((len(test), 3))",
        "for row, leaves in enumerate(asked):",
        "    shared = known[order] == leaves",
        "    weight = (shared / np.maximum(shared.sum(axis=0), 1)).sum(axis=1)",
        "    share = np.cumsum(weight) / weight.sum()",
        "    made[row] = truth[order][np.searchsorted(share, [0.1, 0.5, 0.9]).clip(0, len(truth) - 1)]",
        "test[['q10', 'q50', 'q90']] = made",
        _WRITE,
    ]
    return Script(model.said, assembled(f"Reference: {model.said}.", "\n".join(body)))


def write_ranges(idea: Idea, seed: int) -> Draft:
    """Three quantiles of a number.

    Raises:
        Unsuitable: no number, or one whose spread is the same everywhere.
    """
    frame = frame_of(formulation_key(idea))
    rng = np.random.Generator(np.random.PCG64(seed))
    values = frame.truth.values
    if values is None or len(np.unique(values)) < 20:
        raise Unsuitable(f"{frame.formulation.key}: no number with a range")
    goal = Goal(
        Metric(name="pinball", direction="minimize", optimum=0.0, quantiles=QUANTILES),
        tuple(SubmissionColumn(name=name) for name in NAMES),
    )
    data = data_of(frame, goal, "plain", int(rng.integers(2**31)))
    prepared = prepared_of(data)
    title = f"{frame.formulation.title}, with a range"
    spec = spec_of("calibration", frame, data, goal, f"template:ranges@{VERSION}", seed, title)
    layout = layout_of(frame, goal)
    weak, _ = models.regressors()
    around = [made for model in weak[:6] if (made := _around(model, layout, "Baseline")) is not None]
    boost = models.boosted("Regressor", "loss='quantile', quantile=quantile").replace("150", "80")
    strong = [
        _each("boosts trees for each quantile", boost, layout, True),
        _each("fits a linear quantile regression", "QuantileRegressor(quantile=quantile, alpha=1e-4)", layout, False),
        _leaves(layout),
    ]
    baseline, reference = Trial(spec, prepared).choose(around, [made for made in strong if made is not None])
    answer = (
        "Write `submission.csv` with the columns `id`, `q10`, `q50` and `q90`: values that the truth should stay"
        " below in 10%, 50% and 90% of the cases. A range that is wide where little is known, and narrow where"
        " much is, wins."
    )
    return finished(spec, _paragraphs(frame, spec, prepared, answer, baseline), baseline, reference)


def write_orders(idea: Idea, seed: int) -> Draft:
    """The order of rows within groups.

    Raises:
        Unsuitable: no groups of several rows, or a negative target.
    """
    frame = frame_of(formulation_key(idea))
    rng = np.random.Generator(np.random.PCG64(seed))
    values = frame.truth.values
    if frame.group is None or values is None or values.min() < 0 or len(np.unique(values)) < 3:
        raise Unsuitable(f"{frame.formulation.key}: no groups to order, or nothing to order them by")
    there = ~frame.columns[frame.target].missing
    sizes = np.unique(frame.columns[frame.group].take(there).text.astype(np.str_), return_counts=True)[1]
    if len(sizes) < 40 or np.median(sizes) < 3:
        raise Unsuitable(f"{frame.formulation.key}: {len(sizes)} groups of {np.median(sizes):g} rows")
    goal = Goal(Metric(name="ndcg", direction="maximize", optimum=1.0, k=10), (SubmissionColumn(name=frame.target),))
    data = data_of(frame, goal, "plain", int(rng.integers(2**31)))
    data = data.model_copy(update={"group": frame.group})
    prepared = prepared_of(data)
    title = f"{frame.formulation.title}: who comes first"
    spec = spec_of("ranking", frame, data, goal, f"template:orders@{VERSION}", seed, title)
    spec = spec.model_copy(update={"columns": (*frame.described(frame.group), *spec.columns)})
    layout = layout_of(frame, goal)
    weak, strong = models.regressors()
    baselines, references = scripts(weak, layout, "Baseline"), scripts(strong, layout, "Reference")
    baseline, reference = Trial(spec, prepared).choose(baselines, references)
    answer = (
        f"Put the rows of every `{frame.group}` into order, those with the highest `{frame.target}` first: write"
        f" `submission.csv` with the columns `id` and `{frame.target}`, any number, where only the order within a"
        f" `{frame.group}` counts."
    )
    return finished(spec, _paragraphs(frame, spec, prepared, answer, baseline), baseline, reference)


def _paragraphs(frame: Frame, spec: TaskSpec, prepared: Prepared, answer: str, baseline: Script) -> list[str]:
    formulation, tables = frame.formulation, prepared.public.tables
    train, test = (len(tables[stem].lines) for stem in ("train", "test"))
    return [
        formulation.about,
        sentence(formulation.ask),
        f"`train.csv` holds {train:,} rows with `{frame.target}`, each {formulation.row}; `test.csv` holds {test:,}"
        f" others with an `id`. {split_words(frame)}",
        sentence(formulation.hint) if formulation.hint else "",
        f"{answer} {metric_sentence(spec.metric)} `baseline.py` {baseline.said}.",
    ]


def _ideas(template: str, family: str) -> Iterable[Idea]:
    for one in formulations().values():
        if one.kind in ("regression", "count") and (one.group is not None or family != "ranking") and not one.time:
            yield Idea(template, family, one.topic, f"{one.key} {template}", one.source)


TEMPLATES = (
    Template("ranges", VERSION, lambda: _ideas("ranges", "calibration"), write_ranges),
    Template("orders", VERSION, lambda: _ideas("orders", "ranking"), write_orders),
)
