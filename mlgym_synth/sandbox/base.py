"""The sandbox contract. Every backend passes the same conformance suite (`tests/sandbox/`).

A sandbox holds one agent: a persistent bash as an unprivileged user in `/home/agent/workspace` (an empty, bounded
tmpfs at the start), Python with the packages of its runtime, no network, no file of the host. It is driven through
one channel by `supervisor.py`, which is PID 1 inside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

WORKSPACE = "/home/agent/workspace"


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command did.

    Attributes:
        output: stdout and stderr as they came, UTF-8 with bad bytes replaced, at most `limits.output_bytes`
            (head and tail; a line between says how many bytes were dropped).
        exit_code: as bash gives it (128 + n for signal n); None when the command was killed at its timeout.
        elapsed_s: seconds inside the sandbox.
        timed_out: the command was killed at its timeout.
        output_bytes: bytes the command wrote before capping.
        note: what the sandbox did of its own, in words for the agent ("" mostly): that the shell was restarted,
            that background jobs are gone, that the process limit was hit.
    """

    output: str
    exit_code: int | None
    elapsed_s: float
    timed_out: bool = False
    output_bytes: int = 0
    note: str = ""


class Sandbox(ABC):
    """One running sandbox; made by `sandbox.open_sandbox`, a context manager, closed once or more.

    All methods are blocking and not thread-safe: one owner, one call at a time.

    Raises (any method):
        SandboxDied: the daemon, the host or the channel failed, or the sandbox was closed.
        SandboxOverloaded: the sandbox died of what runs in it (memory, pids, disk).
    """

    backend: str
    """`docker` or `bwrap`."""
    bounds_memory: bool = True
    """Whether the kernel bounds memory; else the supervisor watches it, at best effort."""

    @abstractmethod
    def exec(self, command: str, timeout_s: float) -> ExecResult:
        """Run `command` in the persistent shell; directory, variables, functions and aliases stay.

        After a timeout, or when the command ends the shell, every process of the sandbox is killed and a new shell
        starts from the state saved after the last command that ended well.
        """

    @abstractmethod
    def run(self, argv: Sequence[str], timeout_s: float) -> ExecResult:
        """Run a program beside the shell: agent's uid, current workspace, shell state neither seen nor changed."""

    @abstractmethod
    def write_files(self, files: Mapping[str, bytes], *, mtime: float = 1_700_000_000.0) -> None:
        """Write files as the agent's user; a relative path is below `WORKSPACE`; folders are made.

        Raises:
            FileRefused: not writable, a link or no regular file in the way, disk full.
        """

    @abstractmethod
    def read_file(self, path: str, max_bytes: int) -> bytes:
        """Read a regular file as the agent's user, following no link in any part of the path.

        Raises:
            FileRefused: missing, a link, a folder, a FIFO, a device, not readable, larger than `max_bytes`.
        """

    @abstractmethod
    def start_program(self, argv: Sequence[str]) -> None:
        """Start the one program that `call_program` talks to, on pipes of its own (fd 3 reads, fd 4 writes).

        Its stdin is empty; stdout and stderr are discarded. A program that runs is ended first.
        """

    @abstractmethod
    def call_program(self, request: bytes, timeout_s: float) -> bytes:
        """Send one message (4-byte big-endian length, then the bytes), return the one that answers it.

        Raises:
            TimeoutError: no whole answer in time; the program was killed.
            ProgramEnded: it ended, or answered more than 16 MiB.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """End it from another thread than the one that uses it: a call in progress there raises `SandboxDied` at once.

        `close` is still to be called by its user.
        """

    @abstractmethod
    def close(self) -> None:
        """End everything inside and free what it held. Never raises; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class ProgramEnded(Exception):
    """The program behind `call_program` ended before it answered, or answered out of bounds."""
