"""What a scripted agent understands of a task: the standard parts of the statement, read with regular expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"


@dataclass(frozen=True, slots=True)
class Goal:
    """What to hand in, how it is scored, what there is to work with.

    Attributes:
        text: the task's own statement, without the standard parts.
        files: names in the workspace at the start.
        submission: the file to write.
        columns: predictions: its columns besides `id`; empty for programs.
        metric: its name, as in `roc_auc`; empty where the statement could not be read.
        maximize: whether larger scores are better.
        function, parameters: programs: what the module must define; `""` and `()` for predictions.
        call_s: programs: seconds one call may take.
        steps, validations: the budget.
        tool_s, episode_s: seconds a tool call may take, and all of them together.
    """

    text: str
    files: tuple[str, ...] = ()
    submission: str = "submission.csv"
    columns: tuple[str, ...] = ()
    metric: str = ""
    maximize: bool = True
    function: str = ""
    parameters: tuple[str, ...] = ()
    call_s: float = 1.0
    steps: int = 50
    validations: int = 25
    tool_s: float = 60.0
    episode_s: float = 900.0


def read_goal(statement: str) -> Goal:
    """The goal of a statement; what cannot be found keeps its default."""
    text, _, standard = statement.partition("\n## Workspace\n")
    workspace, _, rest = standard.partition("\n## Submission\n")
    section = rest.partition("\n## Tools\n")[0]
    scored = re.search(r"Scored by `([^`]+)` \((maximize|minimize)\)", section)
    file = re.search(r"Write `([^`]+)`", section)
    call = re.search(r"with the function `(\w+)\(([^)]*)\)", section)
    seconds = re.search(rf"a call may take at most ({_NUMBER}) s", section)
    budget = re.search(r"(\d+) steps, (\d+) validations", rest)
    limits = read_limits(statement)
    names = [name.split(":")[0].split("=")[0].strip() for name in call[2].split(",")] if call else []
    return Goal(
        text=text,
        files=tuple(re.findall(r"`([^`]+)`", workspace.partition("holds:")[2])),
        submission=file[1] if file else "submission.csv",
        columns=tuple(re.findall(r"^- `([^`]+)`:", section, re.MULTILINE)),
        metric=scored[1] if scored else "",
        maximize=scored is None or scored[2] == "maximize",
        function=call[1] if call else "",
        parameters=tuple(name for name in names if name),
        call_s=float(seconds[1]) if seconds else 1.0,
        steps=int(budget[1]) if budget else 50,
        validations=int(budget[2]) if budget else 25,
        tool_s=limits.get("tool_s", 60.0),
        episode_s=limits.get("episode_s", 900.0),
    )


def read_limits(statement: str) -> dict[str, float]:
    """The limits that a statement's budget names, as fields of `Limits`; empty without a budget."""
    found = re.search(
        rf"({_NUMBER}) s a tool call, ({_NUMBER}) s of tool time in all; ({_NUMBER}) cores?, (\d+) MiB of memory, (\d+)"
        " MiB of disk",
        statement.rpartition("\n## Budget\n")[2],
    )
    names = ("tool_s", "episode_s", "cpus", "memory_mib", "disk_mib")
    return {name: float(value) for name, value in zip(names, found.groups(), strict=True)} if found else {}


def read_validation(observation: str) -> float | None:
    """The score that `validate` reported, None if it was refused."""
    found = re.search(rf"^Validation score [^:]*: ({_NUMBER})", observation, re.MULTILINE)
    return float(found[1]) if found else None


def read_estimate(observation: str) -> float | None:
    """The last score that an experiment printed of its own: a line that begins with `CV`."""
    found = re.findall(rf"^CV [^:]*: ({_NUMBER})\s*$", observation, re.MULTILINE)
    return float(found[-1]) if found else None


def killed(observation: str) -> bool:
    """Whether a command was ended at its time limit."""
    return re.search(r"^\[.*(killed|timed out|time limit).*\]$", observation, re.MULTILINE) is not None


def failed(observation: str) -> bool:
    """Whether a command ended badly or was killed."""
    return bool(
        re.search(r"^\[exit code \d+\]|Traceback \(most recent call last\)|^This action was not run", observation, re.M)
    ) or bool(re.search(r"^\[.*(killed|timed out|time limit|restarted).*\]$", observation, re.MULTILINE))
