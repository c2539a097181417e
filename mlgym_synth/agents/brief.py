"""`scripted:brief`: a teacher for students with a short context.

It runs the baseline, writes one short program that fits the form of the task (`brief_programs/`), validates it, and
hands it in if it is better; else a second program gets its chance, else the baseline is handed in. Like the researcher
it knows no task: what it does follows from the statement alone. It says a sentence before each action.
`scripted:brief-baseline` does only the first and the last of this, in the same words.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from mlgym_synth.agents.base import Action, Said, Usage, fingerprint
from mlgym_synth.agents.goal import Goal, failed, read_goal, read_validation
from mlgym_synth.agents.scripted import bash, tool

PROGRAMS = Path(__file__).with_name("brief_programs")
LABELS = ("accuracy", "balanced_accuracy", "macro_f1", "quadratic_kappa")
CHANCES = ("roc_auc", "log_loss", "brier")
Turn = tuple[str, Action]
Plan = Generator[Turn, str, None]

_WHY = {
    "number": "I predict `{target}`, a number, from all columns, with trees and boosting.",
    "number_linear": "A ridge regression for `{target}` on all columns.",
    "chance": "I predict the probability of `{target}` from all columns, with trees and boosting.",
    "chance_linear": "A logistic regression for `{target}` on all columns.",
    "chances": "I predict a probability for each class of `{target}`, with trees on all columns.",
    "label": "I predict the class `{target}` from all columns, with balanced trees.",
    "label_linear": "A balanced logistic regression for the class `{target}` on all columns.",
    "quantiles": "I predict quantiles of `{target}`, with the training rows that share leaves of a forest.",
    "quantiles_boosted": "I predict each quantile of `{target}` with boosting for that quantile.",
    "gaps": "I fill the gaps of each column from all other columns, with trees.",
    "gaps_linear": "A ridge regression for each column with gaps, on all other columns.",
    "odd": "The score for `{target}` is the distance to the nearest rows of train, in all columns.",
    "odd_density": "The score for `{target}` is how unlikely a row is under a mixture fitted to train.",
    "groups": "I sort the rows into {groups} groups by all columns, scaled, with Ward's clustering.",
    "groups_mixture": "A Gaussian mixture of {groups} groups on all columns, scaled.",
    "text": "I predict `{target}` from the words and letters of the text.",
    "arrays": "I predict `{target}` from all values of the arrays, with trees.",
    "characters": "I count the next character after every context of up to four characters.",
    "law": "I fit the logarithm to logarithms of the inputs, a law of powers.",
}


class BriefAgent:
    """The agent.

    Args:
        name: under which it is kept.
        improves: whether it tries to better the baseline.
    """

    def __init__(self, name: str, improves: bool = True) -> None:
        self.name, self._improves = name, improves
        self.start("", [], 0)

    def start(self, statement: str, tools: list[dict[str, Any]], seed: int) -> None:
        """Read the statement."""
        goal = read_goal(statement)
        self._plan = play(goal, random.Random(seed), programs(goal) if self._improves else [])
        self._calls, self.said = 0, Said()

    def act(self, observation: str) -> Action:
        """What comes next, and a sentence on why."""
        self._calls += 1
        thought, action = next(self._plan) if self._calls == 1 else self._plan.send(observation)
        self.said = Said(thought)
        return action

    @property
    def usage(self) -> Usage:
        """Calls only."""
        return Usage(calls=self._calls)

    @property
    def fingerprint(self) -> str:
        """Of this file, of what reads the statement, and of the programs."""
        files = [Path(__file__), Path(__file__).with_name("goal.py"), *sorted(PROGRAMS.glob("*.py"))]
        return fingerprint(self.name, *(file.read_text() for file in files))


def play(goal: Goal, rng: random.Random, names: list[str]) -> Plan:
    """The episode, with some programs to try."""
    first = rng.choice(("First the baseline, so that there is something to hand in.", "I run the baseline first."))
    yield first, bash("python baseline.py")
    for number, name in enumerate(names):
        text, why = filled(name, goal), _WHY[name].format(target=target(goal), groups=groups(goal))
        seen = yield ("No better. " if number else "") + why, bash(f"cat > mine.py <<'EOF'\n{text}EOF\npython mine.py")
        if failed(seen):
            continue
        told = yield "It ran. What is it worth?", tool("validate")
        if better(told, goal):
            yield "Better than the baseline, so I hand it in.", tool("submit")
    if names:
        yield "No better than the baseline. I put the baseline's file back.", bash("python baseline.py")
    while True:
        yield "I hand in the baseline.", tool("submit")


def better(told: str, goal: Goal) -> bool:
    """Whether a validation's answer names a score better than the baseline's."""
    score, base = read_validation(told), re.search(r"the baseline's is (-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)", told)
    if score is None or base is None:
        return False
    return score > float(base[1]) if goal.maximize else score < float(base[1])


def target(goal: Goal) -> str:
    """The column to predict."""
    if len(goal.columns) == 1:
        return goal.columns[0]
    only = re.findall(r"^- `([^`]+)`:(?:(?!^- `).)*\(train\.csv only\)", goal.text, re.MULTILINE | re.DOTALL)
    return str(only[-1]) if only else ""


def groups(goal: Goal) -> int:
    """How many groups the statement speaks of."""
    found = re.search(r"one of (\d+) groups", " ".join(goal.text.split()))
    return int(found[1]) if found else 2


def programs(goal: Goal) -> list[str]:
    """Which programs the form of the task calls for, in the order in which they get their chance."""
    if goal.function:
        return {"predict(context)": ["characters"], "predict(rows)": ["law"]}.get(signature(goal), [])
    if "table.csv" in goal.files:
        return ["gaps", "gaps_linear"]
    if "train.csv" not in goal.files:
        return ["groups", "groups_mixture"]
    if not target(goal):
        return []
    if any(name.endswith("_train.npy") for name in goal.files):
        return ["arrays"] if len(goal.columns) == 1 else []
    if goal.metric == "pinball":
        return ["quantiles", "quantiles_boosted"]
    if re.search(r"higher the less it seems to belong|do not belong", " ".join(goal.text.split())):
        return ["odd", "odd_density"]
    if len(goal.columns) > 1:
        return ["chances"]
    if goal.metric in (*LABELS, *CHANCES) and is_text(goal):
        return ["text"]
    kind = "label" if goal.metric in LABELS else "chance" if goal.metric in CHANCES else "number"
    return [kind, f"{kind}_linear"]


def signature(goal: Goal) -> str:
    """The function as the statement names it."""
    return f"{goal.function}({', '.join(goal.parameters)})"


def is_text(goal: Goal) -> bool:
    """Whether the rows are texts: the statement's own columns are hardly more than one, and it speaks of words."""
    told = re.findall(r"^- `([^`]+)`:", goal.text, re.MULTILINE)
    words = r"title|text|message|name of|remark|review|account|explanation|wrote|called|words|titles|entity"
    return len(told) <= 3 and re.search(words, goal.text) is not None


def filled(name: str, goal: Goal) -> str:
    """A program with its settings for this task."""
    text = (PROGRAMS / f"{name}.py").read_text()
    for part in ("codes", "dummies"):  # how a table becomes numbers: every category a code, or a column of its own
        text = text.replace(f"{part.upper()}\n", (PROGRAMS / f"_{part}.py").read_text())
    arrays = [file.removesuffix("_train.npy") for file in goal.files if file.endswith("_train.npy")]
    x = 'test[text].fillna("")' if name == "text" else "x_test"
    predict = f"model.predict({x})" if goal.metric in LABELS else f"model.predict_proba({x})[:, 1]"
    alphabet = re.search(r'ALPHABET = ("[^\n]+")', goal.text)
    for old, new in {
        "TARGET": target(goal),
        "PREDICT": predict,
        "ARRAY": arrays[0] if arrays else "",
        "GROUPS": str(groups(goal)),
        "PROGRAM": goal.submission,
        "LETTERS": alphabet[1] if alphabet else '" abcdefghijklmnopqrstuvwxyz"',
    }.items():
        text = text.replace(old, new)
    return text
