"""Watches what the kernel does not bound here: memory without a cgroup, and processes that fill their limit."""

# `pathlib` and `contextlib` cost megabytes in here.
# ruff: noqa: PTH208, SIM105
from __future__ import annotations

import os

from mlgym_synth.sandbox.inside.processes import SIGKILL, Agent
from mlgym_synth.sandbox.inside.wire import OUT_OF_MEMORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CANNOT_FORK = 254
_PAGE = os.sysconf("SC_PAGE_SIZE")
_OOM_FILES = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


class Guard:
    """Called at each tick of the loop, and around each command.

    Args:
        agent: whose processes these are.
        pids: process limit, threads included.
        watch_bytes: memory of the whole sandbox, if nobody else bounds it, else 0.
        tmpfs: folders whose content counts as memory.
        oom: descriptor of a cgroup file with a line `oom_kill N`, or None to look for one.
    """

    def __init__(self, agent: Agent, pids: int, watch_bytes: int, tmpfs: Sequence[str], oom: int | None) -> None:
        self._agent, self._pids, self._watch_bytes, self._tmpfs = agent, pids, watch_bytes, tmpfs
        self._last_pid = os.open("/proc/loadavg", os.O_RDONLY)
        self._oom = _open_first(_OOM_FILES) if oom is None else oom
        self._oom_kills = self._count_oom_kills()
        self._killed = False
        self._pid_at_look = self._newest_pid()

    def begin(self) -> None:
        """A command starts."""
        self._killed = False

    def end(self, code: int | None) -> int:
        """A command ended with `code`: notes about its memory."""
        if code is not None and code < 128:
            return OUT_OF_MEMORY if self._killed else 0
        before, self._oom_kills = self._oom_kills, self._count_oom_kills()
        return OUT_OF_MEMORY if self._killed or self._oom_kills > before else 0

    def tick(self) -> None:
        """Reap orphans; where nobody else bounds memory, kill the largest process while there is too much."""
        self._agent.reap()
        if not self._watch_bytes:
            return
        used = sum(_used_bytes(folder) for folder in self._tmpfs)
        sizes = sorted((_private_bytes(pid), pid) for pid in _processes())
        used += sum(size for size, _ in sizes)
        while used > self._watch_bytes and sizes:
            size, pid = sizes.pop()
            used -= size
            self._killed = True
            try:
                os.kill(pid, SIGKILL)
            except ProcessLookupError:
                pass

    def at_process_limit(self, code: int = 0) -> bool:
        """Whether the processes that were left in the background fill the limit.

        Looks only if many were started since it last looked, or if a command's `code` says it could start none.
        """
        newest = self._newest_pid()
        if code != _CANNOT_FORK and abs(newest - self._pid_at_look) < self._pids // 4:
            return False
        self._pid_at_look = newest
        self._agent.reap()
        threads = 0
        for pid in _processes():
            try:
                threads += len(os.listdir(f"/proc/{pid}/task"))
            except OSError:
                pass
        return threads >= self._pids - 4

    def _newest_pid(self) -> int:
        """The pid this namespace gave last: tells how many processes started, for the price of one read."""
        return int(os.pread(self._last_pid, 100, 0).rsplit(None, 1)[1])

    def _count_oom_kills(self) -> int:
        if self._oom is None:
            return 0
        for line in os.pread(self._oom, 4096, 0).splitlines():
            name, _, value = line.partition(b" ")
            if name == b"oom_kill":
                return int(value)
        return 0


def _processes() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            yield int(name)


def _private_bytes(pid: int) -> int:
    try:
        descriptor = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
    except OSError:
        return 0
    try:
        _, resident, shared, *_ = os.read(descriptor, 200).split()
    except (OSError, ValueError):
        return 0
    finally:
        os.close(descriptor)
    return (int(resident) - int(shared)) * _PAGE


def _used_bytes(folder: str) -> int:
    facts = os.statvfs(folder)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def _open_first(paths: Sequence[str]) -> int | None:
    for path in paths:
        try:
            return os.open(path, os.O_RDONLY)
        except OSError:
            pass
    return None
