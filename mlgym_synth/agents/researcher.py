"""`scripted:researcher`: a teacher without a model. It looks, measures the baseline, tries ideas, keeps the best.

It knows no task. What it sees is the statement and the tools' output; what it does follows from the form of the files
(`plans.py`, `programs.py`), and the experiments themselves are the scripts in `recipes/`, which run in the sandbox. How
it goes about it differs from seed to seed (`strategy.py`).
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field, replace

from mlgym_synth.agents.base import Action
from mlgym_synth.agents.goal import Goal, failed, killed, read_estimate, read_goal, read_validation
from mlgym_synth.agents.plans import (
    Idea,
    Knob,
    baseline_idea,
    other_lines,
    prediction_ideas,
    read_columns,
    read_rows,
    recipe,
    turned,
)
from mlgym_synth.agents.programs import program_ideas, program_kind
from mlgym_synth.agents.scripted import Script, bash, tool
from mlgym_synth.agents.strategy import Purse, Style, draw_style

SHOWN_OPPONENTS = (
    "python -c \"import json; print([[i['bet'], i['call']] for i in json.load(open('instances.json'))])\" 2>/dev/null"
)
GLANCES = (
    "ls && head -c 300 sample_*",
    "ls -l",
    "wc -c * && head -n 3 sample_*",
    "head -n 4 *.csv *.py | cut -c 1-150",
)
LAST_STEPS = 2
"""Steps kept back: put the best submission in its place, hand it in."""
CHEAP_S = 0.5
"""Experiments that take less are worth two more tries."""
FEW_STEPS = 8
"""With no more steps than this there is time for the baseline and nothing else."""

_Step = Generator[Action, str, str]
_Steps = Generator[Action, str, None]


@dataclass(slots=True)
class _Notes:
    """What has been done and found in this episode."""

    goal: Goal
    purse: Purse
    steps: int = 0
    validations: int = 0
    written: dict[str, str] = field(default_factory=dict)
    best: Idea | None = None
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
        return self.best_estimate is None or (estimate is not None and self.promising(estimate))

    def promising(self, estimate: float | None) -> bool:
        """Whether the experiment's own estimate is better than the best one's; so if one of them has none."""
        if estimate is None or self.best_estimate is None:
            return True
        return (estimate > self.best_estimate) == self.goal.maximize

    def affords(self, idea: Idea) -> bool:
        """Whether steps, validations and time are there for an experiment."""
        needed = sum(self.written.get(name) != text for name, text in idea.files.items()) + 2
        room = self.steps_left >= needed + LAST_STEPS and self.validations < self.goal.validations
        return room and self.purse.affords(idea.work_s)


def researcher(statement: str, seed: int) -> Script:
    """Look around, run the baseline, try what the task calls for, hand in what validated best."""
    goal, rng = read_goal(statement), random.Random(seed)
    notes, style = _Notes(goal, Purse(goal)), draw_style(rng)
    if notes.steps_left <= FEW_STEPS:
        yield from _attempt(notes, baseline_idea(goal))
    else:
        yield from _look(notes, style, rng)
        if style.baseline_first or goal.function:  # programs are built on the baseline's
            yield from _attempt(notes, baseline_idea(goal))
            ideas = yield from _ideas(notes, style, rng)
        else:
            ideas = yield from _ideas(notes, style, rng)
            yield from _attempt(notes, baseline_idea(goal))
        yield from _explore(notes, style, ideas)
        yield from _tweak(notes, style, rng)
        yield from _blend(notes, style, ideas)
    yield from _hand_in(notes)


def _look(notes: _Notes, style: Style, rng: random.Random) -> _Steps:
    """A first look at the workspace."""
    if style.looks >= 1:
        yield from notes.do(bash(rng.choice(GLANCES)))
    if style.looks >= 2:
        ways = (tool("view", path="baseline.py"), bash("cat baseline.py"), bash("ls -l && head -n 40 baseline.py"))
        yield from notes.do(rng.choice(ways))


def _ideas(notes: _Notes, style: Style, rng: random.Random) -> Generator[Action, str, list[Idea]]:
    """Look closer, and decide what to try."""
    goal = notes.goal
    if not goal.function and "data/train.csv" in goal.files and "data/test.csv" in goal.files:
        return (yield from _arranged_ideas(notes, style, rng))
    if not goal.function:
        yield from notes.do(tool("create", path="look.py", content=recipe("look")))
        seen = yield from notes.do(bash("python look.py"))
        notes.purse.pay(0.0)
        return prediction_ideas(goal, read_columns(seen), rng, read_rows(seen), style.bold)
    helpers = [name for name in goal.files if name.endswith(".py") and name not in ("baseline.py", "sample_program.py")]
    for name in helpers[:1]:
        yield from notes.do(tool("view", path=name))
    shown = next((name for name in ("instances.json", "measurements.csv") if name in goal.files), None)
    if shown and style.looks:
        yield from notes.do(bash(f"head -c {rng.choice([400, 600, 900])} {shown}"))
    kind = program_kind(goal)
    if kind is None:
        return []
    opponents = (yield from notes.do(bash(SHOWN_OPPONENTS))) if kind == "poker" else ""
    return program_ideas(goal, kind, opponents, rng)


def _arranged_ideas(notes: _Notes, style: Style, rng: random.Random) -> Generator[Action, str, list[Idea]]:
    """Ideas for files in MLGym's layout: they are brought into the usual one in a folder, and every idea runs there."""
    goal = notes.goal
    for name, settings in (("arrange", {"SUBMISSION": goal.submission}), ("look", {})):
        yield from notes.do(tool("create", path=f"{name}.py", content=recipe(name, **settings)))
    seen = yield from notes.do(bash("python arrange.py && (cd flat && python ../look.py)"))
    notes.purse.pay(0.0)
    # Names and tickets are told apart from texts by the company they keep; the statement speaks of another layout.
    columns = [replace(column, kind="category") if column.kind == "text" else column for column in read_columns(seen)]
    usual = replace(goal, text="", files=("sample_submission.csv", "test.csv", "train.csv"))
    return [_in_flat(idea) for idea in prediction_ideas(usual, columns, rng, read_rows(seen), style.bold)]


