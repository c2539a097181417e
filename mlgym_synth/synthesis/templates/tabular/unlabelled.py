"""Tables whose labels the agent never gets: groups to be found, and rows that do not belong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from mlgym_synth.synthesis.catalogue.formulations import formulations
from mlgym_synth.synthesis.draft import Draft, Unsuitable
from mlgym_synth.synthesis.templates.base import Idea, Template
from mlgym_synth.synthesis.templates.tabular.frame import Frame, frame_of
from mlgym_synth.synthesis.templates.tabular.goals import MOST_CLASSES, Goal
from mlgym_synth.synthesis.templates.tabular.parts import data_of, finished, formulation_key, prepared_of, spec_of
from mlgym_synth.synthesis.templates.tabular.scripts import assembled, listed
from mlgym_synth.synthesis.templates.tabular.statement import metric_sentence
from mlgym_synth.synthesis.templates.tabular.trial import Script, Trial
from mlgym_synth.task import Metric, SubmissionColumn, TableData

VERSION = 1
MOST_TRIES = 3
_NUMBERS = "make_pipeline(SimpleImputer(strategy='median'), {scaler})"
_KINDS = "OneHotEncoder(handle_unknown='infrequent_if_exist', max_categories=20, sparse_output=False)"

GROUPERS = {
    "k-means on the numeric columns as they are": ("numbers", "", "KMeans({k}, n_init=5, random_state=0)"),
    "k-means on one column": ("one", "", "KMeans({k}, n_init=5, random_state=0)"),
    "single links between near rows": ("numbers", "", "AgglomerativeClustering({k}, linkage='average')"),
}
BETTER_GROUPERS = {
    "k-means on scaled columns": ("all", "StandardScaler()", "KMeans({k}, n_init=10, random_state=0)"),
    "Ward's method on scaled columns": ("all", "StandardScaler()", "AgglomerativeClustering({k})"),
    "Ward's method on ranks": ("all", "QuantileTransformer(n_quantiles=100)", "AgglomerativeClustering({k})"),
    "a mixture of Gaussians on scaled columns": (
        "numbers",
        "StandardScaler()",
        "GaussianMixture({k}, reg_covar=1e-3, n_init=5, random_state=0)",
    ),
    "a mixture of Gaussians with one shape": (
        "numbers",
        "StandardScaler()",
        "GaussianMixture({k}, covariance_type='tied', reg_covar=1e-3, n_init=5, random_state=0)",
    ),
    "spectral clustering of scaled columns": (
        "numbers",
        "StandardScaler()",
        "SpectralClustering({k}, affinity='nearest_neighbors', n_neighbors=15, random_state=0)",
    ),
}
DETECTORS = {
    "the sum of all distances from the mean, in standard deviations": (
        "numbers",
        "score = np.abs((x_test - x.mean(axis=0)) / x.std(axis=0)).sum(axis=1)",
    ),
    "the distance from the mean in one column": ("one", "score = np.abs(x_test - x.mean(axis=0)).sum(axis=1)"),
    "the distance to the nearest normal row, columns as they are": (
        "numbers-raw",
        "score = NearestNeighbors(n_neighbors=1).fit(x).kneighbors(x_test)[0].mean(axis=1)",
    ),
    "an isolation forest of ten trees": (
        "numbers",
        "score = -IsolationForest(n_estimators=10, random_state=0).fit(x).score_samples(x_test)",
    ),
}
BETTER_DETECTORS = {
    "the mean distance to ten normal rows": (
        "all",
        "score = NearestNeighbors(n_neighbors=10).fit(x).kneighbors(x_test)[0].mean(axis=1)",
    ),
    "the local outlier factor": (
        "all",
        "score = -LocalOutlierFactor(n_neighbors=25, novelty=True).fit(x).score_samples(x_test)",
    ),
    "an isolation forest": (
        "all",
        "score = -IsolationForest(n_estimators=200, random_state=0).fit(x).score_samples(x_test)",
    ),
    "the density of a mixture of Gaussians": (
        "all",
        "score = -GaussianMixture(4, reg_covar=1e-2, random_state=0).fit(x).score_samples(x_test)",
    ),
    "Mahalanobis' distance with a shrunk covariance": ("all", "score = LedoitWolf().fit(x).mahalanobis(x_test)"),
    "a one-class support vector machine": (
        "all",
        "score = -OneClassSVM(nu=0.2, gamma='scale').fit(x).score_samples(x_test)",
    ),
}


def _group_script(
    said: str, columns: str, scaler: str, model: str, frame: Frame, best: str | None, k: int, role: str
) -> Script | None:
    numbers = (best,) if columns == "one" and best else frame.numbers if columns != "one" else ()
    kinds = frame.kinds if columns == "all" else ()
    if not numbers and not kinds:
        return None
    body = ['test = pd.read_csv("test.csv")', *_matrix(numbers, kinds, scaler, ("test",))]
    body += [
        f"test[{frame.target!r}] = {model.format(k=k)}.fit_predict(x_test)",
        f'test[["id", {frame.target!r}]].to_csv("submission.csv", index=False)',
    ]
    return Script(f"runs {said}", assembled(f"{role}: {said}.", "\n".join(body)))


def _detect_script(said: str, columns: str, lines: str, frame: Frame, best: str | None, role: str) -> Script | None:
    numbers = (best,) if columns == "one" and best else frame.numbers if columns != "one" else ()
    kinds = frame.kinds if columns == "all" else ()
    if not numbers and not kinds:
        return None
    scaler = "" if columns == "numbers-raw" else "StandardScaler()"
    body = ['train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")']
    body += _matrix(numbers, kinds, scaler, ("train", "test"))
    body += [
        lines,
        f"test[{frame.target!r}] = score",
        f'test[["id", {frame.target!r}]].to_csv("submission.csv", index=False)',
    ]
    return Script(f"takes {said}", assembled(f"{role}: {said}.", "\n".join(body)))


def _matrix(numbers: tuple[str, ...], kinds: tuple[str, ...], scaler: str, frames: tuple[str, ...]) -> list[str]:
    lines, parts = [], []
    if numbers:
        lines += listed("numbers", numbers)
        inner = _NUMBERS.format(scaler=scaler) if scaler else "SimpleImputer(strategy='median')"
        parts.append(f"({inner}, numbers)")
    if kinds:
        lines += listed("kinds", kinds)
        lines += [
            f"for frame in ({', '.join(frames)},):",
            '    frame[kinds] = frame[kinds].astype(object).fillna("missing").astype(str)',
        ]
        parts.append(f"({_KINDS}, kinds)")
    lines.append(f"columns = make_column_transformer({', '.join(parts)})")
    if "train" in frames:
        return [*lines, "x = np.asarray(columns.fit_transform(train))", "x_test = np.asarray(columns.transform(test))"]
    return [*lines, "x_test = np.asarray(columns.fit_transform(test))"]


def _strongest(frame: Frame) -> str | None:
    """The numeric column that varies most for its middle: what someone in a hurry would look at."""

    def spread(name: str) -> float:
        values = frame.columns[name].values
        assert values is not None
        return float(np.nanstd(values) / (abs(np.nanmean(values)) + 1e-9))

    return max(frame.numbers, key=spread) if frame.numbers else None


def write_groups(idea: Idea, seed: int) -> Draft:
    """Find the groups of a table, without names: the classes of the target, else those of some category.

    Raises:
        Unsuitable: no such groups, or nothing finds them.
    """
    return _first(idea, seed, _groups)


def write_anomalies(idea: Idea, seed: int) -> Draft:
    """Tell rows that do not belong from a table of normal ones: a rare class of the target, else of some category.

    Raises:
        Unsuitable: no rare class, or nothing that tells it.
    """
    return _first(idea, seed, _anomalies)


def _first(idea: Idea, seed: int, write: Callable[[Frame, int], Draft]) -> Draft:
    frame = replace(frame_of(formulation_key(idea)), group=None, time=None)
    reason: Unsuitable = Unsuitable(f"{frame.formulation.key}: no column of classes")
    for one in _by_class(frame)[:MOST_TRIES]:
        try:
            return write(one, seed)
        except Unsuitable as unsuitable:
            reason = unsuitable
    raise reason


def _by_class(frame: Frame) -> list[Frame]:
    """The frame with each class column as its target; a target of numbers becomes a feature."""
    numeric = frame.formulation.kind not in ("binary", "multiclass") and frame.truth.values is not None
    made = [] if numeric else [frame]
    numbers = (*frame.numbers, frame.target) if numeric else frame.numbers
    for name in frame.kinds if numeric else ():
        kinds = tuple(kind for kind in frame.kinds if kind != name)
        made.append(replace(frame, target=name, numbers=numbers, kinds=kinds))
    return made


def _groups(frame: Frame, seed: int) -> Draft:
    rng = np.random.Generator(np.random.PCG64(seed))
    values, counts = np.unique(frame.truth.text.astype(np.str_), return_counts=True)
    if not 2 <= len(values) <= MOST_CLASSES or counts.min() < 20 or len(frame.numbers) < 2:
        raise Unsuitable(f"{frame.formulation.key}: no groups of a size to be found")
    goal = Goal(
        Metric(name="adjusted_rand", direction="maximize", optimum=1.0),
        (SubmissionColumn(name=frame.target, dtype="string"),),
    )
    rows = min(900, frame.rows)
    data = data_of(frame, goal, "plain", int(rng.integers(2**31)))
    split = data.split.model_copy(update={"evaluation_rows": rows, "train_rows": None})
    data = data.model_copy(update={"labels": "none", "split": split})
    prepared = prepared_of(data)
    title = f"{frame.formulation.title}: groups without names"
    spec = spec_of("clustering", frame, data, goal, f"template:groups@{VERSION}", seed, title)
    spec = spec.model_copy(update={"columns": spec.columns[:-1]})
    best, k = _strongest(frame), len(values)

    def made(table: dict[str, tuple[str, str, str]], role: str) -> list[Script]:
        found = (_group_script(said, *parts, frame, best, k, role) for said, parts in table.items())
        return [one for one in found if one is not None]

    baseline, reference = Trial(spec, prepared).choose(made(GROUPERS, "Baseline"), made(BETTER_GROUPERS, "Reference"))
    paragraphs = [
        frame.formulation.about,
        f"Each of the {rows:,} rows of `test.csv`, {frame.formulation.row}, belongs to one of {k} groups, which"
        f" somebody knows (`{frame.target}`: {frame.meanings[frame.target]}) and you do not: there are no labels at"
        " all. Sort the rows into groups from their other columns.",
        f"Write `submission.csv` with the columns `id` and `{frame.target}`, any name for the group of each row; what"
        f" the groups are called does not matter. {metric_sentence(spec.metric)} `baseline.py` {baseline.said}.",
    ]
    return finished(spec, paragraphs, baseline, reference)


def _anomalies(frame: Frame, seed: int) -> Draft:
    rng = np.random.Generator(np.random.PCG64(seed))
    values, counts = np.unique(frame.truth.text.astype(np.str_), return_counts=True)
    if not 2 <= len(values) <= MOST_CLASSES or counts.min() < 40 or not frame.numbers:
        raise Unsuitable(f"{frame.formulation.key}: no rare class of a size to be told")
    rare: Any = str(values[counts.argmin()])
    if frame.truth.values is not None:
        rare = float(rare)
    goal = Goal(Metric(name="roc_auc", direction="maximize", optimum=1.0), (SubmissionColumn(name=frame.target),), rare)
    data: TableData = data_of(frame, goal, "plain", int(rng.integers(2**31)))
    data = data.model_copy(update={"labels": "normal", "normal": 0.0})
    prepared = prepared_of(data)
    title = f"{frame.formulation.title}: the ones that do not belong"
    spec = spec_of("anomaly-detection", frame, data, goal, f"template:strangers@{VERSION}", seed, title)
    spec = spec.model_copy(update={"columns": spec.columns[:-1]})
    best = _strongest(frame)

    def made(table: dict[str, tuple[str, str]], role: str) -> list[Script]:
        found = (_detect_script(said, *parts, frame, best, role) for said, parts in table.items())
        return [one for one in found if one is not None]

    baseline, reference = Trial(spec, prepared).choose(made(DETECTORS, "Baseline"), made(BETTER_DETECTORS, "Reference"))
    train, test = (len(prepared.public.tables[stem].lines) for stem in ("train", "test"))
    shown = f"{rare:g}" if isinstance(rare, float) else rare
    paragraphs = [
        frame.formulation.about,
        f"Each row is {frame.formulation.row}. The {train:,} rows of `train.csv` are all of the usual kind; among the"
        f" {test:,} of `test.csv` are some of another: those where `{frame.target}` ({frame.meanings[frame.target]}) is"
        f" `{shown}`. You have never seen one. Give every test row a number that is higher the less it seems to"
        " belong.",
        f"Write `submission.csv` with the columns `id` and `{frame.target}`, any number. {metric_sentence(spec.metric)}"
        f" Positive are the rows that do not belong. `baseline.py` {baseline.said}.",
    ]
    return finished(spec, paragraphs, baseline, reference)


def _ideas(template: str, family: str) -> Iterable[Idea]:
    order = ("multiclass", "binary", "regression", "count", "ordinal")
    seen = set()
    for one in sorted(formulations().values(), key=lambda one: order.index(one.kind) if one.kind in order else 9):
        if one.source not in seen and one.kind in order:
            seen.add(one.source)
            yield Idea(template, family, one.topic, f"{one.key} {template}", one.source)


TEMPLATES = (
    Template("groups", VERSION, lambda: _ideas("groups", "clustering"), write_groups),
    Template("strangers", VERSION, lambda: _ideas("strangers", "anomaly-detection"), write_anomalies),
)
