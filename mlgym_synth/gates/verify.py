"""`verify`: all gates over one task."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlgym_synth.errors import FileRefused, SandboxOverloaded, SubmissionInvalid, TaskInvalid
from mlgym_synth.folder import TaskFolder
from mlgym_synth.gates import cheats, content, malformed, scores
from mlgym_synth.gates.evidence import Evidence, GateFailed
from mlgym_synth.gates.record import Runs

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