def _in_flat(idea: Idea) -> Idea:
    return replace(
        idea,
        command=f"(cd flat && {idea.command}) && python arrange.py back",
        files={f"flat/{name}": text for name, text in idea.files.items()},
        easier=(f"flat/{idea.easier[0]}", *idea.easier[1:]) if idea.easier else None,
        knobs=tuple(replace(knob, path=f"flat/{knob.path}") for knob in idea.knobs),
    )


def _explore(notes: _Notes, style: Style, ideas: list[Idea]) -> _Steps:
    """Try ideas until there are no more, or several in a row have brought nothing."""
    in_vain, ideas = 0, [idea for idea in ideas if idea.name != "blend"]
    more = 2 if all(idea.work_s < CHEAP_S for idea in ideas) else 0
    for idea in ideas[: style.most_ideas + more]:
        if in_vain >= style.patience + more:
            break
        if notes.affords(idea):
            gained = yield from _attempt(notes, idea, style.thrifty)
            in_vain = 0 if gained else in_vain + 1


def _tweak(notes: _Notes, style: Style, rng: random.Random) -> _Steps:
    """Change one setting of the best experiment at a time; what brings nothing is taken back."""
    tried: set[Knob] = set()
    for _ in range(style.tweaks):
        best = notes.best
        knobs = [knob for knob in best.knobs if knob not in tried] if best else []
        if best is None or not knobs:
            return
        knob = rng.choice(knobs)
        tried.add(knob)
        text = notes.written.get(knob.path, best.files[knob.path])
        other = rng.choice(other_lines(knob))
        changed = turned(best, knob, other)
        if not notes.affords(changed) or notes.steps_left < LAST_STEPS + 4:
            return
        if text == best.files[knob.path]:
            yield from _edit(notes, knob.path, knob.line, other)
        gained = yield from _attempt(notes, changed)
        if (
            not gained
            and notes.steps_left > LAST_STEPS + 1
            and notes.written.get(knob.path) == changed.files[knob.path]
        ):
            yield from _edit(notes, knob.path, other, knob.line)


def _edit(notes: _Notes, path: str, old: str, new: str) -> _Steps:
    yield from notes.do(tool("edit", path=path, old=old, new=new))
    notes.written[path] = notes.written.get(path, "").replace(old, new)


def _blend(notes: _Notes, style: Style, ideas: list[Idea]) -> _Steps:
    """Put the experiments together."""
    last = next((idea for idea in ideas if idea.name == "blend"), None)
    if last is not None and style.blends and notes.validations > 2 and notes.affords(last):
        yield from _attempt(notes, last, style.thrifty)


def _attempt(notes: _Notes, idea: Idea, thrifty: bool = False) -> Generator[Action, str, bool]:
    """Write what the idea needs, run it, validate it, remember it if it is the best so far; whether it is."""
    for name, text in idea.files.items():
        if notes.written.get(name) != text:
            yield from notes.do(tool("create", path=name, content=text))
            notes.written[name] = text
    seen = yield from _run(notes, idea)
    if failed(seen) and idea.easier is not None and notes.steps_left > LAST_STEPS + 3 and notes.purse.affords(0.0):
        path, old, new = idea.easier
        yield from _edit(notes, path, old, new)
        idea = replace(idea, files={**idea.files, path: notes.written[path]}, work_s=idea.work_s / 3, knobs=())
        seen = yield from _run(notes, idea)
    if failed(seen):
        return False
    notes.current = idea.name
    estimate = read_estimate(seen)
    if thrifty and not notes.promising(estimate):
        return False
    score = read_validation((yield from notes.do(tool("validate"))))
    notes.validations += 1
    if score is None or not notes.better(score, estimate):
        return False
    notes.best, notes.best_score, notes.best_estimate = idea, score, estimate
    return True


def _run(notes: _Notes, idea: Idea) -> _Step:
    """Run the idea's command and keep a copy of what it wrote.

    When time ends the file that is there is handed in, so the best one is put there first.
    """
    file, purse = notes.goal.submission, notes.purse
    back = notes.best is not None and notes.current != notes.best.name
    first = f"cp kept/{notes.best.name} {file} && " if back and notes.best else ""
    command = f"{first}mkdir -p kept && {idea.command} && cp {file} kept/{idea.name}"
    notes.current = None
    cap = purse.cap_s(idea.work_s, first=notes.best is None)
    seen = yield from notes.do(tool("bash", command=command, **({"timeout_s": cap} if cap < notes.goal.tool_s else {})))
    purse.pay(idea.work_s, cap if killed(seen) else None)
    return seen


def _hand_in(notes: _Notes) -> _Steps:
    """Submit the best; the sample where nothing else could be made."""
    file = notes.goal.submission
    if notes.best is not None and notes.best.name != notes.current and notes.steps_left > 1:
        yield from notes.do(bash(f"cp kept/{notes.best.name} {file}"))
    seen = yield from notes.do(tool("submit"))
    if "Not submitted" in seen:
        sample = "sample_program.py" if notes.goal.function else "sample_submission.csv"
        yield from notes.do(bash(f"cp {sample} {file}"))
        yield from notes.do(tool("submit"))
