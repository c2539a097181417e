"""Which experiments a task calls for: recipes chosen by the form of its files and the words of its statement.

The recipes are scripts in `recipes/`. They are never imported here: the researcher writes them into the sandbox, with
their capitalised settings filled in, and runs them there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
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
        knobs: lines of its scripts that set a number which may be tried differently.
        work_s: seconds that the command is expected to take, besides starting Python.
    """

    name: str
    command: str
    files: dict[str, str] = field(default_factory=dict)
    easier: tuple[str, str, str] | None = None
    knobs: tuple[Knob, ...] = ()
    work_s: float = 0.2


@dataclass(frozen=True, slots=True)
class Knob:
    """A line `NAME = number` of a script."""

    path: str
    name: str
    line: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column as `recipes/look.py` describes it."""

    file: str
    name: str
    kind: str
    distinct: int


SHORT_S = 120.0
"""With less tool time than this an episode takes smaller forests and fewer folds."""
_KNOBS: dict[str, dict[str, tuple[str, ...]]] = {
    "tabular": {
        "linear": ("POWER",), "plain": ("POWER",), "boosting": ("RATE", "TREES"), "forest": ("LEAF", "TREES"),
        "extra": ("LEAF", "TREES"), "kernel": ("POWER",), "pictures": ("POWER",),
    },
    "quantiles": {"forest": ("TREES",), "boosting": ("RATE", "TREES")},
    "text": {"words": ("STRENGTH",), "letters": ("GRAM", "STRENGTH")},
    "arrays": {"kernels": ("KERNELS", "POWER"), "raw": ("POWER",), "edges": ("POWER",)},
    "few_labels": {"components": ("COMPONENTS", "STRENGTH"), "logistic": ("STRENGTH",), "spreading": ("COMPONENTS",)},
    "ranking": {"pairs": ("STRENGTH",)},
    "ratings": {"biases": ("SHRINK",), "factors": ("RANK", "SHRINK"), "neighbours": ("SHRINK",)},
    "cells": {"forest": ("TREES",)},
    "anomalies": {"distance": ("NEIGHBOURS",)},
    "calendar_days": {"seasons": ("WAVES", "SMOOTH")},
}  # fmt: skip
"""Recipe -> experiment -> the settings that make a difference to it."""
_WORK_S = {
    "boosting": 1.2, "forest": 1.8, "extra": 1.5, "kernel": 1.0, "taught": 2.0, "letters": 1.2, "kernels": 1.5,
    "trees": 1.2, "contrast": 1.5, "rows": 1.2, "mixture-0": 2.0, "spectral-0": 1.5, "ward-0": 1.2,
}  # fmt: skip
"""Seconds that experiments take on a thousand rows with small forests; others half of one."""


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


def read_rows(observation: str) -> int:
    """Rows of the largest table that `look.py` printed; 1000 where it printed none."""
    return max(map(int, re.findall(r"^\S+\.csv: (\d+) rows", observation, re.MULTILINE)), default=1000)


def knobs_of(path: str, text: str, names: Iterable[str]) -> tuple[Knob, ...]:
    """The settings of a script that are numbers on a line of their own."""
    lines = [(name, re.search(rf"^{name} = -?[\d.]+.*$", text, re.MULTILINE)) for name in names]
    return tuple(Knob(path, name, line[0]) for name, line in lines if line is not None)


def baseline_idea(goal: Goal) -> Idea:
    """What there is to begin with: what the baseline writes, or a submission that is there already (MLGym's games)."""
    if goal.submission in goal.files and "baseline.py" not in goal.files:
        return Idea("baseline", "true", work_s=0.0)
    return Idea("baseline", "python baseline.py", work_s=0.1 if goal.function else 0.7)


def other_lines(knob: Knob) -> list[str]:
    """The knob's line with other numbers: double and half, or one more and one less of what is few."""
    value, comment = knob.line.split()[2], knob.line.split()[3:]
    if "." in value:
        numbers = [f"{float(value) * factor:.6f}".rstrip("0") for factor in (2, 0.5)]  # never 5e-05: that has no point
        numbers = [f"{number}0" if number.endswith(".") else number for number in numbers]
    elif int(value) < 8:
        numbers = [str(int(value) + 1), str(max(1, int(value) - 1) if int(value) != 1 else 3)]
    else:
        numbers = [str(int(value) * 2), str(int(value) // 2)]
    return [" ".join([knob.name, "=", number, *comment]) for number in numbers]


def turned(idea: Idea, knob: Knob, line: str) -> Idea:
    """The experiment with one of its settings changed, whose line is to be `line`."""
    return replace(
        idea,
        name=f"{idea.name}-{knob.name.lower()}-{line.split()[2]}",
        files={**idea.files, knob.path: idea.files[knob.path].replace(f"{knob.line}\n", f"{line}\n", 1)},
        knobs=tuple(replace(one, line=line) if one == knob else one for one in idea.knobs),
        work_s=1.5 * idea.work_s,
    )


def prediction_ideas(
    goal: Goal, columns: list[Column], rng: random.Random, rows: int = 1000, bold: bool = False
) -> list[Idea]:
    """Experiments for a task that wants a table of predictions.

    Args:
        goal: the task.
        columns: of its files.
        rng: for order and settings.
        rows: of the largest file.
        bold: make the models as large as if there were all the time of the world.
    """
    thrifty = goal.episode_s < SHORT_S and not bold
    ideas = _prediction_ideas(goal, columns, rng, thrifty)
    scale = max(0.5, rows / 1000) * (1 if thrifty else 2.5) * (2 if len(goal.columns) > 2 else 1)
    return [replace(idea, work_s=scale * _WORK_S.get(idea.name, 0.5)) for idea in ideas]


def _prediction_ideas(goal: Goal, columns: list[Column], rng: random.Random, thrifty: bool) -> list[Idea]:
    train = {c.name: c for c in columns if c.file == "train.csv"}
    test = {c.name: c for c in columns if c.file == "test.csv"}
    if "table.csv" in goal.files:
        return _ideas("cells", ["linear", *_shuffled(rng, "forest", "boosting"), "blend"], rng, thrifty)
    if "train.csv" not in goal.files:
        return _grouping(goal, rng)
    if train and not set(train) - set(test):
        return _ideas("anomalies", [*_shuffled(rng, "distance", "tails", "density", "contrast"), "blend"], rng, thrifty)
    apart = re.search(r"\bof other \w+|\bon both sides\b|\bunseen \w+", goal.text) is not None
    folds = 3 if thrifty else 4
    lab = {"lab.py": recipe("lab", METRIC=goal.metric, APART=apart, SEED=rng.randrange(1000), FOLDS=folds)}
    name, order = _table_plan(goal, train, test, rng)
    helpers = {"tabular.py": recipe("tabular")} if name == "quantiles" else {}
    return _ideas(name, order, rng, thrifty, {**lab, **helpers})


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


def _ideas(
    name: str, order: list[str], rng: random.Random, thrifty: bool, others: dict[str, str] | None = None
) -> list[Idea]:
    trees, rate = rng.choice([60, 80, 100] if thrifty else [150, 200, 250]), rng.choice([0.05, 0.06, 0.08])
    settings = {"SEED": rng.randrange(1000), "RATE": rate * (2 if thrifty else 1), "POWER": rng.choice([2.0, 3.0, 5.0])}
    if "APART = True" in (others or {}).get("lab.py", ""):
        settings["LEAF"] = 10
    if name != "cells":
        settings["TREES"] = trees
    text = recipe(name, **settings)
    scripts = {**(others or {}), f"{name}.py": text}
    size = re.search(r"^(TREES|KERNELS) = (\d+)", text, re.MULTILINE)
    easier = (f"{name}.py", size[0], f"{size[1]} = {int(size[2]) // 4}") if size else None
    known = _KNOBS.get(name, {})
    return [
        Idea(idea, f"python {name}.py {idea}", scripts, easier, knobs_of(f"{name}.py", text, known.get(idea, ())))
        for idea in order
    ]


def _shuffled(rng: random.Random, *names: str) -> list[str]:
    return rng.sample(names, len(names))
