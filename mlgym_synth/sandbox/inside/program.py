"""The one program that answers messages on pipes of its own: a submitted module under its referee."""

# `pathlib` and `contextlib` cost megabytes in here.
# ruff: noqa: SIM105
from __future__ import annotations

import os
from select import POLLOUT
from time import monotonic

from mlgym_synth.sandbox.inside.loop import Loop
from mlgym_synth.sandbox.inside.processes import SIGKILL, Agent
from mlgym_synth.sandbox.inside.wire import LENGTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

ANSWER_BYTES = 16 << 20
_END_S = 1.0


class Ended(Exception):
    """The program ended, or answered out of bounds."""


class Program:
    """A running program; fd 3 is where it reads, fd 4 where it writes."""

    def __init__(self, loop: Loop, agent: Agent, argv: Sequence[str], cwd: str) -> None:
        theirs, self._to = os.pipe()
        self._from, answers = os.pipe()
        self._loop, self._agent = loop, agent
        self._request = memoryview(b"")
        self._answer = bytearray()
        self._ended = False
        try:
            self.pid = agent.spawn(argv, {3: theirs, 4: answers}, cwd)
        except OSError:
            os.close(self._to)
            os.close(self._from)
            raise
        finally:
            os.close(theirs)
            os.close(answers)
        for descriptor in (self._to, self._from):
            os.set_blocking(descriptor, False)

    def call(self, request: bytes, timeout_s: float) -> bytes:
        """Send a request, return its answer.

        Raises:
            TimeoutError: no whole answer in time.
            Ended: it ended first, or announced too long an answer.
        """
        deadline = monotonic() + timeout_s
        del self._answer[:]
        self._request = memoryview(LENGTH.pack(len(request)) + request)
        self._send()
        if self._request:
            self._loop.watch(self._to, self._send, POLLOUT)
        self._loop.watch(self._from, self._receive)
        try:
            while (size := self._size()) is None or len(self._answer) < 4 + size:
                if self._ended:
                    raise Ended
                if monotonic() >= deadline:
                    raise TimeoutError
                self._loop.turn(deadline)
        finally:
            self._loop.forget(self._to)
            self._loop.forget(self._from)
        return bytes(self._answer[4 : 4 + size])

    def close(self) -> None:
        """Kill it and free its pipes."""
        if self._agent.exit_code(self.pid) is None:
            try:
                os.killpg(self.pid, SIGKILL)
            except ProcessLookupError:
                pass
            self._agent.wait(self.pid, _END_S)
        self._agent.forget(self.pid)
        os.close(self._to)
        os.close(self._from)

    def _size(self) -> int | None:
        if len(self._answer) < 4:
            return None
        (size,) = LENGTH.unpack_from(self._answer)
        if size > ANSWER_BYTES:
            raise Ended
        return int(size)

    def _send(self) -> None:
        try:
            self._request = self._request[os.write(self._to, self._request) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._ended = True
        if self._ended or not self._request:
            self._loop.forget(self._to)

    def _receive(self) -> None:
        try:
            data = os.read(self._from, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._ended = True
            self._loop.forget(self._from)
        self._answer += data
