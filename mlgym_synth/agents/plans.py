"""Which experiments a task calls for: recipes chosen by the form of its files and the words of its statement.

The recipes are scripts in `recipes/`. They are never imported here: the researcher writes them into the sandbox, with
their capitalised settings filled in, and runs them there.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from mlgym_synth.agents.goal import Goal


@dataclass(frozen=True, slots=True)
class Idea:
    """One experiment.

    Attributes:
        name: of the copy of the submission that is kept.
        command: run in bash; it writes the submission.
        files: scripts it needs, name -> text.
        easier: a script and two texts, old and new: the change to try when the command fails.
    """

    name: str
    command: str
    files: dict[str, str] = field(default_factory=dict)
    easier: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column as `recipes/look.py` describes it."""

    file: str
    name: str
    kind: str
    distinct: int


def recipe(name: str, **settings: Any) -> str:
    """The text of a script, with the values of its `NAME = value` lines replaced."""
    text = files("mlgym_synth.agents").joinpath("recipes", f"{name}.py").read_text(encoding="utf-8")
    for key, value in settings.items():
        old = re.search(rf"^{key} = [^#\n]*?(?=  #|$)", text, re.MULTILINE)
        text = text if old is None else f"{text[: old.start()]}{key} = {value!r}{text[old.end() :]}"
    return text


def read_columns(observation: str) -> list[Column]:
    """The columns that `look.py` printed."""
    found = re.findall(r"^  (\S+\.csv) (.+): (number|date|text|category), (\d+) distinct", observation, re.MULTILINE)
    return [Column(file, name, kind, int(distinct)) for file, name, kind, distinct in found]


def prediction_ideas(goal: Goal, columns: list[Column], rng: random.Random) -> list[Idea]:
    """Experiments for a task that wants a table of predictions."""
    train = {c.name: c for c in columns if c.file == "train.csv"}
    test = {c.name: c for c in columns if c.file == "test.csv"}
    if "table.csv" in goal.files:
        return _ideas("cells", ["linear", *_shuffled(rng, "forest", "boosting"), "blend"], rng)
    if "train.csv" not in goal.files:
        return _grouping(goal, rng)
    if train and not set(train) - set(test):
        return _ideas("anomalies", [*_shuffled(rng, "distance", "tails", "density", "contrast"), "blend"], rng)
    apart = re.search(r"\bof other \w+|\bon both sides\b|\bunseen \w+", goal.text) is not None
    lab = {"lab.py": recipe("lab", METRIC=goal.metric, APART=apart, SEED=rng.randrange(1000))}
    name, order = _table_plan(goal, train, test, rng)
    helpers = {"tabular.py": recipe("tabular")} if name == "quantiles" else {}
    return _ideas(name, order, rng, {**lab, **helpers})


def _table_plan(
    goal: Goal, train: dict[str, Column], test: dict[str, Column], rng: random.Random
) -> tuple[str, list[str]]:
    """The recipe for a table with a target, and its experiments in an order of their own for every seed."""
    kinds = {c.kind for c in test.values()}
    if any(name.endswith("_train.npy") for name in goal.files):
        series = re.search(r"series|signal|sensor|wave|sound|record", goal.text, re.IGNORECASE)
        return "arrays", [*_shuffled(rng, "raw", "kernels" if series else "edges", "trees"), "blend"]
    if goal.metric == "pinball":
        return "quantiles", [*_shuffled(rng, "forest", "boosting", "linear"), "blend"]
    if goal.metric == "ndcg":
        return "ranking", [*_shuffled(rng, "rows", "pairs", "boosting"), "blend"]
    if "unlabelled.csv" in goal.files:
        return "few_labels", [*_shuffled(rng, "components", "logistic", "spreading", "trees"), "taught", "blend"]
    if "text" in kinds:
        return "text", [*_shuffled(rng, "words", "letters", "style"), "blend"]
    if goal.metric in ("rmse", "mae", "r2", "mape", "rmsle") and "date" in kinds and len(test) <= 6:
        return "calendar_days", ["seasons", *_shuffled(rng, "calendar", "boosting"), "blend"]
    rated = [c for c in test.values() if c.distinct > 30 and c.name != "id" and c.kind != "date"]
    people = re.search(r"\b(rating|stars|recommend)", goal.text, re.IGNORECASE)
    if people and len(rated) >= 2 and goal.metric in ("rmse", "mae", "r2"):
        return "ratings", ["biases", *_shuffled(rng, "factors", "neighbours"), "blend"]
    picture = len(test) > 16 and len({re.sub(r"\d+", "", name) for name in test if name != "id"}) == 1
    if picture and goal.metric == "accuracy":
        return "tabular", _shuffled(rng, "pictures", "extra", "neighbours")
    fourth = "kernel" if goal.metric in ("rmse", "r2", "mae") and len(test) <= 12 else "plain"
    return "tabular", [*_shuffled(rng, "linear", "boosting", rng.choice(["extra", "forest"]), fourth), "blend"]


def _grouping(goal: Goal, rng: random.Random) -> list[Idea]:
    """First the numbers of groups that look natural, then others around them; only validation can tell."""
    first = [("spectral", 0), ("ward", 0), ("mixture", 0)]
    rng.shuffle(first)
    tries = [*first, *(("spectral", k) for k in rng.sample([6, 8, 10, 12, 14], 3)), ("mixture", 12)]
    script = {"clusters.py": recipe("clusters", SEED=rng.randrange(1000))}
    return [Idea(f"{how}-{k}", f"python clusters.py {how} {k or ''}".strip(), script) for how, k in tries]


