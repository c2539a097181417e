"""The researcher: what it reads, what it decides, that it is deterministic, and that it always hands something in."""

from __future__ import annotations

import contextlib
import itertools
import random
import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import count
from typing import Any

import pytest

from mlgym_synth import briefing, registry
from mlgym_synth.agents import load_agent
from mlgym_synth.agents.goal import failed, read_estimate, read_goal, read_validation
from mlgym_synth.agents.plans import Knob, other_lines, prediction_ideas, read_columns, recipe
from mlgym_synth.agents.programs import program_kind
from mlgym_synth.agents.researcher import researcher
from mlgym_synth.agents.strategy import START_S
from mlgym_synth.env import SynthEnv
from mlgym_synth.folder import load_task
from mlgym_synth.rollouts.episode import play

RECIPES = sorted(file.name for file in files("mlgym_synth.agents").joinpath("recipes").iterdir() if file.is_file())
TASKS = [entry.id for entry in registry.select()]


def statement(task: str) -> str:
    folder = load_task(registry.find(task).folder)
    names = ["baseline.py", *folder.workspace]
    return briefing.compose(folder, names, folder.spec.limits, folder.spec.max_steps)


@pytest.mark.parametrize("task", TASKS)
def test_every_statement_is_understood(task: str) -> None:
    spec, goal = load_task(registry.find(task).folder).spec, read_goal(statement(task))
    assert goal.submission == spec.submission.file
    assert (goal.metric, goal.maximize) == (spec.metric.name, spec.metric.direction == "maximize")
    assert (goal.steps, goal.validations) == (spec.max_steps, briefing.MAX_VALIDATIONS)
    assert (goal.tool_s, goal.episode_s) == (spec.limits.tool_s, spec.limits.episode_s)
    if spec.submission.kind == "program":
        assert goal.function == spec.submission.function
        assert spec.submission.signature.startswith(f"{goal.function}({', '.join(goal.parameters)})")
        assert goal.call_s == spec.submission.call_s
        assert program_kind(goal) is not None
    else:
        assert goal.columns == tuple(column.name for column in spec.submission.columns)
        assert goal.function == ""


def test_scores_are_read_from_observations() -> None:
    line = "Validation score (rmse, minimize): 0.25, the baseline's is 1.5. 24 validations left.\n[step 3 of 50]"
    assert read_validation(line) == 0.25
    assert read_validation("Validation score (x, maximize): -1.5e-05.\n") == -1.5e-05
    assert read_validation("Not scored: submission.csv: no such file.") is None
    assert read_estimate("CV rmse of a: 3.0\nCV rmse of b: 2.5\n[step 1 of 9]") == 2.5
    assert read_estimate("no estimate") is None


def test_failures_are_recognised() -> None:
    assert failed("Traceback (most recent call last):\n...\n[exit code 1]\n[step 1 of 9]")
    assert failed("[exit code 137]")
    assert failed("[the command was killed after 60 s; the shell was restarted]")
    assert not failed("CV rmse of a: 3.0\n[step 1 of 9]")


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_whole_scripts_that_know_no_task(name: str) -> None:
    text = recipe(name.removesuffix(".py"))
    compile(text, name, "exec")
    assert not re.search(r"task-\d", text)


def test_a_recipe_is_filled_in() -> None:
    text = recipe("lab", METRIC="mae", SEED=7)
    assert "\nMETRIC = 'mae'\n" in text
    assert "\nSEED = 7\n" in text
    assert text.count("\n") == recipe("lab").count("\n")


def test_a_value_with_quotes_and_backslashes_survives() -> None:
    value = 'env = make("a\\1") # "b"'
    space: dict[str, Any] = {}
    line = next(line for line in recipe("control", MAKE=value).splitlines() if line.startswith("MAKE"))
    exec(line, space)
    assert space["MAKE"] == value


