"""What gates hold a task against: perfect answers reach the optimum, shuffled and constant ones do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlgym_synth.data.prepared import Public, Sealed, Table
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.grading.metrics import METRICS
from mlgym_synth.grading.probes import constant_submissions, perfect_submission, shuffled_submission
from mlgym_synth.task import SubmissionColumn, TaskSpec
from tests.grading.predictions import ids_of, public_of, sealed_of, spec_of

RNG = np.random.default_rng(0)
N = 200
BINARY = (RNG.random(N) < 0.3).astype(float)
SKEWED = np.round(RNG.lognormal(1, 1, N), 3) + 0.1
NAMES = np.array(["a, b", "c", "d"])[RNG.choice(3, N, p=[0.6, 0.3, 0.1])]
KIND = SubmissionColumn(name="kind", dtype="string", values=("a, b", "c", "d"))
P3 = tuple(SubmissionColumn(name=f"p{i}", low=0, high=1) for i in range(3))
Q3 = tuple(SubmissionColumn(name=f"q{i}") for i in range(3))
QUERIES = {"groups": np.repeat(np.arange(20), 10) // 2 * 2 + np.arange(N) % 2}

CASES: dict[str, tuple[TaskSpec, Sealed, list[Any]]] = {
    "accuracy": (spec_of("accuracy", KIND), sealed_of(NAMES), ["c"]),
    "balanced_accuracy": (spec_of("balanced_accuracy", KIND), sealed_of(NAMES), ["c"]),
    "macro_f1": (spec_of("macro_f1", KIND), sealed_of(NAMES), ["c"]),
    "quadratic_kappa": (
        spec_of("quadratic_kappa", SubmissionColumn(name="y", dtype="integer", values=(0, 1))), sealed_of(BINARY), [1]
    ),
    "adjusted_rand": (
        spec_of("adjusted_rand", SubmissionColumn(name="y", dtype="integer", low=0)), sealed_of(NAMES), []
    ),
    "roc_auc": (spec_of("roc_auc"), sealed_of(BINARY), [0, 1]),
    "log_loss": (spec_of("log_loss"), sealed_of(BINARY), [0, 0, 1]),
    "brier": (spec_of("brier", *P3, classes=("a, b", "c", "d")), sealed_of(NAMES), ['"a, b"', "c", "d", "c"]),
    "r2": (spec_of("r2"), sealed_of(SKEWED), [1, 2, 9]),
    "rmse": (spec_of("rmse"), sealed_of(SKEWED), [1, 2, 9]),
    "mae": (spec_of("mae"), sealed_of(SKEWED), [1, 2, 9]),
    "rmsle": (spec_of("rmsle"), sealed_of(SKEWED), [1, 2, 9]),
    "mape": (spec_of("mape"), sealed_of(SKEWED), [1, 2, 9]),
    "pinball": (spec_of("pinball", *Q3, quantiles=(0.1, 0.5, 0.9)), sealed_of(SKEWED), [1, 2, 9]),
    "spearman": (spec_of("spearman"), sealed_of(SKEWED), [1, 2, 9]),
    "ndcg": (spec_of("ndcg", k=5), sealed_of(BINARY, **QUERIES), [0, 1]),
}  # fmt: skip


def test_every_metric_has_its_case() -> None:
    assert set(CASES) == set(METRICS)


@pytest.mark.parametrize("name", CASES)
def test_perfect_answers_reach_the_optimum(name: str) -> None:
    spec, sealed, _ = CASES[name]
    grade = PredictionJudge(spec, sealed, ids_of(N)).grade(perfect_submission(spec, sealed, ids_of(N)))
    assert [grade.validation, grade.test] == pytest.approx([METRICS[name].optimum] * 2, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_shuffled_and_constant_answers_are_clearly_worse_than_perfect(name: str) -> None:
    spec, sealed, train = CASES[name]
    judge, perfect = PredictionJudge(spec, sealed, ids_of(N)), perfect_submission(spec, sealed, ids_of(N))
    others = {"shuffled": shuffled_submission(spec, sealed, ids_of(N), seed=1)}
    others |= constant_submissions(spec, public_of(train), sealed, ids_of(N))
    assert len(others) > 1
    for content in others.values():
        assert judge.compare(perfect, content, "test", n=100)[0] > 0


def best(name: str) -> tuple[PredictionJudge, dict[str, float]]:
    spec, sealed, train = CASES[name]
    judge = PredictionJudge(spec, sealed, ids_of(N))
    found = constant_submissions(spec, public_of(train), sealed, ids_of(N))
    return judge, {which: judge.grade(content).test for which, content in found.items()}


@pytest.mark.parametrize(
    ("metric", "which"),
    [("rmse", "evaluation:mean"), ("mae", "evaluation:median"), ("rmsle", "evaluation:geometric"),
     ("mape", "evaluation:relative"), ("r2", "evaluation:mean")],
)  # fmt: skip
def test_each_error_has_its_best_constant(metric: str, which: str) -> None:
    """No constant on a fine grid does better, over both halves."""
    spec, sealed, train = CASES[metric]
    assert sealed.truth is not None
    everything = Sealed(truth=np.repeat(sealed.truth, 2), is_test=np.arange(2 * N) % 2 == 1)  # both halves alike
    judge = PredictionJudge(spec, everything, np.arange(2 * N))
    content = constant_submissions(spec, public_of(train), everything, judge.ids)[which]
    sign = 1 if METRICS[metric].direction == "maximize" else -1
    found = sign * judge.grade(content).test
    for value in np.linspace(0, 20, 201):
        lines = ["id,y", *(f"{i},{value}" for i in range(2 * N))]
        assert sign * judge.grade("\n".join(lines).encode()).test <= found + 1e-3


def test_constants_come_from_train_and_from_the_sealed_labels() -> None:
    _, scores = best("brier")
    assert set(scores) == {"uniform", "evaluation:prior", "train:prior"}
    assert scores["evaluation:prior"] < min(scores["uniform"], scores["train:prior"])
    _, scores = best("accuracy")
    assert set(scores) == {'constant:"a, b"', "constant:c", "constant:d"}
    assert max(scores, key=scores.__getitem__) == 'constant:"a, b"'
    _, scores = best("log_loss")
    assert set(scores) == {"uniform", "evaluation:prior", "train:prior"}


def test_constants_of_cells_are_by_column() -> None:
    spec = spec_of("rmse", cells=True)
    table = Table(("row", "a", "b"), ("0,,5", "1,2,", "2,4,7", "3,9,"))
    test = Table(("row", "column"), ("0,a", "1,b", "3,b", "2,a"))
    sealed = sealed_of([3.0, 6.0, 8.0, 4.0], center=np.array([5.0, 6, 6, 5]), scale=np.ones(4))
    found = constant_submissions(spec, Public({"table": table, "test": test}), sealed, np.arange(4))
    assert found["train:mean"].split() == [b"id,y", b"0,5", b"1,6", b"2,6", b"3,5"]
    assert found["train:median"].split() == [b"id,y", b"0,4", b"1,6", b"2,6", b"3,4"]
    assert found["evaluation:mean"].split() == [b"id,y", b"0,3.5", b"1,7", b"2,7", b"3,3.5"]


def test_shuffling_stays_within_queries() -> None:
    spec, sealed, _ = CASES["ndcg"]
    lines = shuffled_submission(spec, sealed, np.arange(N), seed=0).decode().split()[1:]
    dealt = np.array([float(line.split(",")[1]) for line in lines])
    assert sealed.truth is not None
    assert sealed.groups is not None
    assert not np.array_equal(dealt, sealed.truth)
    assert np.array_equal(np.bincount(sealed.groups, weights=dealt), np.bincount(sealed.groups, weights=sealed.truth))
