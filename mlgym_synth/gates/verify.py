"""`verify`: all gates over one task, or over many on several cores; what is known of an unchanged task is kept."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from multiprocessing.synchronize import Event
from pathlib import Path

from mlgym_synth.cache import cache_root
from mlgym_synth.errors import FileRefused, MlgymSynthError, SandboxOverloaded, SubmissionInvalid, TaskInvalid
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.gates import cheats, content, malformed, scores
from mlgym_synth.gates.copies import not_a_copy
from mlgym_synth.gates.evidence import Evidence, GateFailed
from mlgym_synth.gates.record import Runs
from mlgym_synth.gates.workers import end_with_driver
from mlgym_synth.registry import TaskEntry
from mlgym_synth.sandbox.runtime import fingerprint
from mlgym_synth.task import InstanceData

GATES: tuple[tuple[int, str, Callable[[Evidence], str]], ...] = (
    (2, "data", content.data),
    (1, "statement", content.statement),
    (9, "no leakage", content.leakage),
    (3, "baseline", scores.baseline),
    (4, "evaluator", scores.evaluator),
    (5, "learns", scores.learns),
    (6, "headroom", scores.headroom),
    (7, "nothing for nothing", malformed.nothing_for_nothing),
    (8, "cheats fail", cheats.cheats_fail),
)
"""In the order they run: cheap ones first, those that others build on before these. Gate 10, no copies, is no matter of
a task alone: `verify_many` adds it when it is given the registered tasks to compare with."""
GATE_SECONDS = 120.0
"""A whole task is meant to take 15 s of one core: a gate at this bound never ends, on however loaded a machine."""
FAULTS = (GateFailed, TaskInvalid, SubmissionInvalid, SandboxOverloaded, FileRefused)
"""What a task brings about itself; every other error is infrastructure, and no verdict."""
_ROOMS = (
    "gates", "grading", "data", "sandbox", "tools",
    "briefing.py", "env.py", "episode.py", "folder.py", "limits.py", "playable.py", "task.py",
)  # fmt: skip
_NO_VERDICT = ("copies.py", "datasets.py", "index.py", "sketch.py", "workers.py")
"""How workers end, and what is looked at anew every time: which tasks share data, which is a copy (gate 10)."""
NAP_S = 1.0


@dataclass(frozen=True)
class GateResult:
    """What one gate found; `reason` is what is wrong, or a figure to remember."""

    gate: int
    name: str
    passed: bool
    reason: str
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """All gates that ran; after a failed one the others are not run."""

    task_id: str
    sha256: str
    results: tuple[GateResult, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every gate ran and passed."""
        return len(self.results) >= len(GATES) and all(result.passed for result in self.results)


def verify(folder: TaskFolder, *, sandbox: str = "auto", runs: Runs | None = None) -> Verdict:
    """Run the gates over one task; `runs` spares those of baseline and reference.

    A gate that takes longer than `GATE_SECONDS` fails; that is watched in a process's main thread only, so callers
    with many threads use `verify_many`.

    Raises:
        SandboxUnavailable, SandboxDied, DatasetUnavailable, GradingError: nothing can be said of the task.
    """
    evidence, results = Evidence(folder, sandbox, runs), []
    began = time.monotonic()
    for number, name, gate in GATES:
        start = time.monotonic()
        try:
            with _at_most(GATE_SECONDS):
                passed, reason = True, gate(evidence)
        except FAULTS as failure:
            passed, reason = False, str(failure)
        results.append(GateResult(number, name, passed, reason, round(time.monotonic() - start, 2)))
        if not passed:
            break
    return Verdict(folder.spec.id, folder.sha256, tuple(results), round(time.monotonic() - began, 2))


