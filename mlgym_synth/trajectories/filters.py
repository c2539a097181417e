"""Which trajectories to take: filters that are put in a row, and a table of what each of them removed.

Trajectories stream through. A filter that has to compare (the best of each task) reads all of them once before, and
keeps keys and scores, never trajectories; so 100,000 episodes need megabytes, and what is given must be readable more
than once: a list, or a `Stores`.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlgym_synth.grading.reward import ROUNDING
from mlgym_synth.trajectories.model import Trajectory, validations
from mlgym_synth.trajectories.splits import Splits
from mlgym_synth.trajectories.store import read_trajectories
from mlgym_synth.trajectories.tokens import TokenCounter

Test = Callable[[Trajectory], Trajectory | None]
Identity = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TrajectoryFilter:
    """Takes or removes one trajectory after the other.

    Attributes:
        name: for the table.
        start: begins a pass; what it returns gives the trajectory back, perhaps changed, or None to remove it.
        cuts: whether it may change a trajectory.
    """

    name: str
    start: Callable[[], Test]
    cuts: bool = False


@dataclass(frozen=True, slots=True)
class Best:
    """Takes the `count` highest of each group; of equal ones those that come first."""

    name: str
    count: int
    group: Callable[[Trajectory], Any]
    score: Callable[[Trajectory], Any]


@dataclass(slots=True)
class Removed:
    """A filter's line in the table.

    Attributes:
        name: the filter's.
        came, left: trajectories in and out.
        cut: of those that left, the ones it shortened; None for a filter that shortens none.
    """

    name: str
    came: int = 0
    left: int = 0
    cut: int | None = None

    @property
    def removed(self) -> int:
        """How many it took out."""
        return self.came - self.left


@dataclass(slots=True)
class CutTrajectory(Trajectory):
    """The first steps of an episode; what the episode was worth stays what it was."""

    whole: Trajectory | None = field(default=None, repr=False)

    @property
    def total_reward(self) -> float:
        """The whole episode's."""
        return self.whole.total_reward if self.whole is not None else sum(step.reward for step in self.steps)

    @property
    def validations(self) -> list[tuple[int, float]]:
        """Of all steps that are left: the one that ended the episode is not among them."""
        return validations(self.steps)


@dataclass(frozen=True, slots=True)
class Stores:
    """All trajectories of some folders, read anew by every pass."""

    folders: Sequence[Path | str]

    def __iter__(self) -> Iterator[Trajectory]:
        return itertools.chain.from_iterable(map(read_trajectories, self.folders))


def apply(
    trajectories: Iterable[Trajectory], filters: Sequence[TrajectoryFilter | Best]
) -> tuple[Iterator[Trajectory], list[Removed]]:
    """Put trajectories through filters, in the order given.

    Args:
        trajectories: read once, and once more for every `Best`.
        filters: see the functions below.

    Returns:
        What is left, as a stream, and the table, one line a filter. The table is complete when the stream has ended.

    Raises:
        ValueError: a `Best`, and trajectories that can be read once only.
    """
    if isinstance(trajectories, Iterator) and any(isinstance(each, Best) for each in filters):
        raise ValueError("the best of each task needs a second look: give a list or `Stores`, not an iterator")
    table = [
        Removed(each.name, cut=0 if isinstance(each, TrajectoryFilter) and each.cuts else None) for each in filters
    ]
    return _stream(trajectories, filters, table), table


def not_void() -> TrajectoryFilter:
    """Nothing that infrastructure or the model's endpoint cut short: it says nothing of the agent."""
    return _each("no failure of infrastructure or model", lambda trajectory: not trajectory.void)


def with_steps() -> TrajectoryFilter:
    """At least one step: without, there is nothing to learn from."""
    return _each("at least one step", lambda trajectory: bool(trajectory.steps))


def successful() -> TrajectoryFilter:
    """A valid submission was graded at the end."""
    return _each("successful submission", lambda trajectory: trajectory.successful)


def improved() -> TrajectoryFilter:
    """Better than the baseline on the test half."""
    return _each("better than the baseline", lambda t: t.progress is not None and t.progress > ROUNDING)


def progress_at_least(least: float) -> TrajectoryFilter:
    """Progress on the test half: 0 is the baseline, 1 the reference."""
    return _each(f"progress at least {least:g}", lambda t: t.progress is not None and t.progress >= least)


def reward_at_least(least: float) -> TrajectoryFilter:
    """By the episode's return."""
    return _each(f"reward at least {least:g}", lambda trajectory: trajectory.total_reward >= least)


def of_split(split: str) -> TrajectoryFilter:
    """Tasks of a split, `train` or `heldout`: of the one they are of now, else of the one that is stored."""

    def start() -> Test:
        splits = Splits()
        return lambda trajectory: trajectory if splits.of(trajectory.task_id, trajectory.split) == split else None

    return TrajectoryFilter(f"split {split}", start)


def of_family(pattern: str) -> TrajectoryFilter:
    """Task families by name or glob."""
    return _each(f"family {pattern}", lambda trajectory: fnmatchcase(trajectory.family, pattern))


def by_agent(pattern: str) -> TrajectoryFilter:
    """Agents by name or glob."""
    return _each(f"agent {pattern}", lambda trajectory: fnmatchcase(trajectory.agent, pattern))


