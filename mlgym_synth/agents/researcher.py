"""`scripted:researcher`: a teacher without a model. It looks, measures the baseline, tries ideas, keeps the best.

It knows no task. What it sees is the statement and the tools' output; what it does follows from the form of the files
(`plans.py`), and the experiments themselves are the scripts in `recipes/`, which run in the sandbox.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field

from mlgym_synth.agents.base import Action
from mlgym_synth.agents.goal import Goal, failed, read_estimate, read_goal, read_validation
from mlgym_synth.agents.plans import Idea, prediction_ideas, program_ideas, program_kind, read_columns, recipe
from mlgym_synth.agents.scripted import Script, bash, tool

SHOWN_OPPONENTS = (
    "python -c \"import json; print([[i['bet'], i['call']] for i in json.load(open('instances.json'))])\" 2>/dev/null"
)
LAST_STEPS = 2
"""Steps kept back: put the best submission in its place, hand it in."""

_Step = Generator[Action, str, str]


@dataclass(slots=True)
class _Notes:
    """What has been done and found in this episode."""

    goal: Goal
    steps: int = 0
    validations: int = 0
    written: dict[str, str] = field(default_factory=dict)
    best: str | None = None
    best_score: float | None = None
    best_estimate: float | None = None
    current: str | None = None

    @property
    def steps_left(self) -> int:
        return self.goal.steps - self.steps

    def do(self, action: Action) -> _Step:
        """Take one step."""
        self.steps += 1
        return (yield action)

    def better(self, score: float, estimate: float | None) -> bool:
        """By validation; where that is equal to its rounding, by the experiment's own estimate."""
        if self.best_score is None:
            return True
        if score != self.best_score:
            return (score > self.best_score) == self.goal.maximize
        if estimate is None or self.best_estimate is None:
            return self.best_estimate is None
        return (estimate > self.best_estimate) == self.goal.maximize


def researcher(statement: str, seed: int) -> Script:
    """Look around, run the baseline, try what the task calls for, hand in what validated best."""
    notes, rng = _Notes(read_goal(statement)), random.Random(seed)
    goal = notes.goal
    if notes.steps_left > 8:
        yield from notes.do(bash("ls -l && head -c 300 sample_*"))
        yield from notes.do(tool("view", path="baseline.py"))
    yield from _attempt(notes, Idea("baseline", "python baseline.py"))
    if notes.steps_left > 8:
        for idea in (yield from _ideas(notes, rng)):
            needed = sum(notes.written.get(name) != text for name, text in idea.files.items()) + 2
            if notes.steps_left >= needed + LAST_STEPS and notes.validations < goal.validations:
                yield from _attempt(notes, idea)
    yield from _hand_in(notes)


def _ideas(notes: _Notes, rng: random.Random) -> Generator[Action, str, list[Idea]]:
    """Look closer, and decide what to try."""
    goal = notes.goal
    if not goal.function:
        yield from notes.do(tool("create", path="look.py", content=recipe("look")))
        seen = yield from notes.do(bash("python look.py"))
        return prediction_ideas(goal, read_columns(seen), rng)
    helpers = [name for name in goal.files if name.endswith(".py") and name not in ("baseline.py", "sample_program.py")]
    for name in helpers[:1]:
        yield from notes.do(tool("view", path=name))
    if "instances.json" in goal.files:
        yield from notes.do(bash("head -c 600 instances.json"))
    kind = program_kind(goal)
    if kind is None:
        return []
    shown = (yield from notes.do(bash(SHOWN_OPPONENTS))) if kind == "poker" else ""
    return program_ideas(goal, kind, shown, rng)


def _attempt(notes: _Notes, idea: Idea) -> Generator[Action, str, None]:
    """Write what the idea needs, run it, validate, remember it if it is the best so far."""
    for name, text in idea.files.items():
        if notes.written.get(name) != text:
            yield from notes.do(tool("create", path=name, content=text))
            notes.written[name] = text
    file = notes.goal.submission
    keep = f"mkdir -p kept && {idea.command} && cp {file} kept/{idea.name}"
    notes.current = None
    seen = yield from notes.do(bash(keep))
    if failed(seen) and idea.easier is not None and notes.steps_left > LAST_STEPS + 3:
        path, old, new = idea.easier
        yield from notes.do(tool("edit", path=path, old=old, new=new))
        notes.written[path] = notes.written.get(path, "").replace(old, new)
        seen = yield from notes.do(bash(keep))
    if failed(seen):
        return
    notes.current = idea.name
    score = read_validation((yield from notes.do(tool("validate"))))
    notes.validations += 1
    estimate = read_estimate(seen)
    if score is not None and notes.better(score, estimate):
        notes.best, notes.best_score, notes.best_estimate = idea.name, score, estimate


def _hand_in(notes: _Notes) -> Generator[Action, str, None]:
    """Submit the best; the sample where nothing else could be made."""
    file = notes.goal.submission
    if notes.best is not None and notes.best != notes.current and notes.steps_left > 1:
        yield from notes.do(bash(f"cp kept/{notes.best} {file}"))
    seen = yield from notes.do(tool("submit"))
    if "Not submitted" in seen:
        sample = "sample_program.py" if notes.goal.function else "sample_submission.csv"
        yield from notes.do(bash(f"cp {sample} {file}"))
        yield from notes.do(tool("submit"))
