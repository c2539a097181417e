"""What is predicted of a frame, and by which metric it is scored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.synthesis.catalogue.formulations import Formulation
from mlgym_synth.synthesis.draft import Unsuitable
from mlgym_synth.synthesis.templates.tabular.frame import Frame
from mlgym_synth.task import Metric, SubmissionColumn

MOST_CLASSES = 12


@dataclass(frozen=True, slots=True)
class Goal:
    """What is predicted, and how it is scored."""

    metric: Metric
    column: tuple[SubmissionColumn, ...]
    positive: str | float | None = None
    low: float = 0.0
    high: float = 0.0

    @property
    def is_class(self) -> bool:
        """Whether models classify."""
        return self.metric.name in ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "log_loss", "brier")


def classes(formulation: Formulation) -> bool:
    """Whether the target is a class."""
    return formulation.kind in ("binary", "multiclass")


def goal_of(frame: Frame, rng: np.random.Generator, calibrated: bool = False) -> Goal:
    """A metric that suits the target, drawn among those that do.

    Raises:
        Unsuitable: a target of one value, of too many classes, or of text that is no class.
    """
    truth = frame.truth
    counted = Counter(truth.text.tolist())  # an array of text would make every cell as wide as the longest
    values, counts = sorted(counted), np.array([counted[value] for value in sorted(counted)])
    if classes(frame.formulation) or frame.truth.values is None:
        return _class_goal(frame, values, counts, rng, calibrated)
    if frame.formulation.kind == "ordinal" and 3 <= len(values) <= MOST_CLASSES:
        assert truth.values is not None
        low, high = float(truth.values.min()), float(truth.values.max())
        if np.array_equal(truth.values, np.round(truth.values)) and high - low < 2 * MOST_CLASSES:
            allowed = tuple(range(int(low), int(high) + 1))
            column = SubmissionColumn(name=frame.target, dtype="integer", values=allowed)
            metric = Metric(name="quadratic_kappa", direction="maximize", optimum=1.0)
            return Goal(metric, (column,), low=low, high=high)
    return _number_goal(frame, rng)


def _class_goal(
    frame: Frame, values: list[str], counts: NDArray[np.int64], rng: np.random.Generator, calibrated: bool
) -> Goal:
    if not 2 <= len(values) <= MOST_CLASSES or counts.min() < 15:
        raise Unsuitable(f"{frame.formulation.key}: {len(values)} classes, the rarest with {counts.min()} rows")
    numeric = frame.truth.values is not None
    if len(values) == 2:
        positive = frame.formulation.positive
        if positive is None:
            positive = float(values[1]) if numeric else str(values[np.argmin(counts)])
        if isinstance(positive, bool | int):
            positive = float(positive)
        if not frame.truth.equals(positive).any():
            raise Unsuitable(f"{frame.formulation.key}: no row has the positive value {positive!r}")
        name = str(rng.choice(["log_loss", "brier"] if calibrated else ["roc_auc", "roc_auc", "balanced_accuracy"]))
        if name == "balanced_accuracy":
            column = SubmissionColumn(name=frame.target, dtype="integer", values=(0, 1))
            return Goal(Metric(name=name, direction="maximize", optimum=1.0), (column,), positive)
        column = SubmissionColumn(name=frame.target, low=0.0, high=1.0)
        if name == "roc_auc":
            return Goal(Metric(name=name, direction="maximize", optimum=1.0), (column,), positive)
        return Goal(Metric(name=name, direction="minimize", optimum=0.0), (column,), positive)
    if numeric and any(float(value) != int(float(value)) for value in values):
        raise Unsuitable(f"{frame.formulation.key}: fractions ({', '.join(values[:3])}) are no classes. Write words")
    named = tuple(int(float(v)) for v in values) if numeric else tuple(map(str, values))
    if any(set(str(name)) & set(',"\n') for name in named):
        raise Unsuitable(f"{frame.formulation.key}: a class has a comma in its name, which no header of a CSV should")
    if calibrated:
        columns = tuple(SubmissionColumn(name=f"p_{name}", low=0.0, high=1.0) for name in named)
        metric = Metric(name="log_loss", direction="minimize", optimum=0.0, classes=named)
        return Goal(metric, columns)
    name = str(rng.choice(["macro_f1", "balanced_accuracy", "accuracy"]))
    column = SubmissionColumn(name=frame.target, dtype="integer" if numeric else "string", values=named)
    return Goal(Metric(name=name, direction="maximize", optimum=1.0), (column,))


def _number_goal(frame: Frame, rng: np.random.Generator) -> Goal:
    values = frame.truth.values
    assert values is not None
    low, middle, high = np.quantile(values, [0.02, 0.5, 0.98])
    if len(np.unique(values)) < 8:
        raise Unsuitable(f"{frame.formulation.key}: a number of only {len(np.unique(values))} values")
    skewed = values.min() >= 0 and high - middle > 3 * max(middle - low, 1e-12)
    name = str(rng.choice(["rmsle", "mae", "spearman"] if skewed else ["rmse", "mae", "r2", "rmse"]))
    up = name in ("r2", "spearman")
    column = SubmissionColumn(name=frame.target)
    return Goal(Metric(name=name, direction="maximize" if up else "minimize", optimum=1.0 if up else 0.0), (column,))