def at_most(most: int, tokens: TokenCounter) -> TrajectoryFilter:
    """No more tokens than `most` (48,000 in the paper)."""
    _check("the number of tokens", most)
    return _each(f"at most {most:,} tokens ({tokens.name})", lambda trajectory: tokens.count(trajectory) <= most)


def cut_to(most: int, tokens: TokenCounter) -> TrajectoryFilter:
    """Cut to `most` tokens (32,000 in the paper): the statement and as many whole steps from the start as fit.

    Episodes of which not even the first step fits are removed.
    """
    _check("the number of tokens", most)

    def cut(trajectory: Trajectory) -> Trajectory | None:
        if tokens.count(trajectory) <= most:
            return trajectory
        fits, too_many = 0, len(trajectory.steps)
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if tokens.count(_first(middle, trajectory)) <= most:
                fits = middle
            else:
                too_many = middle
        return _first(fits, trajectory) if fits else None

    return TrajectoryFilter(f"cut to {most:,} tokens ({tokens.name})", lambda: cut, cuts=True)


def distinct() -> TrajectoryFilter:
    """Of episodes in which the same was done and seen, the first."""

    def start() -> Test:
        seen: set[bytes] = set()

        def is_new(trajectory: Trajectory) -> Trajectory | None:
            before = len(seen)
            seen.add(bytes.fromhex(trajectory.content_sha256))
            return trajectory if len(seen) > before else None

        return is_new

    return TrajectoryFilter("no duplicates", start)


def first_of_task(count: int) -> TrajectoryFilter:
    """At most `count` of each task, the first that come."""
    _check("the number of each task", count)

    def start() -> Test:
        taken: Counter[str] = Counter()

        def has_room(trajectory: Trajectory) -> Trajectory | None:
            taken[trajectory.task_id] += 1
            return trajectory if taken[trajectory.task_id] <= count else None

        return has_room

    return TrajectoryFilter(f"at most {count} of a task", start)


def best_of_task(count: int) -> Best:
    """The `count` episodes of each task with the highest return, by progress where that is equal."""
    _check("the number of each task", count)

    def score(trajectory: Trajectory) -> tuple[float, float]:
        return trajectory.total_reward, -math.inf if trajectory.progress is None else trajectory.progress

    return Best(f"best {count} of each task", count, lambda trajectory: trajectory.task_id, score)


def _check(what: str, number: int) -> None:
    if number < 1:
        raise ValueError(f"{what} is {number}; it must be at least 1")


def _each(name: str, takes: Callable[[Trajectory], bool]) -> TrajectoryFilter:
    return TrajectoryFilter(name, lambda: lambda trajectory: trajectory if takes(trajectory) else None)


def _first(count: int, trajectory: Trajectory) -> CutTrajectory:
    values = {field.name: getattr(trajectory, field.name) for field in dataclasses.fields(Trajectory)}
    whole = trajectory.whole if isinstance(trajectory, CutTrajectory) else trajectory
    return CutTrajectory(**values | {"steps": trajectory.steps[:count]}, whole=whole)


def _stream(
    trajectories: Iterable[Trajectory], filters: Sequence[TrajectoryFilter | Best], table: Sequence[Removed]
) -> Iterator[Trajectory]:
    row: list[tuple[Test, Removed | None]] = []
    chosen: Counter[Identity] | None = None  # by the last `Best`; None before the first
    for place, (each, line) in enumerate(zip(filters, table, strict=True)):
        if isinstance(each, TrajectoryFilter):
            row.append((each.start(), line))
        else:
            chosen = _choose(each, line, _read(trajectories, row, chosen))
            # What was chosen has passed all so far: only what shortens it is done again on the next reading.
            before = [each for each in filters[:place] if isinstance(each, TrajectoryFilter) and each.cuts]
            row = [(each.start(), None) for each in before]
    yield from _read(trajectories, row, chosen)


def _read(
    trajectories: Iterable[Trajectory], row: Sequence[tuple[Test, Removed | None]], chosen: Counter[Identity] | None
) -> Iterator[Trajectory]:
    """Read all trajectories once, and let those that were chosen through a row of tests."""
    awaited = None if chosen is None else chosen.copy()
    for trajectory in trajectories:
        if awaited is not None:
            # By identity and not by place: a run that still goes on moves its trajectories about.
            if not awaited[identity := _identity(trajectory)]:
                continue
            awaited[identity] -= 1
        for test, line in row:
            passed = test(trajectory)
            if line is not None:
                line.came += 1
                line.left += passed is not None
                if line.cut is not None:
                    line.cut += passed is not None and passed is not trajectory
            if passed is None:
                break
            trajectory = passed
        else:
            yield trajectory


def _choose(best: Best, line: Removed, trajectories: Iterator[Trajectory]) -> Counter[Identity]:
    groups: defaultdict[Any, list[tuple[Any, int, Identity]]] = defaultdict(list)
    for place, trajectory in enumerate(trajectories):
        line.came += 1
        heap, scored = groups[best.group(trajectory)], (best.score(trajectory), -place, _identity(trajectory))
        if len(heap) < best.count:
            heapq.heappush(heap, scored)
        else:
            heapq.heappushpop(heap, scored)
    chosen = Counter(identity for heap in groups.values() for _, _, identity in heap)
    line.left = chosen.total()
    return chosen


def _identity(trajectory: Trajectory) -> Identity:
    """Of an episode; two that share it are copies of one."""
    return (trajectory.task_id, trajectory.index, trajectory.agent, trajectory.seed, trajectory.started_at)
