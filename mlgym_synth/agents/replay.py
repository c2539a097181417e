"""`replay:FILE`: plays a stored trajectory back, and says where what comes back differs from what is stored.

Plays for `rollouts/replay.py`, which compares scores too, and for the command line.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mlgym_synth.agents.base import Action, Usage, fingerprint
from mlgym_synth.agents.scripted import IDLE
from mlgym_synth.errors import TaskNotFound
from mlgym_synth.trajectories.model import Trajectory, from_dict
from mlgym_synth.trajectories.store import read_trajectory

DIFF_LINES = 12
COMPARED = ("tool", "exit_code", "reward", "score", "test_score")
"""Besides the observation, what a step must have in common with its replay; times and the agent's costs differ."""
ENDINGS = ("exit_status", "test_score", "progress")


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two plays of one episode part.

    Attributes:
        step: from 1; 0 is the statement, one more than there are steps is the episode's end.
        what: `statement`, `observation`, or a field of `Step` or `Trajectory`.
        expected, seen: the stored value and the new one.
    """

    step: int
    what: str
    expected: Any
    seen: Any

    def __str__(self) -> str:
        """The first lines that differ."""
        told = f"step {self.step}: {self.what} differs"
        if not isinstance(self.expected, str) or not isinstance(self.seen, str):
            return f"{told}: expected {self.expected!r}, seen {self.seen!r}"
        lines = difflib.unified_diff(
            self.expected.splitlines(), self.seen.splitlines(), "expected", "seen", lineterm="", n=0
        )
        return "\n".join([told, *(f"  {line[:200]}" for line in islice(lines, DIFF_LINES))])


class RecordEnds(Exception):
    """All that is stored of an episode that was cut short has been played."""


class ReplayAgent:
    """Takes the actions of a trajectory, whatever comes back; when they are done it idles until the episode is.

    The record of an episode that was cut short ends there: `RecordEnds`, which is no divergence.

    Args:
        trajectory: what to play.
        name: as on the command line.

    Attributes:
        divergence: the first difference in what this agent has been shown so far, None while there is none.
    """

    def __init__(self, trajectory: Trajectory, name: str = "replay") -> None:
        self.name = name
        self.trajectory = trajectory
        self.divergence: Divergence | None = None
        self._taken = 0

    def start(self, statement: str, tools: list[dict[str, Any]], seed: int) -> None:
        """Begin anew, and compare the statement."""
        self.divergence, self._taken = None, 0
        self._compare(0, "statement", self.trajectory.statement, statement)

    def act(self, observation: str) -> Action:
        """The next stored action."""
        steps, number = self.trajectory.steps, self._taken
        if 0 < number <= len(steps):
            self._compare(number, "observation", steps[number - 1].observation, observation)
        if number >= len(steps) and self.trajectory.exit_status is None:
            raise RecordEnds(f"the record ends here: {self.trajectory.error or self.trajectory.status}")
        self._taken += 1
        return steps[number].action if number < len(steps) else IDLE

    def _compare(self, step: int, what: str, expected: str, seen: str) -> None:
        if self.divergence is None and expected != seen:
            self.divergence = Divergence(step, what, expected, seen)

    @property
    def usage(self) -> Usage:
        """Calls only."""
        return Usage(calls=self._taken)

    @property
    def fingerprint(self) -> str:
        """Of what is played."""
        return fingerprint("replay", self.trajectory.content_sha256)


def first_divergence(expected: Trajectory, seen: Trajectory) -> Divergence | None:
    """Where the second play of an episode first differs from the first, in observations, rewards or scores."""
    if expected.statement != seen.statement:
        return Divergence(0, "statement", expected.statement, seen.statement)
    for number, (old, new) in enumerate(zip(expected.steps, seen.steps, strict=False), 1):
        for what in ("observation", *COMPARED):
            if (one := getattr(old, what)) != (other := getattr(new, what)):
                return Divergence(number, what, one, other)
    end = min(len(expected.steps), len(seen.steps)) + 1
    if len(expected.steps) != len(seen.steps):
        return Divergence(end, "number of steps", len(expected.steps), len(seen.steps))
    for what in ENDINGS:
        if (one := getattr(expected, what)) != (other := getattr(seen, what)):
            return Divergence(end, what, one, other)
    return None


def load_trajectory(reference: str) -> Trajectory:
    """A stored trajectory.

    Args:
        reference: a JSON file of one trajectory (as `trajectories.to_dict` makes it), or `DIR#task-0001/3`: a folder of
            `rollout`, a task, and which of its episodes there (0 if left out).

    Raises:
        ValueError: no such file, or it holds something else.
        TaskNotFound: the folder has no such episode.
        StoreInvalid: the folder is none of `rollout`.
    """
    place, mark, wanted = reference.rpartition("#")
    if not mark:
        try:
            return from_dict(json.loads(Path(reference).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{reference}: no trajectory there ({type(error).__name__}: {error}). Give a JSON file of one, or"
                " DIR#task-0001/0 for an episode in a folder of `rollout`."
            ) from error
    task, index = wanted.removeprefix("synth/"), 0
    if (numbered := re.fullmatch(r"(.+)/(\d+)", task)) is not None:  # tasks of other suites have a / in their name
        task, index = numbered[1], int(numbered[2])
    found = read_trajectory(Path(place), task, index)
    if found is None:
        raise TaskNotFound(f"{place} has no episode {index} of {task}.")
    return found
