"""`verify_many`: all gates over many tasks on several cores; what is known of an unchanged task is kept."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.synchronize import Event

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.gates.copies import not_a_copy
from mlgym_synth.gates.kept import keep, known
from mlgym_synth.gates.verify import GateResult, Verdict, verify
from mlgym_synth.gates.workers import end_with_driver
from mlgym_synth.registry import TaskEntry

NAP_S = 1.0
"""A thread that sleeps on a lock for ever misses a Ctrl-C that comes just before, or through another thread."""


def verify_many(
    folders: Iterable[TaskFolder],
    *,
    workers: int | None = None,
    sandbox: str = "auto",
    fresh: bool = False,
    others: Sequence[TaskEntry] = (),
    of_all_collections: bool = False,
    on_result: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Verify tasks on several cores; verdicts of unchanged tasks come from the cache.

    Args:
        folders: the tasks.
        workers: processes; None takes one a core.
        sandbox: backend.
        fresh: do not look into the cache.
        others: listed tasks, of which none may be a copy (gate 10); that is looked at anew every time.
        of_all_collections: compare a task that is listed with those of other collections too.
        on_result: called in this process with every verdict as it comes.

    Raises:
        MlgymSynthError: infrastructure failed under some task (the first of them); all others were verified before.
    """
    folders = list(folders)
    by_id = {folder.spec.id: folder for folder in folders}
    verdicts: list[Verdict] = []
    failures: list[MlgymSynthError] = []
    with contextlib.closing(_found(folders, workers or os.cpu_count() or 1, sandbox, fresh)) as all_found:
        for found in all_found:
            if isinstance(found, MlgymSynthError):
                failures.append(found)
                continue
            if others and found.passed:
                found = _compared(found, by_id[found.task_id], others, of_all_collections)
            verdicts.append(found)
            if on_result is not None:
                on_result(found)
    if failures:
        raise failures[0]
    return verdicts


def _found(
    folders: Sequence[TaskFolder], workers: int, sandbox: str, fresh: bool
) -> Generator[Verdict | MlgymSynthError, None, None]:
    """Verdicts as they come, those that are known first; in place of one, what kept it from being found."""
    waiting = []
    for folder in folders:
        if not fresh and (verdict := known(folder, sandbox)) is not None:
            yield verdict
        else:
            waiting.append(folder)
    if not waiting:
        return
    context = multiprocessing.get_context("spawn")
    stopped = context.Event()
    with ProcessPoolExecutor(min(len(waiting), workers), context, _Worker.begin, (stopped,)) as pool:
        try:
            for job in _ended({pool.submit(_verify_path, str(folder.path), sandbox) for folder in waiting}):
                try:
                    yield job.result()
                except MlgymSynthError as failure:
                    yield failure
        except BaseException:
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _ended(jobs: set[Future[Verdict]]) -> Iterator[Future[Verdict]]:
    while jobs:
        ended, jobs = wait(jobs, NAP_S, FIRST_COMPLETED)
        yield from ended


def _compared(verdict: Verdict, folder: TaskFolder, others: Sequence[TaskEntry], of_all_collections: bool) -> Verdict:
    start = time.monotonic()
    reason = not_a_copy(folder, others, of_all_collections=of_all_collections)
    result = GateResult(10, "not a copy", reason is None, reason or "", round(time.monotonic() - start, 2))
    return dataclasses.replace(verdict, results=(*verdict.results, result))


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
