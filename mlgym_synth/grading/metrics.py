"""The declarative metrics, in numpy only: `METRICS[name]` scores aligned arrays. The judge and the gates call this.

Every function takes `(truth, prediction, metric, groups)` and returns a finite float; `truth` has shape [n] and
`prediction` [n] or [n, k]. What has no defined score raises `GradingError`; no NaN ever comes out. Arrays are finite:
parsing has refused the rest. Labels are equal-comparable codes (integers); classes of probabilities are positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.errors import GradingError
from mlgym_synth.task import Direction, Metric

Values = NDArray[Any]
Score = Callable[[Values, Values, Metric, Values | None], float]
Kind = Literal["label", "probability", "value", "rank"]


@dataclass(frozen=True, slots=True)
class Scorer:
    """A metric: its function, which way is better, its best value, and what a prediction is."""

    function: Score
    direction: Direction
    optimum: float
    kind: Kind

    def __call__(self, truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
        """Score; a result that is not finite is the grader's fault.

        Raises:
            GradingError: nothing to score, or no defined score.
        """
        if len(truth) == 0 or len(truth) != len(prediction):
            raise GradingError(f"{metric.name}: {len(truth)} truths and {len(prediction)} predictions")
        score = float(self.function(truth, prediction, metric, groups))
        if not math.isfinite(score):
            raise GradingError(f"{metric.name} is {score}")
        return score


def accuracy(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Share of rows with the right label (scikit-learn `accuracy_score`)."""
    return float(np.mean(truth == prediction))


