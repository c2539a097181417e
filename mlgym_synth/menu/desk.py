"""What is on the menu, what an action's tool calls are, and what is seen of it: the state of one episode.

`MenuActions` asks it. The experiments are the scripted researcher's (`agents/plans.py`, `agents/programs.py`).
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.agents.base import Action
from mlgym_synth.agents.goal import Goal, failed, killed, read_estimate, read_validation
from mlgym_synth.agents.plans import (
    Idea,
    baseline_idea,
    other_lines,
    prediction_ideas,
    read_columns,
    read_rows,
    recipe,
    turned,
)
from mlgym_synth.agents.programs import program_ideas, program_kind
from mlgym_synth.agents.researcher import SHOWN_OPPONENTS
from mlgym_synth.agents.scripted import bash, tool
from mlgym_synth.agents.strategy import Purse
from mlgym_synth.grading.reward import clipped, progress
from mlgym_synth.playable import Facts
from mlgym_synth.task import FAMILIES

IDEAS = 6
"""Experiments on the menu, besides the baseline, tuning and the blend."""
ACTIONS = ("look", "baseline", *(f"idea-{n}" for n in range(1, IDEAS + 1)), "tune", "blend", "restore", "validate",
           "submit")  # fmt: skip
"""What an action's index means."""
_TRIED = ("baseline", *(f"idea-{n}" for n in range(1, IDEAS + 1)), "tune", "blend")
_GENERAL = 9
OBSERVED = _GENERAL + 3 * len(_TRIED) + len(ACTIONS) + len(FAMILIES)
"""Length of an observation."""
_SLOTS = {
    1: ("linear", "words", "raw", "biases", "logistic", "pairs", "seasons", "tails"),
    2: ("boosting", "letters", "factors", "calendar"),
    3: ("forest", "extra", "trees", "rows", "density"),
    4: ("kernel", "plain", "kernels", "edges", "neighbours", "distance", "components", "style"),
}
"""Where experiments of a like nature stand on the menu, whatever the task; the others take the places left."""

Moves = Generator[Action, str, None]