def verify_many(
    folders: Iterable[TaskFolder],
    *,
    workers: int | None = None,
    sandbox: str = "auto",
    fresh: bool = False,
    others: Sequence[TaskEntry] = (),
    on_result: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Verify tasks on several cores; verdicts of unchanged tasks come from the cache.

    Args:
        folders: the tasks.
        workers: processes; None takes one a core.
        sandbox: backend.
        fresh: do not look into the cache.
        others: registered tasks, of which none may be a copy (gate 10); that is looked at anew every time.
        on_result: called in this process with every verdict as it comes.

    Raises:
        MlgymSynthError: infrastructure failed under some task (the first of them); all others were verified before.
    """
    folders = list(folders)
    verdicts: list[Verdict] = []
    failures: list[MlgymSynthError] = []

    by_id = {folder.spec.id: folder for folder in folders}

    def done(verdict: Verdict) -> None:
        if others and verdict.passed:
            verdict = _compared(verdict, by_id[verdict.task_id], others)
        verdicts.append(verdict)
        if on_result is not None:
            on_result(verdict)

    waiting = []
    for folder in folders:
        known = None if fresh else _known(folder, sandbox)
        if known is not None:
            done(known)
        else:
            waiting.append(folder)
    if not waiting:
        return verdicts
    count = min(len(waiting), workers or os.cpu_count() or 1)
    context = multiprocessing.get_context("spawn")
    stopped = context.Event()
    with ProcessPoolExecutor(count, context, _Worker.begin, (stopped,)) as pool:
        left = {pool.submit(_verify_path, str(folder.path), sandbox) for folder in waiting}
        try:
            while left:  # naps: a Ctrl-C that another thread gets does not wake this one
                ended, left = wait(left, NAP_S, FIRST_COMPLETED)
                for job in ended:
                    try:
                        verdict = job.result()
                    except MlgymSynthError as failure:
                        failures.append(failure)
                    else:
                        done(verdict)
        except BaseException:
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if failures:
        raise failures[0]
    return verdicts


def _compared(verdict: Verdict, folder: TaskFolder, others: Sequence[TaskEntry]) -> Verdict:
    start = time.monotonic()
    reason = not_a_copy(folder, others)
    result = GateResult(10, "not a copy", reason is None, reason or "", round(time.monotonic() - start, 2))
    return dataclasses.replace(verdict, results=(*verdict.results, result))


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(signum: int, frame: object) -> None:
        raise GateFailed(f"takes longer than {seconds:g} s.")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Worker:
    """State of one process of the pool."""

    stopped: Event | None = None
    interrupted = False

    @classmethod
    def begin(cls, stopped: Event) -> None:
        """Called first in the process; a Ctrl-C goes to every process of the terminal, in any order."""
        cls.stopped = stopped
        end_with_driver()

        def interrupt(signum: int, frame: object) -> None:
            cls.interrupted = True  # no lock is taken here: the event's may be held
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, interrupt)


def _verify_path(path: str, sandbox: str) -> Verdict:
    # A pool hands tasks out ahead, and those it cannot take back.
    if _Worker.interrupted or (_Worker.stopped is not None and _Worker.stopped.is_set()):
        raise KeyboardInterrupt
    folder = load_task(path)
    verdict = verify(folder, sandbox=sandbox)
    keep(verdict, folder, sandbox)
    return verdict


def keep(verdict: Verdict, folder: TaskFolder, sandbox: str) -> None:
    """Put a verdict into the cache, so that `verify_many` knows it as long as neither task nor code changes."""
    file = _file_of(folder, sandbox)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".tmp", delete=False) as scratch:
        json.dump(dataclasses.asdict(verdict), scratch)
    Path(scratch.name).replace(file)


def _known(folder: TaskFolder, sandbox: str) -> Verdict | None:
    try:
        fields = json.loads(_file_of(folder, sandbox).read_text())
        return Verdict(**{**fields, "results": tuple(GateResult(**result) for result in fields["results"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _file_of(folder: TaskFolder, sandbox: str) -> Path:
    # What holds in one backend says nothing of another.
    spec = folder.spec
    code = _code(
        isinstance(spec.data, InstanceData), spec.data.source is not None and spec.data.source.package == "huggingface"
    )
    key = hashlib.sha256(f"{folder.sha256}{sandbox}{code}{fingerprint(spec.runtime)}".encode()).hexdigest()
    return cache_root() / "verified" / f"{spec.id}-{key[:24]}.json"


@cache
def _code(programs: bool, hub: bool) -> str:
    """Hash of the sources that decide a verdict; those of programs and of the Hub only where they have a part in it."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for room in _ROOMS:
        for file in sorted((package / room).rglob("*.py")) if (package / room).is_dir() else [package / room]:
            program, of_hub = "programs" in file.relative_to(package).parts, file.name.startswith("hub")
            if file.name not in _NO_VERDICT and (programs or not program) and (hub or not of_hub):
                digest.update(file.read_bytes())
    return digest.hexdigest()
