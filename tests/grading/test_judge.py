"""The judge scores each half by itself, in the task's own labels, and knows how far a score is known."""

from __future__ import annotations

import numpy as np
import pytest

from mlgym_synth.errors import GradingError, SubmissionInvalid
from mlgym_synth.task import SubmissionColumn
from tests.grading.predictions import judge_of, sealed_of, spec_of, written

RNG = np.random.default_rng(0)
ANIMALS = SubmissionColumn(name="kind", dtype="string", values=("dog", "cat", "cow"))


def test_each_half_is_scored_by_itself() -> None:
    judge = judge_of(spec_of("mae"), sealed_of([1.0, 2.0, 3.0, 4.0]))
    grade = judge.grade(written(judge, [1.5, 2.0, 3.5, 6.0]))
    assert (grade.validation, grade.test) == (0.5, 1.0)


def test_text_labels_are_compared_as_such() -> None:
    judge = judge_of(spec_of("accuracy", ANIMALS), sealed_of(["cat", "dog", "cow", "dog"]))
    grade = judge.grade(written(judge, ["cat", "dog", "cat", "cat"]))
    assert (grade.validation, grade.test) == (0.5, 0.5)


def test_macro_f1_counts_a_class_that_is_never_true() -> None:
    judge = judge_of(spec_of("macro_f1", ANIMALS), sealed_of(["cat", "cat", "cat", "cat"]))
    assert judge.grade(written(judge, ["cat", "cat", "dog", "cat"])).validation == pytest.approx((2 / 3 + 0) / 2)


def test_ordered_classes_have_the_order_of_their_values() -> None:
    ordered = SubmissionColumn(name="size", dtype="string", values=("small", "large", "huge"))
    truth = ["small", "small", "large", "large", "huge", "huge"]
    judge = judge_of(spec_of("quadratic_kappa", ordered), sealed_of(truth))
    near = judge.grade(written(judge, ["large", "large", "large", "large", "huge", "huge"])).test
    far = judge.grade(written(judge, ["huge", "huge", "large", "large", "huge", "huge"])).test
    assert 1 > near > far


def test_probability_columns_go_with_the_declared_classes() -> None:
    columns = (SubmissionColumn(name="p_b"), SubmissionColumn(name="p_a"))
    judge = judge_of(spec_of("log_loss", *columns, classes=("b", "a")), sealed_of(["a", "b", "b", "a"]))
    grade = judge.grade(written(judge, [0.1, 0.8, 0.6, 0.2], [0.9, 0.2, 0.4, 0.8]))
    assert grade.validation == pytest.approx(-(np.log(0.9) + np.log(0.6)) / 2)
    assert grade.test == pytest.approx(-np.log(0.8))
    with pytest.raises(SubmissionInvalid, match="add up to"):
        judge.grade(written(judge, [0.5] * 4, [0.9] * 4))


@pytest.mark.parametrize(
    ("metric", "value", "message"),
    [("log_loss", 1.2, "above 1"), ("brier", -0.1, "below 0"), ("rmsle", -0.1, "below 0")],
)
def test_metrics_bound_what_they_can_score(metric: str, value: float, message: str) -> None:
    judge = judge_of(spec_of(metric, SubmissionColumn(name="y", low=-9)), sealed_of([0.0, 1.0, 1.0, 0.0]))
    with pytest.raises(SubmissionInvalid, match=message):
        judge.grade(written(judge, [0.5, 0.5, value, 0.5]))


@pytest.mark.parametrize("metric", ["r2", "rmse", "mae", "mape", "spearman", "pinball", "roc_auc"])
def test_no_number_that_is_taken_can_break_the_grader(metric: str) -> None:
    """Else an agent could void its bad episodes with a huge number."""
    judge = judge_of(spec_of(metric), sealed_of([0.5, 1.0, 1.0, 0.5] if metric != "roc_auc" else [0, 1, 1, 0]))
    grade = judge.grade(written(judge, [1e100, -1e100, 1e100, -1e100]))
    assert np.isfinite([grade.validation, grade.test]).all()


