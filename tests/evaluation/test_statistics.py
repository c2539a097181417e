"""Statistics of runs: by hand where that is possible, and their intervals hold what they say on simulated runs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from mlgym_synth.evaluation.comparisons import compare, compare_aup
from mlgym_synth.evaluation.profiles import profiles
from mlgym_synth.evaluation.scores import Scores
from mlgym_synth.evaluation.statistics import (
    Failures,
    aup_intervals,
    best_at_k,
    best_at_k_curves,
    failures,
    mean_worth,
)
from tests.evaluation.sets import PAPERS_FIVE, Facts, made, only, published

TASKS: dict[str, Facts] = {"up": ("maximize", 0.5, 0.7), "down": ("minimize", 4.0, 2.0), "open": ("maximize", 1.0)}


def test_failures_are_counted_by_agent_and_task() -> None:
    found = failures(made(TASKS, a={"up": [[0.1], [], []], "down": [[1.0]]}, b={}))
    assert found["a"] == {"up": Failures(3, 2), "down": Failures(1, 0), "open": Failures(0, 0)}
    assert [f.share for f in found["a"].values()] == [pytest.approx(2 / 3), 0.0, None]
    assert found["b"]["up"] == Failures(0, 0)


def test_mean_progress_is_over_runs_then_tasks_clipped_and_a_failure_is_minus_one() -> None:
    # up: 0.6 is half the way, 9 is clipped to 2, the failure is -1; down: 3 is half the way. `open` has no reference.
    scores = made(TASKS, a={"up": [[0.9, 0.6], [9.0], []], "down": [[3.0]], "open": [[5.0]]}, b={"up": [[0.7]]})
    found = mean_worth(scores, "progress")
    assert found["a"].value == pytest.approx(((0.5 + 2 - 1) / 3 + 0.5) / 2)
    assert found["b"].value == pytest.approx((1.0 - 1.0) / 2)  # no run on `down` is one that failed
    assert mean_worth(scores, "progress", "best")["a"].value == pytest.approx(((2 + 2 - 1) / 3 + 0.5) / 2)


def test_share_of_runs_above_the_baseline_needs_no_reference_and_a_tie_is_not_above() -> None:
    scores = made(TASKS, a={"up": [[0.5], [0.6]], "down": [[4.0], [3.9], [], [5.0]], "open": [[2.0]]})
    assert mean_worth(scores, "beats_baseline")["a"].value == pytest.approx((1 / 2 + 1 / 4 + 1) / 3)


def test_what_a_sum_in_another_order_gives_is_a_tie_with_the_baseline() -> None:
    a_hair = 0.5 + 2**-50
    scores = made(TASKS, a={"up": [[a_hair]], "down": [[4.0 - 2**-48]], "open": [[1.001]]})
    assert mean_worth(scores, "beats_baseline")["a"].value == pytest.approx(1 / 3)


def test_without_references_there_is_no_progress() -> None:
    scores = published()
    assert mean_worth(scores, "progress") == {}
    assert best_at_k_curves(scores, "progress") == {}
    assert compare(scores, "gpt-o1", "gpt4o2").difference is None


def test_one_run_a_task_gives_no_interval_of_runs() -> None:
    scores = made(TASKS, a={"up": [[0.6]], "down": [[3.0]], "open": [[2.0]]})
    assert mean_worth(scores, "progress")["a"].interval is None
    assert aup_intervals(scores) is None
    assert compare(made({"t": ("maximize", 1)}, a={"t": [[2]]}), "a", "baseline").improvement.interval is None


def test_an_agent_with_one_run_on_some_task_has_no_interval_whatever_others_have() -> None:
    """A single run drawn again is the same: of a hundred such tasks the interval would be a point."""
    scores = made(
        TASKS,
        once={"up": [[0.6], [0.8]], "down": [[3.0]], "open": [[2.0], [1.0]]},
        twice={"up": [[0.6], [0.8]], "down": [[3.0], [2.0]], "open": [[2.0], [2.0], [3.0]]},
        not_everywhere={"up": [[0.6], [0.8]], "open": [[2.0], [2.5]]},
    )
    found = mean_worth(scores, "progress")
    assert found["once"].value == pytest.approx((1.0 + 0.5) / 2)
    assert found["once"].interval is None
    assert found["twice"].interval is not None
    assert found["not_everywhere"].interval is not None  # a task without a run counts as failed, which is known
    known = aup_intervals(scores)
    assert known is not None
    for of_agents in (known.aup, known.normalized):
        assert of_agents["once"] == {"best": None, "last": None}
        assert None not in (*of_agents["twice"].values(), *of_agents["not_everywhere"].values())
        assert None not in of_agents["baseline"].values()  # it has no runs that others of its kind could differ from


def simulated(
    rng: np.random.Generator,
    runs: int,
    shift: Sequence[float] | NDArray[np.float64],
    baseline: float = 0.0,
    **skill: float,
) -> Scores:
    """Runs are normal around the agent's skill and the task's shift; the reference is 1 everywhere."""
    facts = {"metric": "m", "direction": "maximize", "baseline": baseline, "reference": 1.0}
    return Scores.model_validate(
        {
            "tasks": {f"t{n}": facts for n in range(len(shift))},
            "runs": {
                name: {f"t{n}": [[value] for value in rng.normal(mean + by, 0.1, runs)] for n, by in enumerate(shift)}
                for name, mean in skill.items()
            },
        }
    )


@pytest.mark.parametrize(("runs", "tasks"), [(10, 6), (2, 20)])
def test_intervals_of_mean_progress_cover_the_truth_as_often_as_they_say(runs: int, tasks: int) -> None:
    """Tasks are fixed for these: the truth is the mean over the tasks there are."""
    rng = np.random.default_rng(5)
    shift = rng.normal(0, 0.2, tasks)
    held = []
    for _ in range(150):
        known = mean_worth(simulated(rng, runs, shift, a=0.5), "progress", times=150)["a"].interval
        assert known is not None
        held.append(known[0] <= 0.5 + shift.mean() <= known[1])
    assert 0.89 <= np.mean(held) <= 0.98


def test_no_interval_is_wider_than_what_can_be() -> None:
    tasks: dict[str, Facts] = {f"t{n}": ("maximize", 0.0, 1.0) for n in range(3)}
    scores = made(tasks, a={task: [[9.0], [1.9]] for task in tasks}, b={task: [[], [0.1]] for task in tasks})
    for measure in ("progress", "valid"):
        ends = [end for estimate in mean_worth(scores, measure).values() for end in estimate.interval or ()]
        assert min(ends) >= -1
        assert max(ends) <= (2 if measure == "progress" else 1)


def test_intervals_of_a_comparison_cover_the_truth_as_often_as_they_say() -> None:
    """Tasks are drawn for these: what makes the agents differ is another amount on every task, 0.1 on average."""
    rng = np.random.default_rng(6)
    held = []
    for _ in range(150):
        gains = rng.normal(0.1, 0.1, 25)
        one, other = simulated(rng, 3, 0.3 + gains, a=0.0), simulated(rng, 3, np.full(25, 0.3), b=0.0)
        known = compare(Scores(tasks=one.tasks, runs={**one.runs, **other.runs}), "a", "b", times=150).difference
        assert known is not None
        assert known.interval is not None
        held.append(known.interval[0] <= 0.1 <= known.interval[1])
    assert 0.89 <= np.mean(held) <= 0.98


def test_intervals_narrow_with_more_runs_and_repeat_with_the_seed() -> None:
    few, many = (simulated(np.random.default_rng(1), runs, np.zeros(6), a=0.5) for runs in (4, 64))
    widths = []
    for scores in (few, many):
        known = mean_worth(scores, "progress", seed=3)["a"]
        assert known == mean_worth(scores, "progress", seed=3)["a"]
        assert known != mean_worth(scores, "progress", seed=4)["a"]
        assert known.interval is not None
        widths.append(known.interval[1] - known.interval[0])
    assert widths[1] < widths[0] / 2


def test_intervals_of_aup_lie_around_the_figures() -> None:
    many = simulated(np.random.default_rng(7), 4, np.zeros(150), baseline=0.5, a=0.5, b=0.6)
    for scores in (only(published(), PAPERS_FIVE), many):
        found, known = profiles(scores), aup_intervals(scores, times=150)
        assert known is not None
        assert known == aup_intervals(scores, times=150)
        assert known.x_max[0] <= found.x_max <= known.x_max[1]
        for agent in scores.agents:
            for which, area in found.aup[agent].items():
                low, high = known.aup[agent][which] or (area, area)
                assert low < area < high
                low, high = known.normalized[agent][which] or (0.0, 0.0)
                assert 0 < low < found.normalized[agent][which] < high <= 1


def test_runs_that_are_all_alike_leave_no_doubt() -> None:
    scores = made(TASKS, a={"up": [[0.6]] * 3, "down": [[3.0]] * 3, "open": [[2.0]] * 3})
    found, known = profiles(scores), aup_intervals(scores, times=50)
    assert known is not None
    for which, area in found.aup["a"].items():
        assert known.aup["a"][which] == pytest.approx((area, area), abs=0.0006)
    assert mean_worth(scores, "progress")["a"].interval == pytest.approx((0.5, 0.5))


def test_strict_intervals_are_of_strict_areas() -> None:
    scores = only(published(), ("gpt-o1", "gpt-o3-mini"))
    known = aup_intervals(scores, "strict", times=100)
    assert known is not None
    between = known.normalized["gpt-o3-mini"]["best"]
    assert between is not None
    assert between[1] < 0.5


def test_probability_of_improvement_counts_pairs_ties_half_and_failures_last() -> None:
    scores = made(
        {"up": ("maximize", 0.0), "down": ("minimize", 9.0), "alone": ("maximize", 0.0)},
        a={"up": [[2.0], [1.0], []], "down": [[1.0]], "alone": [[1.0]]},
        b={"up": [[1.0], []], "down": [[2.0], [0.5]]},
    )
    found = compare(scores, "a", "b")
    assert found.tasks == ["up", "down"]
    # up: 2 beats both, 1 ties one and beats the failure, the failure loses one and ties one: 4 of 6. down: 1 of 2.
    assert found.improvement.value == pytest.approx((4 / 6 + 1 / 2) / 2)
    assert compare(scores, "b", "a").improvement.value == pytest.approx(1 - found.improvement.value)


def test_an_agent_is_compared_with_the_baseline_too() -> None:
    scores = made(TASKS, a={"up": [[0.6], [0.4]], "down": [[3.0]], "open": [[1.0]]})
    found = compare(scores, "a", "baseline")
    assert found.improvement.value == pytest.approx((0.5 + 1 + 0.5) / 3)
    assert found.difference is not None
    assert found.difference.value == pytest.approx((0.0 + 0.5) / 2)  # of progress; `open` has no reference
    share = compare(scores, "a", "baseline", "beats_baseline").difference
    assert share is not None
    assert share.value == pytest.approx((0.5 + 1 + 0) / 3)


def test_a_share_of_valid_runs_is_compared_too() -> None:
    scores = made(TASKS, a={"up": [[0.1], []], "down": [[9.0]], "open": [[0.0]]}, b={task: [[]] for task in TASKS})
    found = compare(scores, "a", "b", "valid").difference
    assert found is not None
    assert found.value == pytest.approx((0.5 + 1 + 1) / 3)
    assert mean_worth(scores, "valid")["b"].value == 0.0


def on(datasets: Mapping[str, str], scores: Scores) -> Scores:
    """The same scores of tasks on these data sets."""
    tasks = {name: task.model_copy(update={"dataset": datasets[name]}) for name, task in scores.tasks.items()}
    return scores.model_copy(update={"tasks": tasks})


def test_tasks_of_one_data_set_are_drawn_together() -> None:
    # a gains all on three tasks of one data set and nothing on one of another: means of a draw are 0, 3/4 or 1.
    scores = made(
        {f"t{n}": ("maximize", 0.0, 1.0) for n in range(4)},
        a={f"t{n}": [[float(n < 3)]] for n in range(4)},
        b={f"t{n}": [[0.0]] for n in range(4)},
    )
    two = {"t0": "x", "t1": "x", "t2": "x", "t3": "y"}
    for datasets, known in ((two, (0.0, 1.0)), (dict.fromkeys(two, "x"), None)):
        found = compare(on(datasets, scores), "a", "b")
        assert found.difference is not None
        assert found.difference.value == 0.75
        assert found.difference.interval == known
        assert (found.improvement.interval is None) is (known is None)
    alone = compare(scores, "a", "b").difference
    assert alone is not None
    assert alone.interval is not None
    assert 0.0 < alone.interval[0] < 0.75  # four tasks without evidence for a are rare, one data set in two is not


def test_what_few_tasks_agree_on_is_not_certain() -> None:
    """If half of all tasks said otherwise, four would agree in one case of 16; if 53% did, in one of 20."""
    tasks: dict[str, Facts] = {f"t{n}": ("maximize", 0.0, 1.0) for n in range(4)}
    won = made(tasks, a={task: [[0.5]] for task in tasks}, b={task: [[0.0]] for task in tasks})
    found = compare(won, "a", "b", "valid")
    unseen = 1 - 0.05**0.25
    assert found.improvement.interval == pytest.approx((1 - unseen, 1.0))
    assert found.difference is not None
    assert found.difference.interval == pytest.approx((-unseen, unseen))  # both have a score on all four
    gained = compare(won, "a", "b").difference
    assert gained is not None
    assert gained.interval == pytest.approx((0.5 - 3.5 * unseen, 0.5 + 2.5 * unseen))
    always = compare(won, "a", "baseline", "valid").difference  # which is valid always: no share is above it
    assert always is not None
    assert always.interval == pytest.approx((-unseen, 0.0))
    pairs = on({"t0": "x", "t1": "x", "t2": "y", "t3": "y"}, won)
    assert compare(pairs, "a", "b").improvement.interval == pytest.approx((0.05**0.5, 1.0))


def test_a_gain_in_aup_is_of_the_same_draws_for_both() -> None:
    # far: b is 10 times from the best, x_max is 1.1, and b's curve is 0 up to 1. near: both are as good.
    scores = made(
        {"far": ("maximize", 1.0), "near": ("maximize", 1.0)},
        a={"far": [[10.0]], "near": [[1.0]]},
        b={"far": [[1.0]], "near": [[1.0]]},
    )
    found = compare_aup(scores, "a", "b")["last"]
    assert found.relative is not None
    assert (found.difference.value, found.relative.value) == pytest.approx((1.1 - 0.6, 1.1 / 0.6 - 1))
    # Both draws may be `near`, and a gains nothing, or `far`, and b has the 45 of 499 steps that lie above 1.
    assert found.difference.interval == pytest.approx((0.0, 1.1 * (1 - 45 / 499)))
    assert found.relative.interval is not None
    low, high = found.relative.interval
    assert low < found.relative.value < high
    assert (1 + high) / (1 + low) == pytest.approx(499 / 45)  # shifted, so that the figure is the draws' mean
    assert compare_aup(on({"far": "x", "near": "x"}, scores), "a", "b")["last"].difference.interval is None


def test_a_clear_difference_is_found_and_equal_agents_are_not_told_apart() -> None:
    scores = simulated(np.random.default_rng(2), 4, np.zeros(20), a=0.7, b=0.5, c=0.5)
    clear, equal = compare(scores, "a", "b"), compare(scores, "b", "c")
    for found, apart in ((clear, True), (equal, False)):
        assert found.improvement.interval is not None
        assert found.difference is not None
        assert found.difference.interval is not None
        assert (found.improvement.interval[0] > 0.5) is apart
        assert (found.difference.interval[0] > 0.0) is apart


def test_agents_that_share_no_task_are_not_compared() -> None:
    scores = made(TASKS, a={"up": [[1.0]]}, b={"down": [[1.0]]})
    with pytest.raises(ValueError, match="no task on which both a and b have runs"):
        compare(scores, "a", "b")
    with pytest.raises(ValueError, match="no agent 'c'"):
        compare(scores, "a", "c")


def test_best_at_k_is_the_mean_over_all_subsets() -> None:
    values = np.random.default_rng(0).normal(size=7)
    values[3] = values[5]  # a tie
    curve = best_at_k(values)
    for k in range(1, 8):
        subsets = [max(chosen) for chosen in itertools.combinations(values, k)]
        assert curve[k - 1] == pytest.approx(np.mean(subsets))


def test_best_at_k_of_zeros_and_ones_is_pass_at_k() -> None:
    # pass@k = 1 - C(n - c, k) / C(n, k): with 2 of 5 right, pass@1 = 0.4, pass@2 = 1 - 3/10, pass@4 = 1.
    np.testing.assert_allclose(best_at_k([0, 1, 0, 0, 1]), [0.4, 0.7, 0.9, 1.0, 1.0])
    np.testing.assert_allclose(best_at_k(np.r_[np.zeros(999), 1.0])[[0, 499, 999]], [0.001, 0.5, 1.0])


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_best_at_k_refuses_what_has_no_best(values: list[float]) -> None:
    with pytest.raises(ValueError, match="needs at least one value, and finite ones only"):
        best_at_k(values)


def test_best_at_k_curves_are_means_over_tasks_up_to_the_fewest_runs() -> None:
    scores = made(TASKS, a={"up": [[0.6], [0.4], []], "down": [[3.0], [5.0]], "open": [[2.0], [2.0]]}, b={"up": [[1]]})
    above = best_at_k_curves(scores, "beats_baseline")
    np.testing.assert_allclose(above["a"], [(1 / 3 + 1 / 2 + 1) / 3, (2 / 3 + 1 + 1) / 3])
    np.testing.assert_allclose(above["b"], [1 / 3])
    progress = best_at_k_curves(scores, "progress")
    np.testing.assert_allclose(progress["a"][0], mean_worth(scores, "progress")["a"].value)
