"""What the env can play: a task's folder, or whatever another suite opens in its place.

`SynthEnv` and `Episode` know a task through `Playable` alone. `open_task` finds it; a suite's entry in the registry
names the function that opens it, so that nothing here knows any suite.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mlgym_synth import briefing, registry
from mlgym_synth.errors import FileRefused
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.grading.judges import Judge, open_judge
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox.base import Sandbox
from mlgym_synth.task import Measured, Metric


class Facts(Protocol):
    """What an episode has to know of its task, in the terms of `TaskSpec`."""

    @property
    def id(self) -> str:
        """As in `info["task_id"]`."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def family(self) -> str:
        """Kind of task."""

    @property
    def metric(self) -> Metric:
        """Name and direction."""

    @property
    def max_steps(self) -> int:
        """The step budget, where none is given."""

    @property
    def limits(self) -> Limits:
        """Of the sandbox, where none are given."""

    @property
    def runtime(self) -> str:
        """Profile of the sandbox's Python."""

    @property
    def baseline(self) -> Measured | None:
        """What the baseline scores, None where that is not known."""

    @property
    def reference(self) -> Measured | None:
        """The score whose progress is 1."""

    @property
    def well_known(self) -> bool:
        """Whether its data, or its answers, are no evidence of anything; reported apart."""


class Playable(Protocol):
    """A task as the env plays it."""

    @property
    def spec(self) -> Facts:
        """What it is."""

    @property
    def sha256(self) -> str:
        """Changes with whatever is played."""

    @property
    def max_validations(self) -> int:
        """How often an episode may ask for a score."""

    def open(self, seed: int, open_sandbox: Callable[[], Sandbox]) -> tuple[Judge, dict[str, bytes]]:
        """The judge of one episode, and every file its agent finds.

        Raises:
            DatasetUnavailable: the data cannot be had.
        """

    def brief(self, files: list[str], limits: Limits, max_steps: int) -> str:
        """The first observation; `files` are those of `open`, limits and steps those in force."""

    def collect(self, sandbox: Sandbox, max_bytes: int) -> bytes:
        """What the agent would hand in now, as its judge takes it.

        Raises:
            FileRefused: there is none that can be read; names the file and says why.
        """


class PlayableFolder(TaskFolder):
    """A task's folder, played."""

    @property
    def max_validations(self) -> int:
        """See `Playable.max_validations`."""
        return briefing.MAX_VALIDATIONS

    def open(self, seed: int, open_sandbox: Callable[[], Sandbox]) -> tuple[Judge, dict[str, bytes]]:
        """See `Playable.open`. Ids and row order of the data are drawn from the seed."""
        judge, files = open_judge(self, seed, open_sandbox)
        return judge, {**self.workspace, **files}

    def brief(self, files: list[str], limits: Limits, max_steps: int) -> str:
        """See `Playable.brief`."""
        return briefing.compose(self, files, limits, max_steps)

    def collect(self, sandbox: Sandbox, max_bytes: int) -> bytes:
        """See `Playable.collect`. The declared file, as it is."""
        return read_declared(sandbox, self.spec.submission.file, max_bytes)


def read_declared(sandbox: Sandbox, file: str, max_bytes: int) -> bytes:
    """Read a submission that is one file.

    Raises:
        FileRefused: names the file and says why.
    """
    try:
        return sandbox.read_file(file, max_bytes)
    except FileRefused as refusal:
        raise FileRefused(f"{file}: {refusal}") from refusal


def open_task(task: str | Path) -> Playable:
    """The task in a folder, or the one registered under an id.

    Raises:
        TaskNotFound, TaskInvalid: no such task, or a broken one.
    """
    if Path(task).is_dir():
        return _folder(task)
    entry = registry.find(str(task))
    if not entry.opener:
        return _folder(entry.folder)
    module, _, function = entry.opener.partition(":")
    opened: Playable = getattr(importlib.import_module(module), function)(entry)
    return opened


def _folder(path: str | Path) -> Playable:
    folder = load_task(path)
    return PlayableFolder(folder.path, folder.spec)