def balanced_accuracy(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Mean recall over the classes that occur in the truth (scikit-learn `balanced_accuracy_score`)."""
    classes, index = np.unique(truth, return_inverse=True)
    right = np.bincount(index, weights=truth == prediction, minlength=len(classes))
    return float(np.mean(right / np.bincount(index, minlength=len(classes))))


def macro_f1(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Mean F1 over the classes in truth or prediction, 0 where undefined (scikit-learn `f1_score`, macro)."""
    classes, index = np.unique(np.concatenate([truth, prediction]), return_inverse=True)
    true, said = index[: len(truth)], index[len(truth) :]
    hits = np.bincount(true[true == said], minlength=len(classes))
    counts = np.bincount(true, minlength=len(classes)) + np.bincount(said, minlength=len(classes))
    return float(np.mean(2 * hits / counts))


def quadratic_kappa(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Cohen's kappa with weights (i - j)^2 on the labels' own numbers (Cohen 1968).

    The same as scikit-learn's `cohen_kappa_score(weights="quadratic", labels=range(low, high + 1))`, in closed form:
    1 - E[(t - p)^2] / (var t + var p + (mean t - mean p)^2).
    """
    t, p = truth.astype(np.float64), prediction.astype(np.float64)
    chance = t.var() + p.var() + (t.mean() - p.mean()) ** 2
    if t.var() == 0:
        raise GradingError("quadratic_kappa: the truth is constant")
    return float(1 - np.mean((t - p) ** 2) / chance)


def adjusted_rand(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Rand index of two partitions, adjusted for chance (Hubert and Arabie 1985; `adjusted_rand_score`)."""
    true, said = (np.unique(x, return_inverse=True)[1] for x in (truth, prediction))
    cells = np.unique(true.astype(np.int64) * (int(said.max()) + 1) + said, return_counts=True)[1]
    together = _pairs(cells)
    in_truth, in_prediction = _pairs(np.bincount(true)), _pairs(np.bincount(said))
    all_pairs = len(truth) * (len(truth) - 1) / 2
    if in_truth == in_prediction == together:  # the same partition, the trivial ones included
        return 1.0
    expected = in_truth * in_prediction / all_pairs
    return (together - expected) / ((in_truth + in_prediction) / 2 - expected)


def roc_auc(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Chance that a positive row ranks above a negative one, ties half (Mann and Whitney; `roc_auc_score`).

    With one column for each of `metric.classes`, the mean over classes of one against the rest (`multi_class="ovr"`).

    Raises:
        GradingError: a class that has no row, or all rows.
    """
    if prediction.ndim == 1:
        return _auc(truth == 1, prediction)
    return float(np.mean([_auc(truth == c, prediction[:, c]) for c in range(prediction.shape[1])]))


def log_loss(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Mean negative log probability of the true class, probabilities clipped to [eps, 1 - eps] as in scikit-learn."""
    eps = np.finfo(np.float64).eps
    return float(-np.mean(np.log(np.clip(_of_truth(truth, prediction), eps, 1 - eps))))


def brier(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Mean squared error of probabilities (Brier 1950).

    One column: of the positive class, mean (p - y)^2. Several: summed over classes, so from 0 to 2
    (scikit-learn `brier_score_loss(scale_by_half=False)`).
    """
    if prediction.ndim == 1:
        return float(np.mean((prediction - truth) ** 2))
    return float(np.mean(np.sum(prediction**2, axis=1) - 2 * _of_truth(truth, prediction) + 1))


def r2(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """1 - squared error / squared deviation of the truth from its mean (scikit-learn `r2_score`)."""
    total = float(np.sum((truth - truth.mean()) ** 2))
    if total == 0:
        raise GradingError("r2: the truth is constant")
    return 1 - float(np.sum((truth - prediction) ** 2)) / total


def rmse(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Root of the mean squared error (scikit-learn `root_mean_squared_error`)."""
    return math.sqrt(float(np.mean((truth - prediction) ** 2)))


def mae(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Mean absolute error (scikit-learn `mean_absolute_error`)."""
    return float(np.mean(np.abs(truth - prediction)))


def rmsle(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Root of the mean squared difference of log(1 + x) (scikit-learn `root_mean_squared_log_error`)."""
    if truth.min() < 0 or prediction.min() < 0:
        raise GradingError("rmsle: a value below 0")
    return math.sqrt(float(np.mean((np.log1p(truth) - np.log1p(prediction)) ** 2)))


def mape(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Mean of |error| / |truth|, 0.1 for 10 % (scikit-learn `mean_absolute_percentage_error`); no truth may be 0."""
    if np.any(truth == 0):
        raise GradingError("mape: a truth of 0")
    return float(np.mean(np.abs((truth - prediction) / truth)))


def pinball(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Pinball loss, the mean over rows and `metric.quantiles` (Koenker and Bassett 1978; `mean_pinball_loss`)."""
    quantiles = np.asarray(metric.quantiles or (0.5,))
    said = prediction[:, None] if prediction.ndim == 1 else prediction
    if said.shape[1] != len(quantiles):
        raise GradingError(f"pinball: {said.shape[1]} columns for {len(quantiles)} quantiles")
    error = truth[:, None] - said
    return float(np.mean(np.maximum(quantiles * error, (quantiles - 1) * error)))


def spearman(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Pearson correlation of average ranks (scipy `spearmanr`); a constant prediction scores 0."""
    a, b = _ranks(truth), _ranks(prediction)
    a, b = a - a.mean(), b - b.mean()
    spread_a, spread_b = float(a @ a), float(b @ b)
    if spread_a == 0:
        raise GradingError("spearman: the truth is constant")
    return 0.0 if spread_b == 0 else float(a @ b) / math.sqrt(spread_a * spread_b)


def ndcg(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
    """Normalised discounted cumulative gain at `metric.k`, the mean over groups (Jarvelin and Kekalainen 2002).

    Linear gains and discount log2(rank + 1), tied predictions share their places (scikit-learn `ndcg_score`): a
    constant submission gets the mean of all orders. Groups whose rows are all equally relevant say nothing and are
    left out.

    Raises:
        GradingError: no group is left, or a truth is negative.
    """
    if truth.min() < 0:
        raise GradingError("ndcg: a relevance below 0")
    group = np.zeros(len(truth), dtype=np.int64) if groups is None else groups
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    place = np.arange(len(truth)) - np.repeat(starts, sizes)  # within its group, once sorted by group
    discount = np.where(place < (metric.k or len(truth)), 1 / np.log2(place + 2), 0.0)
    ideal = np.lexsort((-truth, group))
    best = np.bincount(group[ideal], weights=truth[ideal] * discount)
    order = np.lexsort((-prediction, group))
    in_order, said = group[order], prediction[order]
    new = np.r_[True, (in_order[1:] != in_order[:-1]) | (said[1:] != said[:-1])]
    tie = np.cumsum(new) - 1
    shared = (np.bincount(tie, weights=discount) / np.bincount(tie))[tie]
    got = np.bincount(in_order, weights=truth[order] * shared)
    low, high = np.full(len(sizes), np.inf), np.full(len(sizes), -np.inf)
    np.minimum.at(low, group, truth)
    np.maximum.at(high, group, truth)
    telling = high > low
    if not telling.any():
        raise GradingError("ndcg: no group has rows of different relevance")
    return float(np.mean(got[telling] / best[telling]))


METRICS: dict[str, Scorer] = {
    "accuracy": Scorer(accuracy, "maximize", 1.0, "label"),
    "balanced_accuracy": Scorer(balanced_accuracy, "maximize", 1.0, "label"),
    "macro_f1": Scorer(macro_f1, "maximize", 1.0, "label"),
    "quadratic_kappa": Scorer(quadratic_kappa, "maximize", 1.0, "label"),
    "adjusted_rand": Scorer(adjusted_rand, "maximize", 1.0, "label"),
    "roc_auc": Scorer(roc_auc, "maximize", 1.0, "rank"),
    "log_loss": Scorer(log_loss, "minimize", 0.0, "probability"),
    "brier": Scorer(brier, "minimize", 0.0, "probability"),
    "r2": Scorer(r2, "maximize", 1.0, "value"),
    "rmse": Scorer(rmse, "minimize", 0.0, "value"),
    "mae": Scorer(mae, "minimize", 0.0, "value"),
    "rmsle": Scorer(rmsle, "minimize", 0.0, "value"),
    "mape": Scorer(mape, "minimize", 0.0, "value"),
    "pinball": Scorer(pinball, "minimize", 0.0, "value"),
    "spearman": Scorer(spearman, "maximize", 1.0, "rank"),
    "ndcg": Scorer(ndcg, "maximize", 1.0, "rank"),
}
"""Every name of `task.PREDICTION_METRICS`, with its default direction and optimum."""


def _pairs(counts: Values) -> float:
    exact = counts.astype(np.float64)
    return float(np.sum(exact * (exact - 1)) / 2)


def _ranks(values: Values) -> NDArray[np.float64]:
    """Ranks from 1, ties get their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = (ends - (counts - 1) / 2)[inverse]
    return ranks


def _auc(positive: NDArray[np.bool_], score: Values) -> float:
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        raise GradingError("roc_auc: the truth has one class only")
    above = float(_ranks(score)[positive].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * n_negative)


def _of_truth(truth: Values, prediction: Values) -> Values:
    """The probability that was given to what was true, shape [n]."""
    if prediction.ndim == 1:
        return np.where(truth == 1, prediction, 1 - prediction)
    return prediction[np.arange(len(truth)), truth.astype(np.intp)]
