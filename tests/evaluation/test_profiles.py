"""AUP is MLGym's, to the third decimal; and it is defined where MLGym's own code is not."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgym_synth.evaluation.profiles import WHICH, profiles
from mlgym_synth.evaluation.scores import Scores
from tests.evaluation.sets import PAPERS_FIVE, Facts, made, only, published, published_aup

thorough = settings(derandomize=True, deadline=None, database=None, max_examples=60)


def best_of(scores: Scores, agents: Sequence[str], which: str) -> dict[str, dict[str, float]]:
    """Steps 1 and 2 of the recipe, in plain Python: task -> agent -> score."""
    table: dict[str, dict[str, float]] = {}
    for name, task in scores.tasks.items():
        best = max if task.direction == "maximize" else min
        row = table[name] = {"baseline": task.baseline}
        for agent in agents:
            runs = [run for run in scores.runs[agent].get(name, []) if run]
            row[agent] = best([best(run) if which == "best" else run[-1] for run in runs], default=math.nan)
    return table


def recipe(scores: Scores) -> tuple[dict[str, dict[str, float]], float]:
    """AUP by the letter of the recipe, one number at a time."""
    agents = [*scores.runs, "baseline"]
    ratios: dict[tuple[str, str, str], float] = {}
    taus = []
    for which in WHICH:
        for name, row in best_of(scores, list(scores.runs), which).items():
            up = scores.tasks[name].direction == "maximize"
            line = scores.tasks[name].baseline
            fine = {a: s for a, s in row.items() if not (math.isnan(s) or s < 0 or (s < line if up else s > line))}
            high, low = max(fine.values()), min(fine.values())
            taus.append(math.ceil(1.05 * high / low))
            for agent, score in row.items():
                ratios[which, name, agent] = (
                    (high / score if up else score / low) if agent in fine else 1.05 * high / low
                )
    x_max = math.ceil(10 * math.log10(max(taus))) / 10
    x = [x_max * i / 499 for i in range(500)]
    aup: dict[str, dict[str, float]] = {agent: {} for agent in agents}
    for agent in agents:
        for which in WHICH:
            logs = [math.log10(ratios[which, name, agent]) for name in scores.tasks]
            area = sum(
                sum(log <= left for log in logs) / len(logs) * (right - left) for left, right in itertools.pairwise(x)
            )
            aup[agent][which] = area
    return aup, x_max


@st.composite
def sets(draw: st.DrawFn) -> Scores:
    """Agents, tasks and runs at random: both directions, runs without scores, negative scores, ties."""
    tasks = draw(st.integers(1, 4))
    score = st.sampled_from([-0.5, 0.25, 0.5, 0.7, 1.0, 2.0, 13.0]) | st.floats(0.01, 100.0, allow_nan=False)
    runs = st.lists(st.lists(score, max_size=3), max_size=3)
    directions = [draw(st.sampled_from(["maximize", "minimize"])) for _ in range(tasks)]
    baselines = [draw(st.sampled_from([0.25, 0.5, 1.0]) | st.floats(0.01, 10.0)) for _ in range(tasks)]
    agents = draw(st.integers(1, 4))
    return made(
        {f"task{n}": facts for n, facts in enumerate(zip(directions, baselines, strict=True))},
        **{f"agent{a}": {f"task{n}": draw(runs) for n in range(tasks)} for a in range(agents)},
    )


def test_published_table_is_reproduced() -> None:
    found = profiles(published())
    assert found.aup == published_aup()
    assert sum(len(both) for both in found.aup.values()) == 26
    assert (found.x_max, found.widest) == (1.5, "blotto")


def test_fewer_agents_move_everyone() -> None:
    found = profiles(only(published(), PAPERS_FIVE))
    assert found.aup == {
        "gpt4o2": {"best": 1.008, "last": 1.037},
        "gpt-o1": {"best": 1.143, "last": 1.165},
        "llama3-405b-tools": {"best": 1.05, "last": 1.074},
        "claude-35-sonnet-new": {"best": 1.147, "last": 1.14},
        "gemini-15-pro": {"best": 1.141, "last": 1.126},
        "baseline": {"best": 0.962, "last": 0.989},
    }
    assert found.x_max == 1.2


@given(sets())
@thorough
def test_agrees_with_the_recipe_in_plain_python(scores: Scores) -> None:
    found = profiles(scores)
    expected, x_max = recipe(scores)
    assert found.x_max == x_max
    for agent, both in expected.items():
        for which in WHICH:
            # A ratio that lies on a point of the axis may fall to either side of it: one step of one task.
            step = x_max / 499 + 0.0006
            assert found.aup[agent][which] == pytest.approx(both[which], abs=step)


@given(sets(), st.randoms(use_true_random=False))
@thorough
def test_order_of_agents_tasks_and_runs_does_not_matter(scores: Scores, rng: random.Random) -> None:
    tasks, agents = list(scores.tasks), list(scores.runs)
    rng.shuffle(tasks)
    rng.shuffle(agents)
    other = Scores(
        tasks={task: scores.tasks[task] for task in tasks},
        runs={
            agent: {task: rng.sample(runs, len(runs)) for task, runs in scores.runs[agent].items()} for agent in agents
        },
    )
    one, two = profiles(scores), profiles(other)
    assert one.aup == two.aup
    assert one.x_max == two.x_max


@given(sets(), st.sampled_from([0.25, 2.0, 1024.0]))
@thorough
def test_unit_of_a_metric_does_not_matter(scores: Scores, factor: float) -> None:
    first = next(iter(scores.tasks))
    scaled = {
        "tasks": {name: task.model_dump(exclude_none=True) for name, task in scores.tasks.items()},
        "runs": {
            agent: {
                name: [[s * (factor if name == first else 1) for s in run] for run in of] for name, of in runs.items()
            }
            for agent, runs in scores.runs.items()
        },
    }
    scaled["tasks"][first]["baseline"] *= factor
    assert profiles(Scores.model_validate(scaled)).aup == profiles(scores).aup


@given(sets())
@thorough
def test_curves_rise_and_areas_are_shares_of_the_axis(scores: Scores) -> None:
    plain, strict = profiles(scores), profiles(scores, "strict")
    for agent in plain.agents:
        for which in WHICH:
            curve = plain.curves[agent][which]
            assert curve.shape == plain.x.shape == (500,)
            assert (np.diff(curve) >= 0).all()
            assert (curve >= strict.curves[agent][which]).all()
            assert 0 <= plain.normalized[agent][which] <= 1 + 1e-3


def test_a_tie_with_the_baseline_is_feasible_and_below_it_is_not() -> None:
    scores = made(
        {"up": ("maximize", 0.5), "down": ("minimize", 2.0)},
        tied={"up": [[0.5]], "down": [[2.0]]},
        below={"up": [[0.4999]], "down": [[2.0001]]},
        best={"up": [[0.6]], "down": [[1.0]]},
    )
    found = profiles(scores)
    assert found.infeasible["tied"] == {"best": [], "last": []}
    assert found.infeasible["below"] == {"best": ["up", "down"], "last": ["up", "down"]}
    assert found.aup["tied"] == found.aup["baseline"]
    assert found.aup["best"]["best"] == found.x_max == 0.5  # tau of `down` is ceil(1.05 * 2) = 3
    # `tied` is within 0.6/0.5 = 1.2 and 2/1 = 2 of the best; `below` within 1.05 times as much.
    assert found.aup["tied"]["best"] == pytest.approx(0.5 - (math.log10(1.2) + math.log10(2)) / 2, abs=0.0011)
    assert found.aup["below"]["best"] == pytest.approx(0.5 - (math.log10(1.26) + math.log10(2.1)) / 2, abs=0.0011)
    assert profiles(scores, "strict").aup["below"] == {"best": 0.0, "last": 0.0}
    assert profiles(scores, "strict").aup["tied"] == found.aup["tied"]


def test_negative_scores_are_infeasible_also_when_minimised() -> None:
    scores = made(
        {"up": ("maximize", -0.2), "down": ("minimize", 1.0)},
        a={"up": [[0.4]], "down": [[-3.0]]},
        b={"up": [[-0.1]], "down": [[0.5]]},
    )
    found = profiles(scores)
    assert found.infeasible["a"]["best"] == ["down"]
    assert found.infeasible["b"]["best"] == ["up"]
    assert found.infeasible["baseline"]["best"] == ["up"]


def test_a_good_run_that_handed_in_a_bad_last_score_counts_in_best_only() -> None:
    found = profiles(made({"t": ("maximize", 0.5)}, a={"t": [[0.9, 0.1], []]}, b={"t": [[0.6]]}))
    assert found.infeasible["a"] == {"best": [], "last": ["t"]}
    assert found.aup["a"]["best"] == found.x_max
    assert found.aup["b"]["last"] == found.x_max


def test_one_agent_on_one_task() -> None:
    found = profiles(made({"t": ("minimize", 4.0)}, a={"t": [[2.0]]}))
    assert found.x_max == 0.5  # ceil(1.05 * 2) = 3, log10 3 = 0.477
    assert found.aup["a"] == {"best": 0.5, "last": 0.5}
    assert found.aup["baseline"]["best"] == pytest.approx(0.5 - math.log10(2), abs=0.0011)


def test_all_agents_infeasible_leaves_the_baseline_best() -> None:
    found = profiles(made({"t": ("maximize", 0.5), "u": ("minimize", 1.0)}, a={"t": [[]], "u": [[2.0]]}, b={}))
    assert found.aup["baseline"]["best"] == found.x_max == 0.4
    assert found.infeasible["a"]["best"] == found.infeasible["b"]["last"] == ["t", "u"]
    assert found.aup["a"]["best"] == pytest.approx(0.4 - math.log10(1.05), abs=0.0011)


def test_nobody_feasible_earns_nobody_anything() -> None:
    found = profiles(made({"t": ("maximize", -0.5)}, a={"t": [[-0.1]]}, b={"t": [[]]}))
    assert found.widest is None
    assert {area for both in found.aup.values() for area in both.values()} == {0.0}


def test_a_zero_is_infinitely_far_and_does_not_set_the_axis() -> None:
    tasks: dict[str, Facts] = {"zero": ("maximize", 0.0), "perfect": ("minimize", 1.0), "plain": ("maximize", 1.0)}
    scores = made(
        tasks,
        a={"zero": [[0.5]], "perfect": [[0.0]], "plain": [[2.0]]},
        b={"zero": [[0.25]], "perfect": [[0.5]], "plain": [[0.0]]},
        c={"zero": [[-0.0]]},
    )
    found = profiles(scores)
    assert (found.x_max, found.widest) == (0.5, "plain")
    assert found.aup["a"]["best"] == 0.5
    assert found.curves["b"]["best"][-1] == pytest.approx(2 / 3)  # all but `perfect`
    assert found.curves["baseline"]["best"][-1] == pytest.approx(1 / 3)  # `plain` alone
    assert found.infeasible["c"]["best"] == ["perfect", "plain"]
    assert found.curves["c"]["best"][-1] == pytest.approx(1 / 3)  # `plain`, by the penalty


def test_everyone_at_zero_is_as_good_as_everyone() -> None:
    found = profiles(made({"t": ("minimize", 0.0), "u": ("maximize", 0.0)}, a={"t": [[-0.0]], "u": [[0.0]]}))
    assert found.x_max == 0.4
    assert found.aup["a"] == found.aup["baseline"] == {"best": 0.4, "last": 0.4}


def test_ratios_beyond_a_float_do_not_break_the_axis() -> None:
    found = profiles(made({"t": ("minimize", 1e300), "u": ("maximize", 1.0)}, a={"t": [[1e-300]], "u": [[3.0]]}))
    assert (found.widest, found.x_max) == ("u", 0.7)


def test_a_better_agent_lowers_the_others() -> None:
    agent = {"t": [[0.6]]}
    alone = profiles(made({"t": ("maximize", 0.5)}, a=agent)).normalized["a"]["best"]
    beside = profiles(made({"t": ("maximize", 0.5)}, a=agent, b={"t": [[0.9]]})).normalized["a"]["best"]
    assert alone == 1.0
    assert beside < alone


def test_strict_reorders_those_who_fail_often() -> None:
    scores = published()
    plain, strict = profiles(scores).aup, profiles(scores, "strict").aup
    assert strict["gpt-o3-mini"]["best"] < 0.3 * plain["gpt-o3-mini"]["best"]  # it has a feasible score on 3 of 13
    assert strict["baseline"]["best"] > strict["gpt4o2"]["best"]
    assert plain["baseline"]["best"] < plain["gpt4o2"]["best"]


@given(st.integers(-9, 9), st.integers(-9, 9))
@thorough
def test_directions_mirror_each_other(baseline: int, score: int) -> None:
    """A score and its inverse are the same achievement, maximised and minimised; powers of two divide exactly."""
    up = profiles(made({"t": ("maximize", 2.0**baseline)}, a={"t": [[2.0**score]]}))
    down = profiles(made({"t": ("minimize", 2.0**-baseline)}, a={"t": [[2.0**-score]]}))
    assert up.infeasible == down.infeasible
    assert (up.aup, up.x_max) == (down.aup, down.x_max)