def test_the_files_decide_the_experiments() -> None:
    seen = (
        "train.csv: 900 rows, 3 columns\n  train.csv day of: date, 900 distinct, 0 missing, e.g. '2001-01-01'\n"
        "  train.csv sold: number, 500 distinct, 0 missing, 1 to 9\n"
        "  test.csv id: number, 90 distinct, 0 missing, 1 to 9\n"
        "  test.csv day of: date, 90 distinct, 0 missing, e.g. '2004-01-01'\n"
    )
    columns = read_columns(seen)
    assert [(c.file, c.name, c.kind) for c in columns[:2]] == [
        ("train.csv", "day of", "date"),
        ("train.csv", "sold", "number"),
    ]
    text = "## Submission\nWrite `s.csv`, a CSV. Scored by `mae` (minimize)\n"
    goal = read_goal(f"Sales.\n\n## Workspace\nholds: `train.csv`, `test.csv`.\n\n{text}")
    ideas = prediction_ideas(goal, columns, random.Random(0))
    assert {idea.command.split()[1] for idea in ideas} == {"calendar_days.py"}
    goal = read_goal(f"Leaves.\n\n## Workspace\nholds: `test.csv`.\n\n{text}")
    assert {idea.command.split()[1] for idea in prediction_ideas(goal, [], random.Random(0))} == {"clusters.py"}


def actions(text: str, seed: int, observation: str = "[step 1 of 50]") -> list[Any]:
    script = researcher(text, seed)
    taken = [next(script)]
    while len(taken) < 60:
        try:
            taken.append(script.send(observation))
        except StopIteration:
            break
    return taken