def _ideas(name: str, order: list[str], rng: random.Random, others: dict[str, str] | None = None) -> list[Idea]:
    trees, rate = rng.choice([150, 200, 250]), rng.choice([0.05, 0.06, 0.08])
    settings = {"SEED": rng.randrange(1000), "RATE": rate, "POWER": rng.choice([2.0, 3.0, 5.0])}
    if "APART = True" in (others or {}).get("lab.py", ""):
        settings["LEAF"] = 10
    if name != "cells":
        settings["TREES"] = trees
    text = recipe(name, **settings)
    scripts = {**(others or {}), f"{name}.py": text}
    size = re.search(r"^(TREES|KERNELS) = (\d+)", text, re.MULTILINE)
    easier = (f"{name}.py", size[0], f"{size[1]} = {int(size[2]) // 4}") if size else None
    return [Idea(idea, f"python {name}.py {idea}", scripts, easier) for idea in order]


def _shuffled(rng: random.Random, *names: str) -> list[str]:
    return rng.sample(names, len(names))


# Words of a statement, and the number of arguments the program gets, that a kind of program goes with.
_PROGRAMS = {
    "tour": (1, r"round trip|tour\b|travelling sales|shortest (?:route|cycle)"),
    "flow_shop": (1, r"machines?\b|makespan|flow[- ]shop"),
    "grid_plan": (1, r"slippery|frozen|ice\b|holes?\b"),
    "characters": (1, r"next (?:character|letter)|language model|probabilities"),
    "packing": (2, r"\bbins?\b|pack"),
    "cut": (2, r"\bcut\b|\bsides?\b"),
    "colouring": (2, r"colou?r"),
    "control": (2, r"gymnasium\.make|policy|torque"),
    "knapsack": (3, r"knapsack|capacit|value"),
    "poker": (3, r"poker|\bbet\b|fold"),
    "bidding": (4, r"\bbids?\b|prizes?\b"),
}


def program_kind(goal: Goal) -> str | None:
    """The kind of program the statement seems to ask for, None if no recipe fits."""
    votes = {
        kind: len(re.findall(words, goal.text, re.IGNORECASE))
        for kind, (count, words) in _PROGRAMS.items()
        if count == len(goal.parameters)
    }
    kind = max(votes, key=lambda name: votes[name], default=None)
    return kind if kind is not None and votes[kind] >= 2 else None


def program_ideas(goal: Goal, kind: str, shown: str, rng: random.Random) -> list[Idea]:
    """Experiments for a task that wants a program.

    Args:
        goal: the task.
        kind: one of `program_kind`.
        shown: what printing the opponents of the shown instances gave, for games.
        rng: for the settings.
    """
    if kind == "characters":
        script = {"characters.py": recipe("characters", PROGRAM=goal.submission, FUNCTION=goal.function)}
        orders = [(rng.choice([3, 4]), 0), (rng.choice([5, 6]), 0), (rng.choice([7, 8]), 1)]
        return [Idea(f"order-{n}", f"python characters.py {n} {cache}", script) for n, cache in orders]
    if kind == "control":
        return _training(goal, rng)
    limit = round(0.4 * goal.call_s, 2)
    variants: list[dict[str, Any]] = {
        "bidding": [{"NOISE": 0.15}, {"NOISE": 0.25, "PRIOR": 0.6}],
        "poker": [{}, {"SHOWN": _literal(shown)}],
        "knapsack": [{"ROUNDS": 1}, {"ROUNDS": rng.choice([60, 80, 100])}],
        "packing": [{"ROUNDS": 0}, {"ROUNDS": rng.choice([300, 400])}],
        "cut": [{"ROUNDS": 1, "MOVES": 200}, {"ROUNDS": rng.choice([3, 4]), "MOVES": 1000}],
        "colouring": [{"MOVES": 0}, {"MOVES": 3000}],
        "grid_plan": [{"POLISH": 0}, {"POLISH": 1}],
        "tour": [{"ROUNDS": 0}, {"ROUNDS": rng.choice([30, 40])}],
        "flow_shop": [{"ROUNDS": 0}, {"ROUNDS": rng.choice([40, 60])}],
    }[kind]
    seed, trial = rng.randrange(1000), {"try_program.py": recipe("try_program")}
    check = f"python try_program.py {goal.submission} {goal.function}"
    modules = [_module(goal, kind, SEED=seed, SECONDS=limit, **settings) for settings in variants]
    return [Idea(f"{kind}-{n}", check, {**trial, goal.submission: text}) for n, text in enumerate(modules, 1)]


def _training(goal: Goal, rng: random.Random) -> list[Idea]:
    """A policy trained in the environment that the statement says how to make; every round goes on from the last."""
    make = re.search(r"`(env = gymnasium\.make[^`]*)`", goal.text)
    settings = {"PROGRAM": goal.submission, "FUNCTION": goal.function, "SIGNATURE": ", ".join(goal.parameters)}
    settings |= {"MAKE": " ".join(make[1].split())} if make else {}
    script = {"control.py": recipe("control", SEED=rng.randrange(1000), HIDDEN=rng.choice([8, 10, 12]), **settings)}
    return [Idea(f"round-{n}", "python control.py 40", script) for n in (1, 2, 3)]


def _module(goal: Goal, kind: str, **settings: Any) -> str:
    call = ", ".join(goal.parameters)
    return f"{recipe(kind, **settings)}\n\ndef {goal.function}({call}):\n    return solve({call})\n"


def _literal(text: str) -> Any:
    found = re.search(r"^\[.*\]$", text, re.MULTILINE)
    try:
        return ast.literal_eval(found[0]) if found else []
    except (ValueError, SyntaxError):
        return []
