"""Many episodes at once over a Ray cluster: one actor a slot, jobs handed out by this process, which keeps the store.

A node that dies costs the episodes in flight on it: their jobs go to another slot. Nothing is written anywhere but
here, so none is stored twice. Needs the extra `ray`; every node needs this package and a sandbox.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.rollouts.plan import Job, PlaySettings
from mlgym_synth.rollouts.worker import Slot
from mlgym_synth.trajectories.model import Trajectory
from mlgym_synth.trajectories.rows import from_row, to_row

LOST_TIMES = 3
"""A job is given up after this many of its slots died: it may be what kills them."""

STILLBORN_TIMES = 20
"""Stop the run after this many consecutive slots died before they had started."""

REASON_CHARS = 300

log = logging.getLogger(__name__)


class RayUnavailable(MlgymSynthError):
    """Ray is not installed, or its cluster does not answer."""


class RayEngine:
    """The slots of a Ray cluster.

    Args:
        slots: actors, so episodes at once; None takes one for every `cpus_per_slot` of the cluster.
        address: of a running cluster; None starts one on this machine, and ends it afterwards.
        cpus_per_slot: what an actor asks for.
    """

    def __init__(self, slots: int | None = None, address: str | None = None, cpus_per_slot: float = 1.0) -> None:
        self.slots, self.address, self.cpus_per_slot = slots, address, cpus_per_slot

    def play(self, jobs: Iterable[Job], settings: PlaySettings) -> Generator[Trajectory, None, None]:
        """See `Engine.play`.

        Raises:
            RayUnavailable: not installed, no cluster at the address, or no room for a single slot.
        """
        with _connected(self.address) as ray:
            cores = ray.cluster_resources().get("CPU", 0.0)
            slots = self.slots or int(cores // self.cpus_per_slot)
            if slots < 1:
                raise RayUnavailable(f"The Ray cluster has {cores:g} CPUs, a slot takes {self.cpus_per_slot:g}.")
            yield from _Crew(ray, jobs, settings, self.cpus_per_slot).finished(slots)


class _Crew:
    """The actors of one call of `RayEngine.play`, and what each is at."""

    def __init__(self, ray: Any, jobs: Iterable[Job], settings: PlaySettings, cpus: float) -> None:
        self._ray, self._jobs, self._settings = ray, iter(jobs), settings
        self._actor = ray.remote(num_cpus=cpus, max_restarts=0)(_RemoteSlot)
        self._again: deque[Job] = deque()
        self._lost: dict[Job, int] = {}
        self._unborn = 0
        self._running: dict[Any, tuple[Any, Job | None]] = {}  # no job: it is being started

    def finished(self, slots: int) -> Iterator[Trajectory]:
        """Trajectories as they come."""
        try:
            for _ in range(slots):
                self._hire()
            while self._running:
                (ready,), _ = self._ray.wait(list(self._running), num_returns=1)
                actor, job = self._running.pop(ready)
                try:
                    result = self._ray.get(ready)
                except self._ray.exceptions.RayError as error:  # its slot died, or what it played is lost with a node
                    if (given_up := self._dismiss(actor, job, error)) is not None:
                        yield given_up
                    continue
                if job is None:
                    self._unborn = 0
                else:
                    yield result
                self._employ(actor)
        finally:
            for actor, _ in self._running.values():
                self._ray.kill(actor)

    def _hire(self) -> None:
        actor = self._actor.remote(self._settings)
        self._running[actor.ready.remote()] = actor, None

    def _employ(self, actor: Any) -> None:
        """Give it the next job; without one it goes."""
        job = self._again.popleft() if self._again else next(self._jobs, None)
        if job is not None:
            self._running[actor.play.remote(job)] = actor, job

    def _dismiss(self, actor: Any, job: Job | None, error: Exception) -> Trajectory | None:
        """A slot died: another one takes its place, and its job is played again, or given up."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor)  # it may only be out of reach, and play on
        reason = " ".join(str(error).split())[-REASON_CHARS:]  # what was raised stands at the end
        self._hire()
        if job is None:  # Ray may put a slot on a node whose death it has not noticed yet
            self._unborn += 1
            if self._unborn >= STILLBORN_TIMES:
                raise RayUnavailable(f"{self._unborn} slots in a row did not start, the last: {reason}")
            return None
        self._lost[job] = self._lost.get(job, 0) + 1
        log.warning("a slot died under %s/%d: %s", job.task_id, job.index, reason)
        if self._lost[job] < LOST_TIMES:
            self._again.append(job)
            return None
        return Trajectory(
            job.task_id,
            self._settings.agent,
            job.seed,
            job.index,
            split=job.split,
            dataset=job.dataset,
            fault="infrastructure",
            error=f"{self._lost[job]} slots died under it, the last: {reason}",
        )


class _RemoteSlot:
    """A slot in a process of its own, on whichever node Ray puts it."""

    def __init__(self, settings: PlaySettings) -> None:
        from mlgym_synth.sandbox import choose_backend
        from mlgym_synth.sandbox.runtime import ensure_runtime

        # Ray's own handler raises SystemExit wherever the episode is, also in the agent, whose failure it is not.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
        settings.register_tasks()
        choose_backend(settings.sandbox)
        ensure_runtime()
        self._slot = Slot(settings)

    def ready(self) -> None:
        """Answers once it is there."""

    def play(self, job: Job) -> Trajectory:
        """See `Slot.play`. Plain values only, so that whatever the agent returned can be sent."""
        return from_row(to_row(self._slot.play(job)))


@contextlib.contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    try:
        import ray
    except ImportError as error:
        raise RayUnavailable("Ray is not installed: pip install 'mlgym-synth[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # asks the network at every start otherwise
    if address is not None:
        _reach(address)
    mine = not ray.is_initialized()
    if mine:
        # Keys reach the workers of a cluster through their own environment, never through ours.
        try:
            ray.init(
                address=address,
                num_cpus=None if address else os.cpu_count(),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise RayUnavailable(f"No Ray cluster at {address!r}: {error}") from error
    try:
        yield ray
    finally:
        if mine:
            ray.shutdown()


def _reach(address: str) -> None:
    """Ray itself retries for many minutes before it reports that nobody answers."""
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    if parts.hostname is None or parts.port is None:  # `auto`: Ray looks for a cluster on this machine
        return
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=10).close()
    except OSError as error:
        raise RayUnavailable(
            f"No Ray cluster at {address!r}: {error}. Start one with `ray start --head`, or leave out --address."
        ) from error