def test_it_is_deterministic_and_the_seed_matters() -> None:
    text = statement("task-0002")
    assert actions(text, 1) == actions(text, 1)
    assert len({str(actions(text, seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize("observation", ["", "[exit code 1]", "Not submitted: no such file", "\x00 ∂"])
def test_whatever_it_sees_it_submits_within_the_budget(observation: str) -> None:
    for text in ("", "Do something.", *map(statement, TASKS[::5])):
        taken = actions(text, 0, observation)
        assert len(taken) <= 50
        assert taken[-1]["tool"] == "submit"
        assert any(action["arguments"].get("command", "").count("baseline.py") for action in taken)


@pytest.mark.parametrize("steps", [3, 4, 9])
def test_it_lives_within_a_small_budget(steps: int) -> None:
    env = SynthEnv(registry.find("task-0018").folder, sandbox="bwrap", max_steps=steps)
    trajectory = play(env, load_agent("scripted:researcher"), seed=0)
    env.close()
    assert trajectory.exit_status == "submitted"
    assert trajectory.total_reward >= 0.45


def test_experiments_that_fail_leave_the_baseline() -> None:
    env = SynthEnv(registry.find("task-0022").folder, sandbox="bwrap", limits={"tool_s": 2})
    trajectory = play(env, load_agent("scripted:researcher"), seed=0)
    env.close()
    assert trajectory.exit_status == "submitted"
    assert trajectory.total_reward == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("task", ["task-0010", "task-0018"])
def test_it_beats_the_baseline(task: str) -> None:
    env = SynthEnv(registry.find(task).folder, sandbox="bwrap", max_steps=13)  # time for two experiments
    trajectory = play(env, load_agent("scripted:researcher"), seed=1)
    env.close()
    assert trajectory.exit_status == "submitted"
    assert trajectory.total_reward > 0.6


LOOK = (
    "train.csv: 1000 rows, 2 columns\n  train.csv a: number, 500 distinct, 0 missing\n"
    "  train.csv b: number, 400 distinct, 0 missing\n  test.csv a: number, 90 distinct, 0 missing\n"
)


def routes(text: str, seed: int, replies: Iterator[float]) -> list[Any]:
    """The actions of an episode in which every command works and `validate` says what is next in `replies`."""
    script = researcher(text, seed)
    taken = [next(script)]
    while len(taken) < 60:
        command = str(taken[-1]["arguments"].get("command", ""))
        seen = LOOK if "look.py" in command else "[no output]"
        if taken[-1]["tool"] == "validate":
            seen = f"Validation score (rmse, minimize): {next(replies)}, the baseline's is 9.\n[step 1 of 50]"
        try:
            taken.append(script.send(seen))
        except StopIteration:
            break
    return taken


def test_seeds_take_different_routes() -> None:
    text = statement("task-0757")
    told = {}
    for seed in range(16):
        taken = routes(text, seed, count(1))
        told[seed] = [str(action["arguments"].get("command", action["tool"]))[:60] for action in taken]
    assert len({tuple(route) for route in told.values()}) >= 14
    assert len({len(route) for route in told.values()}) >= 4
    assert len({route[0] for route in told.values()}) >= 3
    firsts = {next(c for c in route if "laws.py" in c) for route in told.values()}
    assert len(firsts) == 4


def test_what_an_edit_does_not_better_is_taken_back() -> None:
    text, seen = statement("task-0757"), 0
    for seed in range(12):
        taken = routes(text, seed, itertools.chain([1.0, 5.0], itertools.repeat(3.0)))
        edits = [action["arguments"] for action in taken if action["tool"] == "edit"]
        for tried, back in zip(edits[::2], edits[1::2], strict=True):
            assert (tried["path"], tried["old"], tried["new"]) == (back["path"], back["new"], back["old"])
            assert tried["old"] in recipe("laws", TERMS=3) or tried["old"].split()[0] in ("TERMS", "RIM")
        seen += len(edits)
        kept = [c for a in taken if "cp kept/" in (c := str(a["arguments"].get("command", "")))]
        assert kept  # what was best goes back before the end
    assert seen


def test_it_plans_for_the_time_that_the_statement_gives() -> None:
    folder = load_task(registry.find("task-0026").folder)
    experiments = {}
    for episode_s in (8.0, 20.0, 900.0):
        limits = folder.spec.limits.model_copy(update={"episode_s": episode_s})
        text = briefing.compose(folder, ["baseline.py", "train.csv", "test.csv", "sample_submission.csv"], limits, 50)
        taken = [routes(text, seed, count(9, -1)) for seed in range(10)]
        ran = [[a["arguments"] for a in one if "tabular.py" in str(a["arguments"].get("command"))] for one in taken]
        experiments[episode_s] = sum(map(len, ran)) / len(ran)
        assert all(START_S * len(one) < episode_s for one in ran)
        capped = [a.get("timeout_s", 60.0) for one in ran for a in one]
        assert all(limit <= min(60.0, episode_s) for limit in capped)
    assert experiments[8.0] < experiments[20.0] < experiments[900.0]


def test_a_command_that_is_killed_is_tried_smaller() -> None:
    folder = load_task(registry.find("task-0026").folder)
    limits = folder.spec.limits.model_copy(update={"episode_s": 60.0})
    text = briefing.compose(folder, ["baseline.py", "train.csv", "test.csv", "sample_submission.csv"], limits, 50)
    script = researcher(text, 3)
    action = next(script)
    edits: list[dict[str, str]] = []
    with contextlib.suppress(StopIteration):
        while True:
            command = str(action["arguments"].get("command", ""))
            slow = "tabular.py" in command and not edits
            seen = "[killed after 9 s; every process was ended]" if slow else LOOK if "look.py" in command else "done"
            if action["tool"] == "edit":
                edits.append(action["arguments"])
            action = script.send(seen)
    assert edits[0]["path"] == "tabular.py"
    small, large = (int(edits[0][name].split()[2]) for name in ("new", "old"))
    assert small == large // 4


@pytest.mark.parametrize(
    ("line", "others"),
    [
        ("RATE = 0.06", ["RATE = 0.12", "RATE = 0.03"]),
        ("RATE = 0.00005  # slow", ["RATE = 0.0001 # slow", "RATE = 0.000025 # slow"]),
        ("HEAT = 2.0", ["HEAT = 4.0", "HEAT = 1.0"]),
        ("ROUNDS = 1", ["ROUNDS = 2", "ROUNDS = 3"]),
        ("MOVES = 400", ["MOVES = 800", "MOVES = 200"]),
    ],
)
def test_a_setting_is_turned_both_ways_and_stays_a_number(line: str, others: list[str]) -> None:
    assert other_lines(Knob("a.py", line.split()[0], line)) == others


def test_ranges_are_predicted_from_long_categories_too() -> None:
    """scikit-learn's pipelines take as their last step only what says that it is fitted."""
    env = SynthEnv(registry.find("task-0673").folder, sandbox="bwrap")
    trajectory = play(env, load_agent("scripted:researcher"), seed=0)
    env.close()
    commands = [step for step in trajectory.steps if step.tool == "bash"]
    assert any("quantiles.py" in step.action["arguments"]["command"] for step in commands)
    assert not any("AttributeError" in step.observation for step in commands)
    assert trajectory.progress is not None
    assert trajectory.progress > 0.2
