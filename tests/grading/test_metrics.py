"""Every metric agrees with scikit-learn or scipy on random and on awkward inputs, and never returns NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk

from mlgym_synth.errors import GradingError
from mlgym_synth.grading.metrics import METRICS
from mlgym_synth.task import PREDICTION_METRICS, Metric

Array = NDArray[Any]
SEEDS = range(12)


def score(name: str, truth: object, prediction: object, groups: object = None, **more: Any) -> float:
    metric = Metric(name=name, direction=METRICS[name].direction, **more)
    return METRICS[name](
        np.asarray(truth), np.asarray(prediction), metric, None if groups is None else np.asarray(groups)
    )


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_metric_of_the_format_is_there() -> None:
    assert set(METRICS) == set(PREDICTION_METRICS)


LABELS: dict[str, Callable[[Array, Array], float]] = {
    "accuracy": sk.accuracy_score,
    "macro_f1": lambda t, p: sk.f1_score(t, p, average="macro", zero_division=0),
    "adjusted_rand": sk.adjusted_rand_score,
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("seed", SEEDS)
def test_label_metrics(name: str, seed: int) -> None:
    rng = rng_of(seed)
    n, k = int(rng.integers(1, 80)), int(rng.integers(1, 7))
    truth, prediction = rng.integers(0, k, n), rng.integers(0, k + 1, n)  # a class that is never true, too
    assert score(name, truth, prediction) == pytest.approx(LABELS[name](truth, prediction), abs=1e-12)
    assert score(name, truth, truth) == METRICS[name].optimum


@pytest.mark.parametrize("seed", SEEDS)
def test_balanced_accuracy(seed: int) -> None:
    rng = rng_of(seed)
    truth, prediction = np.r_[0:4, rng.choice(4, 60, p=[0.7, 0.2, 0.05, 0.05])], rng.integers(0, 4, 64)
    assert score("balanced_accuracy", truth, prediction) == pytest.approx(sk.balanced_accuracy_score(truth, prediction))


def test_balanced_accuracy_ignores_classes_that_are_never_true() -> None:
    assert score("balanced_accuracy", [1, 1, 2], [1, 9, 2]) == pytest.approx(0.75)


@pytest.mark.parametrize("partition", [([0] * 9, [0] * 9), ([0] * 9, list(range(9))), (list(range(9)), list(range(9)))])
def test_adjusted_rand_of_trivial_partitions(partition: tuple[list[int], list[int]]) -> None:
    assert score("adjusted_rand", *partition) == pytest.approx(sk.adjusted_rand_score(*partition))


@pytest.mark.parametrize("seed", SEEDS)
def test_quadratic_kappa(seed: int) -> None:
    rng = rng_of(seed)
    truth, prediction = rng.integers(0, 6, 50), rng.integers(-1, 8, 50)
    expected = sk.cohen_kappa_score(truth, prediction, weights="quadratic", labels=list(range(-1, 8)))
    assert score("quadratic_kappa", truth, prediction) == pytest.approx(expected)
    assert score("quadratic_kappa", truth, np.full(50, 3)) == pytest.approx(0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("decimals", [1, 8])
def test_roc_auc_with_and_without_ties(seed: int, decimals: int) -> None:
    rng = rng_of(seed)
    truth = np.r_[0, 1, rng.integers(0, 2, 70)]
    prediction = np.round(rng.normal(size=72) + truth, decimals)
    assert score("roc_auc", truth, prediction) == pytest.approx(sk.roc_auc_score(truth, prediction))
    assert score("roc_auc", truth, np.zeros(72)) == 0.5
    assert score("roc_auc", truth, truth) == 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_class_probabilities(seed: int) -> None:
    rng = rng_of(seed)
    truth = np.r_[0, 1, 2, rng.integers(0, 3, 60)]
    prediction = rng.dirichlet([0.3] * 3, size=63)
    prediction[5] = [0, 0, 1]
    classes = {"classes": ("a", "b", "c")}
    assert score("log_loss", truth, prediction, **classes) == pytest.approx(sk.log_loss(truth, prediction))
    expected = sk.roc_auc_score(truth, prediction, multi_class="ovr")
    assert score("roc_auc", truth, prediction, **classes) == pytest.approx(expected)
    onehot = np.eye(3)[truth]
    expected = float(np.mean(np.sum((prediction - onehot) ** 2, axis=1)))
    assert score("brier", truth, prediction, **classes) == pytest.approx(expected)
    assert score("brier", truth, onehot, **classes) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_one_probability(seed: int) -> None:
    rng = rng_of(seed)
    truth, prediction = rng.integers(0, 2, 60), rng.random(60)
    prediction[:2] = [0, 1]
    assert score("log_loss", truth, prediction) == pytest.approx(sk.log_loss(truth, prediction, labels=[0, 1]))
    assert score("brier", truth, prediction) == pytest.approx(sk.brier_score_loss(truth, prediction))


def test_log_loss_of_certainty_in_a_wrong_class_is_large_and_finite() -> None:
    assert score("log_loss", [1, 0], [0.0, 1.0]) == pytest.approx(36.04, abs=0.01)


VALUES: dict[str, Callable[[Array, Array], float]] = {
    "r2": sk.r2_score,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "rmsle": sk.root_mean_squared_log_error,
    "mape": sk.mean_absolute_percentage_error,
    "pinball": sk.mean_pinball_loss,
    "spearman": lambda t, p: float(stats.spearmanr(t, p).statistic),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("seed", SEEDS)
def test_value_metrics(name: str, seed: int) -> None:
    rng = rng_of(seed)
    truth = np.round(rng.gamma(2, 10 ** rng.integers(0, 6), size=int(rng.integers(2, 90))), seed % 3) + 1
    prediction = np.round(np.abs(truth + rng.normal(size=len(truth)) * truth.std()), seed % 3)
    assert score(name, truth, prediction) == pytest.approx(VALUES[name](truth, prediction), rel=1e-9, abs=1e-12)
    assert score(name, truth, truth) == pytest.approx(METRICS[name].optimum)


@pytest.mark.parametrize("seed", SEEDS)
def test_pinball_over_several_quantiles(seed: int) -> None:
    rng = rng_of(seed)
    truth, prediction, levels = rng.normal(size=40), rng.normal(size=(40, 3)), (0.1, 0.5, 0.9)
    each = [sk.mean_pinball_loss(truth, prediction[:, i], alpha=q) for i, q in enumerate(levels)]
    assert score("pinball", truth, prediction, quantiles=levels) == pytest.approx(np.mean(each))


def test_pinball_needs_a_column_for_each_quantile() -> None:
    with pytest.raises(GradingError, match="2 columns for 3 quantiles"):
        score("pinball", [1.0], [[1.0, 2.0]], quantiles=(0.1, 0.5, 0.9))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("k", [None, 1, 5])
def test_ndcg_is_the_mean_over_groups(seed: int, k: int | None) -> None:
    rng = rng_of(seed)
    groups = rng.integers(0, 9, 120) * 2  # not all numbers are there
    truth = rng.integers(0, 5, 120).astype(float)
    prediction = np.round(rng.normal(size=120) + truth, 0 if seed % 2 else 6)  # with ties
    truth[groups == 4] = 3.0  # says nothing, is left out
    each = [sk.ndcg_score([truth[groups == g]], [prediction[groups == g]], k=k) for g in np.unique(groups) if g != 4]
    assert score("ndcg", truth, prediction, groups, k=k) == pytest.approx(np.mean(each))
    assert score("ndcg", truth, truth, groups, k=k) == pytest.approx(1)


def test_ndcg_without_groups_is_one_list() -> None:
    truth, prediction = np.array([3.0, 2, 0, 1]), np.array([0.1, 0.9, 0.3, 0.2])
    assert score("ndcg", truth, prediction) == pytest.approx(sk.ndcg_score([truth], [prediction]))


def test_ndcg_of_a_constant_does_not_depend_on_the_order_of_rows() -> None:
    truth, groups = np.array([3.0, 0, 1, 0, 0, 2]), np.array([0, 0, 0, 1, 1, 1])
    assert score("ndcg", truth, np.ones(6), groups) == pytest.approx(score("ndcg", truth[::-1], np.ones(6), groups))


def test_spearman_of_a_constant_prediction_is_zero() -> None:
    assert score("spearman", [1.0, 2, 3], [5.0, 5, 5]) == 0.0


UNDEFINED: list[tuple[str, list[float], list[float]]] = [
    ("r2", [2.0, 2.0], [1.0, 2.0]),
    ("roc_auc", [1, 1], [0.1, 0.2]),
    ("roc_auc", [0, 0], [0.1, 0.2]),
    ("mape", [0.0, 1.0], [1.0, 1.0]),
    ("rmsle", [-1.0, 1.0], [1.0, 1.0]),
    ("rmsle", [1.0, 1.0], [-0.5, 1.0]),
    ("spearman", [2.0, 2.0], [1.0, 2.0]),
    ("quadratic_kappa", [2, 2], [1, 2]),
    ("ndcg", [1.0, 1.0], [1.0, 2.0]),
    ("ndcg", [-1.0, 1.0], [1.0, 2.0]),
]


@pytest.mark.parametrize(("name", "truth", "prediction"), UNDEFINED)
def test_undefined_scores_are_errors(name: str, truth: list[float], prediction: list[float]) -> None:
    with pytest.raises(GradingError, match=name):
        score(name, truth, prediction)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_to_score_is_an_error(name: str) -> None:
    with pytest.raises(GradingError, match="0 truths"):
        score(name, [], [])
    with pytest.raises(GradingError, match="2 truths and 3 predictions"):
        score(name, [0, 1], [0, 1, 1])


def test_a_score_that_overflows_is_an_error() -> None:
    with np.errstate(over="ignore"), pytest.raises(GradingError, match="rmse is inf"):
        score("rmse", [0.0, 1.0], [1e300, 1.0])