@dataclass(slots=True)
class Desk:
    """What has been done in this episode, what it gave, and what can be done next. `do` yields tool calls.

    Attributes:
        goal, facts: the task as an agent reads it, and as the env has it.
        purse: tool time by count and not by the clock, so that the menu does not depend on how busy a machine is.
        menu: the task's experiments by their action, known after a look.
        ran: what each experiment ended as, by action: False for a failure.
        gave: progress on the validation half, by kept file.
        estimates: what experiments said of themselves, larger is better, by kept file.
        kept: experiments that ran, by the name of the copy that is kept of what they wrote.
        newest: the kept file, or the failure, that an action came to last.
        changes: what `tune` has tried.
        written: scripts as they are in the workspace.
        current: the kept file that is the submission now.
        latest: progress of the last validation.
    """

    goal: Goal
    facts: Facts
    purse: Purse
    steps_left: int
    looked: bool = False
    menu: dict[str, Idea] = field(default_factory=dict)
    ran: dict[str, bool] = field(default_factory=dict)
    kept: dict[str, Idea] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    changes: set[str] = field(default_factory=set)
    gave: dict[str, float] = field(default_factory=dict)
    estimates: dict[str, float] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    current: str | None = None
    latest: float = 0.0
    first_score: float | None = None
    validations: int = 0
    over: bool = False

    @property
    def best(self) -> str | None:
        """The kept file that validated best, the earlier of two that are equal."""
        return max(self.gave, key=lambda name: self.gave[name], default=None)

    @property
    def lead(self) -> str | None:
        """The kept file whose own estimate is best."""
        return max(self.estimates, key=lambda name: self.estimates[name], default=None)

    @property
    def favourite(self) -> str | None:
        """What to go on from: the best by validation, with none by its own estimate, with none the last."""
        return self.best or self.lead or self.current or next(reversed(self.kept), None)

    def available(self) -> dict[str, bool]:
        """For every action whether it can be done now. `submit` is always available when nothing else is."""
        room = self.steps_left >= 1 and not self.over
        may = {
            "look": room and not self.looked and self.purse.affords(0.0),
            "baseline": "baseline" not in self.ran and self._affords(baseline_idea(self.goal)),
            **{name: name in self.menu and self._new(name) for name in ACTIONS[2 : 2 + IDEAS]},
            "tune": (changed := self._changed()) is not None and self._affords(changed),
            "blend": sum(self.ran.get(name, False) for name in self.menu if name != "blend") >= 2
            and self._new("blend"),
            "restore": room and self.favourite not in (None, self.current),
            "validate": room and self.current not in (None, *self.gave) and self.validations < self.goal.validations,
            "submit": room and self.current is not None,
        }
        may["submit"] |= not any(may.values())
        return may

    def _new(self, action: str) -> bool:
        idea = self.menu.get(action)
        if idea is None or action in self.ran:
            return False
        # Many a program goes below the baseline's: it is built on the file that the baseline left.
        built_on = not self.goal.function or "kept/baseline" not in idea.command or "baseline" in self.kept
        return built_on and self._affords(idea)

    def _affords(self, idea: Idea) -> bool:
        writes = sum(self.written.get(name) != text for name, text in idea.files.items())
        needed = writes + 1 + (self.current is not None)  # the last to put things back after a failure
        return not self.over and self.steps_left >= needed and self.purse.affords(idea.work_s)

    def _changed(self) -> Idea | None:
        """The favourite, with one setting changed in a way that was not tried."""
        idea = self.kept.get(self.favourite or "")
        if idea is None:
            return None
        for knob in idea.knobs:
            for line in other_lines(knob):
                changed = turned(idea, knob, line)
                if changed.name not in self.changes and changed.files != idea.files:
                    return changed
        return None

    def do(self, action: str) -> Moves:
        """The tool calls of an action that is available."""
        simple = {"look": self._look, "restore": self._restore, "validate": self._validate, "submit": self._submit}
        if action in simple:
            yield from simple[action]()
            return
        idea = self._changed() if action == "tune" else self.menu.get(action, baseline_idea(self.goal))
        assert idea is not None  # it is available
        self.newest[action] = idea.name
        if action == "tune":
            self.changes.add(idea.name)
        yield from self._try(action, idea)

    def _look(self) -> Moves:
        if self.goal.function:
            kind = program_kind(self.goal)
            seen = yield bash(SHOWN_OPPONENTS if kind == "poker" else "ls -l && head -c 600 baseline.py")
            # Settings are drawn with one seed for all episodes, so that an index keeps its meaning.
            ideas = program_ideas(self.goal, kind, seen, random.Random(0)) if kind is not None else []
        else:
            seen = yield bash(f"cat > look.py <<'END_OF_LOOK'\n{recipe('look')}\nEND_OF_LOOK\npython look.py")
            ideas = prediction_ideas(self.goal, read_columns(seen), random.Random(0), read_rows(seen))
        self.purse.pay(0.0)
        self.looked, self.menu = True, _placed(ideas)

    def _try(self, action: str, idea: Idea) -> Moves:
        for name, text in idea.files.items():
            if self.written.get(name) != text:
                yield tool("create", path=name, content=text)
                self.written[name] = text
        file, cap = self.goal.submission, self.purse.cap_s(idea.work_s, first=not self.kept)
        command = f"mkdir -p kept && {idea.command} && cp {file} kept/{idea.name}"
        seen = yield tool("bash", command=command, timeout_s=cap)
        self.purse.pay(idea.work_s, cap if killed(seen) else None)
        self.ran[action] = not failed(seen)
        if not failed(seen):
            self.current, self.kept[idea.name] = idea.name, idea
            if (estimate := read_estimate(seen)) is not None:
                self.estimates[idea.name] = estimate if self.goal.maximize else -estimate
        elif self.current is not None:  # what it may have left is not to be handed in
            yield bash(f"cp kept/{self.current} {file}")

    def _restore(self) -> Moves:
        favourite = self.favourite
        yield bash(f"cp kept/{favourite} {self.goal.submission}")
        self.current = favourite

    def _validate(self) -> Moves:
        score = read_validation((yield tool("validate")))
        assert self.current is not None
        if score is None:  # refused: it is no submission, and nothing to go back to or to build on
            self.kept.pop(self.current)
            self.estimates.pop(self.current, None)
            self.ran |= {action: False for action, name in self.newest.items() if name == self.current}
            self.current = None
            return
        self.validations += 1
        self.latest = self.gave[self.current] = self._progress(score)

    def _submit(self) -> Moves:
        if self.current is None and self.steps_left > 1:
            sample = "sample_program.py" if self.goal.function else "sample_submission.csv"
            yield bash(f"cp {sample} {self.goal.submission}")
        yield tool("submit")
        self.current = None  # only where it was refused does anything come after

    def _progress(self, score: float) -> float:
        """From the score as it is shown; relative to the first one where a task has no reference."""
        baseline, reference, direction = self.facts.baseline, self.facts.reference, self.facts.metric.direction
        if baseline is not None and reference is not None:
            return clipped(progress(score, baseline.validation.score, reference.validation.score, direction))
        self.first_score = score if self.first_score is None else self.first_score
        gain = (score - self.first_score) / max(abs(self.first_score), 1e-9)
        return clipped(gain if direction == "maximize" else -gain)

    def observation(self, max_steps: int, time_s: float) -> NDArray[np.float32]:
        """See `MenuActions`."""
        best, lead = self.best, self.lead
        general = [
            self.steps_left / max_steps,
            max(0.0, self.purse.left_s / time_s),
            1 - self.validations / max(1, self.goal.validations),
            self.latest,
            self.gave.get(best or "", 0.0),
            float(best is not None),
            float(self.current is not None),
            float(self.current is not None and self.current in self.gave),
            float(self.current is not None and self.current == self.favourite),
        ]
        tried = []
        for action in _TRIED:
            name = self.newest.get(action, "")
            tried += [self.ran[action] * 2.0 - 1 if action in self.ran else 0.0, self.gave.get(name, 0.0)]
            tried.append(float(bool(name) and name == lead))
        families = [float(family == self.facts.family) for family in FAMILIES]
        return np.array([*general, *tried, *self.available().values(), *families], dtype=np.float32)


def _placed(ideas: list[Idea]) -> dict[str, Idea]:
    """Every experiment under its action: by its nature where that has a place, the others in what is left."""
    menu: dict[str, Idea] = {}
    others = []
    for idea in ideas:
        place = next((f"idea-{n}" for n, names in _SLOTS.items() if idea.name in names), None)
        place = "blend" if idea.name == "blend" else place
        if place is not None and place not in menu:
            menu[place] = idea
        else:
            others.append(idea)
    left = [name for name in ACTIONS[2 : 2 + IDEAS] if name not in menu]
    return {**menu, **dict(zip(left, others, strict=False))}  # more than there are places: the last fall away