def test_cells_are_scored_in_standard_deviations_of_their_column() -> None:
    center, scale = np.array([100.0, 100, 0, 0]), np.array([10.0, 10, 0.5, 0.5])
    judge = judge_of(spec_of("mae", cells=True), sealed_of([110.0, 90, 1, 1], center=center, scale=scale))
    grade = judge.grade(written(judge, [100.0, 90, 0, 0]))
    assert (grade.validation, grade.test) == ((1 + 2) / 2, (0 + 2) / 2)


def test_clusters_may_have_any_names() -> None:
    column = SubmissionColumn(name="cluster", dtype="string")
    judge = judge_of(spec_of("adjusted_rand", column), sealed_of(["a", "a", "b", "b", "b", "b", "a", "a"]))
    assert judge.grade(written(judge, list("xxyyyyxx"))).test == 1.0
    assert judge.grade(written(judge, list("xxxxxxxx"))).test == 0.0


def test_rankings_are_scored_by_query() -> None:
    truth, groups = [0.0, 0, 1, 1, 0, 0, 1, 1], np.array([0, 1, 0, 1, 2, 3, 2, 3])
    judge = judge_of(spec_of("ndcg"), sealed_of(truth, groups=groups))
    first_right = judge.grade(written(judge, [0, 0, 1, 1, 9, 9, 0, 0]))
    assert first_right.validation == first_right.test == pytest.approx((1 + 1 / np.log2(3)) / 2)


@pytest.mark.parametrize(
    ("metric", "columns", "truth", "message"),
    [
        ("accuracy", (ANIMALS,), ["cat", "bird"], "'bird' is none of the declared"),
        (
            "accuracy",
            (SubmissionColumn(name="kind", dtype="string"),),
            ["cat", "dog"],
            "needs submission.columns.0.values",
        ),
        ("roc_auc", (SubmissionColumn(name="p"),), ["no", "yes"], "name the positive class in data.positive"),
    ],
)
def test_sealed_labels_that_do_not_fit_the_task_are_the_graders_fault(
    metric: str, columns: tuple[SubmissionColumn, ...], truth: list[str], message: str
) -> None:
    with pytest.raises(GradingError, match=message):
        judge_of(spec_of(metric, *columns), sealed_of(truth))


def test_standard_error_is_that_of_the_half() -> None:
    truth = RNG.normal(size=800)
    judge = judge_of(spec_of("mae"), sealed_of(truth))
    found = judge.standard_error(written(judge, np.zeros(800)), "test", n=400)
    assert found == pytest.approx(np.abs(truth[1::2]).std() / 20, rel=0.15)
    assert judge.standard_error(written(judge, truth), "test") == 0


@pytest.mark.parametrize("metric", ["rmse", "r2", "spearman"])
def test_compare_says_which_is_better_whatever_the_direction(metric: str) -> None:
    truth = RNG.normal(size=400)
    judge = judge_of(spec_of(metric), sealed_of(truth))
    good, bad = (written(judge, truth + noise * RNG.normal(size=400)) for noise in (0.3, 1.0))
    low, high = judge.compare(good, bad, "test")
    assert 0 < low < high
    low, high = judge.compare(bad, good, "test")
    assert low < high < 0
    assert judge.compare(good, good, "validation") == (0, 0)
    assert judge.compare(good, bad, "test", n=50, seed=1) == judge.compare(good, bad, "test", n=50, seed=1)


def test_a_difference_within_chance_has_an_interval_around_zero() -> None:
    truth = RNG.normal(size=200)
    judge = judge_of(spec_of("rmse"), sealed_of(truth))
    a, b = (written(judge, truth + RNG.normal(size=200)) for _ in range(2))
    low, high = judge.compare(a, b, "test", level=0.99)
    assert low < 0 < high


def test_grouped_rows_are_drawn_by_group() -> None:
    groups = np.repeat(np.arange(20), 20)
    truth = RNG.normal(size=20)[groups]
    by_row, by_group = (judge_of(spec_of("mae"), sealed_of(truth, groups=g)) for g in (None, groups))
    zeros = written(by_row, np.zeros(400))
    assert by_row.grade(zeros) == by_group.grade(zeros)
    assert by_group.standard_error(zeros, "test") > 2 * by_row.standard_error(zeros, "test")
