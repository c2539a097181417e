"""The owner's end of the channel to a supervisor: requests go out, answers come back, silence has an end.

Used by `supervised.py`; a backend makes one from a connected socket.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
import weakref
from collections.abc import Iterable
from typing import Protocol

from mlgym_synth.sandbox.inside.wire import LENGTH, pack, unpack

MESSAGE_BYTES = 64 << 20
"""No supervisor sends a longer message."""


class ChannelClosed(Exception):
    """The other end is gone, silent for too long, or speaks nonsense; the message says which."""


class Overloaded(ChannelClosed):
    """The supervisor gave up for want of `memory` or `pids`, which is the message."""


class Stream(Protocol):
    """What a channel needs of a socket."""

    def fileno(self) -> int:
        """For `poll`."""

    def recv(self, size: int, /) -> bytes:
        """Some bytes; none at the end."""

    def sendall(self, data: bytes, /) -> None:
        """All of `data`."""

    def shutdown(self, how: int, /) -> None:
        """End both directions; a `recv` that waits in another thread returns."""

    def close(self) -> None:
        """Let go."""


class Channel:
    """One request at a time on a connected stream.

    Args:
        stream: the connection.
        watch: pid of a process whose end ends the channel, e.g. bubblewrap's own; or None.
    """

    def __init__(self, stream: Stream, watch: int | None = None) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(stream.fileno(), select.POLLIN)
        self._pidfd = None if watch is None else os.pidfd_open(watch)
        if self._pidfd is not None:
            self._poll.register(self._pidfd, select.POLLIN)
        self._closed = False
        _open_channels.add(self)

    def request(self, fields: Iterable[bytes], timeout_s: float) -> list[bytes]:
        """Send one message and return the fields of the answer."""
        self.send_bytes(pack(*fields))
        return self.receive(timeout_s)

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        if self._closed:
            raise ChannelClosed("it is closed")
        try:
            self._stream.sendall(data)
        except OSError as error:
            raise ChannelClosed(str(error)) from error

    def receive(self, timeout_s: float) -> list[bytes]:
        """The fields of the next message."""
        deadline = time.monotonic() + timeout_s
        (size,) = LENGTH.unpack(self._take(4, deadline))
        if size > MESSAGE_BYTES:
            raise ChannelClosed(f"it announced a message of {size} bytes")
        try:
            fields = unpack(self._take(size, deadline))
        except ValueError as error:
            raise ChannelClosed(str(error)) from error
        if fields[:1] == [b"overloaded"]:
            raise Overloaded(fields[-1].decode(errors="replace"))
        if fields[:1] == [b"crashed"]:
            raise ChannelClosed("the supervisor failed:\n" + fields[-1].decode(errors="replace"))
        return fields

    def receive_bytes(self, size: int, timeout_s: float) -> bytes:
        """Exactly `size` bytes."""
        return self._take(size, time.monotonic() + timeout_s)

    def expect_ready(self, timeout_s: float) -> None:
        """Wait for the supervisor's first message."""
        if self.receive(timeout_s) != [b"ready"]:
            raise ChannelClosed("the supervisor did not start")

    def interrupt(self) -> None:
        """End the connection from another thread: a request in progress raises `ChannelClosed` at once."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close our end, which ends the sandbox; a second call does nothing."""
        if not self._closed:
            self._closed = True
            _open_channels.discard(self)
            self._stream.close()
            if self._pidfd is not None:
                os.close(self._pidfd)

    def _take(self, size: int, deadline: float) -> bytes:
        while len(self._buffer) < size:
            self._fill(deadline)
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self, deadline: float) -> None:
        if self._closed:
            raise ChannelClosed("it is closed")
        wait_s = min(deadline - time.monotonic(), 86_400)  # `poll` takes no more than an int
        ready = self._poll.poll(max(0, int(wait_s * 1000) + 1)) if wait_s > 0 else []
        if not ready:
            raise ChannelClosed("no answer in time")
        if all(descriptor == self._pidfd for descriptor, _ in ready):
            raise ChannelClosed("the sandbox's process was killed")
        try:
            data = self._stream.recv(1 << 20)
        except OSError as error:
            raise ChannelClosed(str(error)) from error
        if not data:
            raise ChannelClosed("the other end closed it")
        self._buffer += data


_open_channels: weakref.WeakSet[Channel] = weakref.WeakSet()


def _let_go_in_child() -> None:
    """A forked child of the owner must not keep sandboxes alive that only the owner drives."""
    for channel in list(_open_channels):
        channel.close()


os.register_at_fork(after_in_child=_let_go_in_child)


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets: the owner's and the sandbox's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
