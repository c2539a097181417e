"""Many episodes at once in this process: a thread each, since a step mostly waits for its sandbox or its model.

Threads and not asyncio: tools, grading and agents block, so every step would go through a thread anyway, and this way
one loop (`episode.play`) serves every engine. How many sandboxes run is the number of slots; how many start at once,
and how many model calls are under way (the model client's `concurrency`), are bounded on their own.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from types import TracebackType
from typing import Protocol

from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.plan import Job, PlaySettings
from mlgym_synth.rollouts.worker import Slot
from mlgym_synth.trajectories.model import Step, Trajectory

PATIENCE_S = 5.0
"""How long a stop waits for threads; sandboxes are interrupted at once, and end with this process in any case."""

NAP_S = 0.5
"""Wake up regularly: a thread blocked on a lock indefinitely would miss Ctrl-C."""


class Engine(Protocol):
    """Where episodes are played."""

    def play(self, jobs: Iterable[Job], settings: PlaySettings) -> Generator[Trajectory, None, None]:
        """Play all jobs and yield each trajectory when it is finished, in any order.

        Closing the iterator stops everything that runs; such episodes are not yielded.
        """


class LocalEngine:
    """This process's threads.

    Args:
        slots: episodes at once, so sandboxes that run at once; None takes the number of cores.
        starts: sandboxes that start at once; None takes the number of cores.
    """

    def __init__(self, slots: int | None = None, starts: int | None = None) -> None:
        cores = os.cpu_count() or 1
        self.slots = cores if slots is None else slots
        if self.slots < 1:
            raise ValueError(f"{self.slots} slots: there must be at least 1")
        self._starts = min(self.slots, cores if starts is None else starts)

    def play(self, jobs: Iterable[Job], settings: PlaySettings) -> Generator[Trajectory, None, None]:
        """See `Engine.play`."""
        crew = _Crew(jobs, settings, self.slots, self._starts)
        try:
            yield from crew.finished()
        finally:
            crew.stop()


class _Stopped(BaseException):
    """Ends an episode that is no longer wanted; a BaseException, so that failure handlers do not catch it."""


class _Crew:
    """The threads of one call of `LocalEngine.play`, and what they share."""

    def __init__(self, jobs: Iterable[Job], settings: PlaySettings, slots: int, starts: int) -> None:
        self._jobs, self._settings = iter(jobs), settings
        self._next = threading.Lock()
        self._results: queue.SimpleQueue[tuple[int, Trajectory] | None] = queue.SimpleQueue()
        self._counted = [threading.Event() for _ in range(slots)]
        self._starts = threading.BoundedSemaphore(starts)
        self._stopping = threading.Event()
        self._envs: dict[int, SynthEnv | None] = {}
        self._slots: dict[int, Slot] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"episode-{number}", daemon=True)
            for number in range(slots)
        ]

    def finished(self) -> Iterator[Trajectory]:
        """Trajectories as they come."""
        for thread in self._threads:
            thread.start()
        working = len(self._threads)
        while working:
            try:
                result = self._results.get(timeout=NAP_S)
            except queue.Empty:
                continue
            if result is None:
                working -= 1
            else:
                yield result[1]
                self._counted[result[0]].set()

    def stop(self) -> None:
        """End what still runs."""
        self._stopping.set()
        for counted in self._counted:
            counted.set()
        for env in list(self._envs.values()):
            if env is not None:
                with contextlib.suppress(Exception):  # its sandbox ends with this process; the others are to end now
                    env.interrupt()
        for slot in list(self._slots.values()):
            slot.close()
        until = time.monotonic() + PATIENCE_S
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def _work(self, number: int) -> None:
        def note(env: SynthEnv | None) -> None:
            self._envs[number] = env

        slot = self._slots[number] = Slot(self._settings, starting=self, on_env=note, on_step=self._on_step)
        try:
            while (job := self._take()) is not None:
                trajectory = slot.play(job)
                # Whoever hands out the jobs, by what was spent, must know of this one before the next.
                # Clear before checking `_stopping`: stop() sets that flag first, then all events, so none is lost.
                self._counted[number].clear()
                if self._stopping.is_set():  # the stop itself may be what ended it
                    break
                self._results.put((number, trajectory))
                self._counted[number].wait()
        except _Stopped:
            pass
        finally:
            try:
                slot.close()
            finally:
                self._results.put(None)

    def _take(self) -> Job | None:
        with self._next:
            return None if self._stopping.is_set() else next(self._jobs, None)

    def _on_step(self, step: Step) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def __enter__(self) -> None:
        """Wait for leave to start a sandbox."""
        self._starts.acquire()
        if self._stopping.is_set():
            self._starts.release()
            raise _Stopped

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._starts.release()
        if kind is None and self._stopping.is_set():  # it started while everything else was being ended
            raise _Stopped
