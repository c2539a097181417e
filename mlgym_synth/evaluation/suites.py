"""Suites: the tasks that agents are compared on, with what scores are measured against. `benchmark` plays them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgym_synth import registry
from mlgym_synth.evaluation.scores import ScoredTask
from mlgym_synth.grading.metrics import METRICS
from mlgym_synth.playable import open_task
from mlgym_synth.registry import TaskEntry

SPLITS = ("heldout", "train")
MLGYM = "mlgym"
"""The suite of all tasks of a registered MLGym checkout."""


@dataclass(frozen=True, slots=True)
class SuiteTask:
    """A task of a suite.

    Attributes:
        entry: how it is found and played.
        scored: metric, direction, and the scores of baseline and reference on the test half.
        optimum: the best score there is; None where it is not known.
        well_known: data that every model has memorised; reported apart, in no mean.
    """

    entry: TaskEntry
    scored: ScoredTask
    optimum: float | None
    well_known: bool

    @property
    def id(self) -> str:
        """The task's id, as trajectories have it."""
        return self.entry.id


@dataclass(frozen=True, slots=True)
class Suite:
    """Tasks under a name."""

    name: str
    tasks: tuple[SuiteTask, ...]


def open_suite(name: str) -> Suite:
    """A suite by its name on the command line.

    Args:
        name: `heldout` or `train`, the registered tasks of that split; `mlgym`; or a text file with ids and globs, one
            a line, where a `#` begins a comment.

    Raises:
        ValueError: no such suite, an empty one, or a task in it whose baseline was never measured.
        TaskNotFound: a line of the file matches no task.
    """
    if name in SPLITS:
        return make_suite(name, registry.select(split=name))
    if name == MLGYM:
        return make_suite(name, registry.select([f"{MLGYM}/*"]))
    file = Path(name)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"suite {name!r}: {reason}. Suites are {', '.join(SPLITS)}, {MLGYM}, or a file.") from error
    patterns = [words for line in lines if (words := line.partition("#")[0].strip())]
    if not patterns:
        raise ValueError(f"suite {name!r}: names no task. Write ids or globs into the file, one a line.")
    return make_suite(file.stem, registry.select(patterns))


def make_suite(name: str, entries: Sequence[TaskEntry]) -> Suite:
    """A suite of these tasks.

    Raises:
        ValueError: there is none, or one whose baseline was never measured.
    """
    if not entries:
        raise ValueError(f"suite {name!r}: there is no such task.")
    return Suite(name, tuple(_task(name, entry) for entry in entries))


def _task(suite: str, entry: TaskEntry) -> SuiteTask:
    spec = open_task(entry.address).spec
    if spec.baseline is None:
        raise ValueError(
            f"suite {suite!r}: the baseline of {entry.id} was never measured. Run `mlgym-synth verify --record` on it."
        )
    metric = spec.metric
    known = METRICS.get(metric.name)
    return SuiteTask(
        entry,
        ScoredTask(
            metric=metric.name,
            direction=metric.direction,
            baseline=spec.baseline.test.score,
            reference=spec.reference.test.score if spec.reference else None,
            dataset=entry.dataset,
        ),
        metric.optimum if metric.optimum is not None or known is None else known.optimum,
        spec.well_known,
    )
