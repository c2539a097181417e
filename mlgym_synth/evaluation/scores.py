"""The scores file: what agents scored on tasks, run by run, as JSON. `benchmark` writes it, `aup` reads it.

`tasks[task]` holds `metric`, `direction`, `baseline` and, where they are known, `reference` and `dataset`.
`runs[agent][task]` is a list of runs; a run is the list of its scores in order, one for every successful validation and
the submission, and empty where it produced none. Other fields are allowed and ignored.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlgym_synth.errors import ScoresInvalid
from mlgym_synth.task import Direction

BASELINE = "baseline"
"""The name under which a task's baseline is compared with the agents."""

Which = Literal["best", "last"]
"""Which score stands for a run: its best by the task's direction, or its last, what it handed in."""

_SHOWN = 5
_FIXES = {
    "missing": "Add it.",
    "literal_error": 'Write "maximize" or "minimize".',
    "dict_type": "Write an object, {name: ...}.",
    "model_type": 'Write an object, {"metric": ..., "direction": ..., "baseline": ...}.',
    "list_type": "The runs of a task are a list of lists: [[0.77, 0.78], []] are two runs, the second without a score.",
    "float_type": "A score is a number; leave out a validation that gave none.",
    "finite_number": "A score is a finite number; leave out a validation that gave none.",
    "string_too_short": "Write the metric's name.",
}

Score = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class ScoredTask(BaseModel):
    """One task: its metric, which way is better, the scores of baseline and reference, and the data set it rests on."""

    model_config = ConfigDict(frozen=True)

    metric: str = Field(min_length=1)
    direction: Direction
    baseline: Score
    reference: Score | None = None
    dataset: str | None = None

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is."""
        return 1.0 if self.direction == "maximize" else -1.0


class Scores(BaseModel):
    """The scores of a set of agents on a set of tasks."""

    model_config = ConfigDict(frozen=True)

    tasks: dict[str, ScoredTask]
    runs: dict[str, dict[str, list[list[Score]]]]

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        faults = _faults(self)
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def agents(self) -> list[str]:
        """Their names, in the file's order."""
        return list(self.runs)

    @property
    def without_runs(self) -> dict[str, list[str]]:
        """Agent -> tasks it has no run on, for agents that lack any."""
        lacking = {agent: [task for task in self.tasks if not runs.get(task)] for agent, runs in self.runs.items()}
        return {agent: tasks for agent, tasks in lacking.items() if tasks}

    @property
    def unevenly_run(self) -> list[str]:
        """Tasks on which one agent has more runs than another; no run at all is told by `without_runs`."""
        counts = {task: {len(runs[task]) for runs in self.runs.values() if runs.get(task)} for task in self.tasks}
        return [task for task, different in counts.items() if len(different) > 1]

    @property
    def datasets(self) -> dict[str, str]:
        """Task -> its data set; the task itself where none is known."""
        return {name: task.dataset or name for name, task in self.tasks.items()}

    def outcomes(self, agent: str, task: str, which: Which) -> NDArray[np.float64]:
        """One score a run, shape [n], NaN for a run without any; shape [0] where the agent has no run on the task.

        `BASELINE` is an agent with one run.

        Raises:
            ValueError: there is no such agent or task.
        """
        if task not in self.tasks:
            raise ValueError(f"no task {task!r} in these scores{_near(task, self.tasks)}")
        if agent == BASELINE:
            return np.array([self.tasks[task].baseline])
        if agent not in self.runs:
            raise ValueError(f"no agent {agent!r} in these scores{_near(agent, self.runs)}")
        best = max if self.tasks[task].direction == "maximize" else min
        chosen = [
            (best(run) if which == "best" else run[-1]) if run else np.nan for run in self.runs[agent].get(task, [])
        ]
        return np.array(chosen, dtype=np.float64)


def load_scores(path: Path | str) -> Scores:
    """Read a scores file.

    Raises:
        ScoresInvalid: not there, not JSON, or content that breaks the format; names the file, the place and the fix.
    """
    file = Path(path)
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=_once_each)
    except FileNotFoundError:
        raise ScoresInvalid(f"{file}: no such file. `mlgym-synth benchmark` writes one.") from None
    except OSError as error:
        raise ScoresInvalid(f"{file}: cannot be read: {error.strerror}. Name a scores file (JSON).") from error
    except UnicodeDecodeError as error:
        raise ScoresInvalid(f"{file}: not UTF-8 at byte {error.start}. Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:  # of which JSONDecodeError is one; it says line and column
        raise ScoresInvalid(f"{file}: cannot be read as JSON: {error}. Correct it there.") from error
    if not isinstance(content, dict):
        raise ScoresInvalid(
            f'{file}: holds a {type(content).__name__}, not an object. Write {{"tasks": {{...}}, "runs": {{...}}}}.'
        )
    try:
        return Scores.model_validate(content)
    except ValidationError as error:
        told = [line for item in error.errors() for line in _explain(item)]
        more = [f"and {len(told) - _SHOWN} more like these"] if len(told) > _SHOWN else []
        raise ScoresInvalid("\n".join(f"{file}: {line}" for line in told[:_SHOWN] + more)) from error


def _faults(scores: Scores) -> list[str]:
    """What is wrong between the parts, one sentence each with its place."""
    faults: list[str] = []
    if not scores.tasks:
        faults.append("tasks: there is none. Add every task that `runs` names.")
    if not scores.runs:
        faults.append("runs: there is no agent. Add at least one.")
    for name, task in scores.tasks.items():
        if task.reference is not None and task.sign * (task.reference - task.baseline) <= 0:
            faults.append(
                f"{_place('tasks', name, 'reference')}: {task.reference} is no better than the baseline "
                f"{task.baseline} ({task.direction}). Correct reference, baseline or direction, or leave it out."
            )
    for agent, runs in scores.runs.items():
        if agent == BASELINE:
            faults.append(
                f"{_place('runs', agent)}: the name stands for the tasks' baselines. Call the agent something else."
            )
        for unknown in (name for name in runs if name not in scores.tasks):
            faults.append(
                f"{_place('runs', agent, unknown)}: `tasks` has no such task{_near(unknown, scores.tasks)}. "
                "Add it there with metric, direction and baseline, or correct the name."
            )
    return faults


def _explain(item: Any) -> list[str]:
    """A validation error as lines of place, fault and fix."""
    if item["type"] == "value_error":
        return str(item["ctx"]["error"]).splitlines()
    place = _place(*item["loc"])
    fix = _FIXES.get(item["type"], "Correct it.")
    if item["type"] == "missing":
        return [f"{place}: missing. {fix}"]
    shown = repr(item["input"])
    return [f"{place}: is {shown if len(shown) <= 60 else shown[:57] + '...'}. {fix}"]


def _place(*steps: str | int) -> str:
    """Where in the file, as one would write it in Python: `runs["gpt-4o"]["titanic"][2]`."""
    return str(steps[0]) + "".join(f"[{json.dumps(step, ensure_ascii=False)}]" for step in steps[1:])


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3)
    return f" (did you mean {', '.join(close)}?)" if close else ""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a name given twice would hide runs."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object names {twice!r} twice")
    return made
