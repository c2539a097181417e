"""A channel through the Docker daemon, for one that cannot mount a socket of this machine; `docker.py` makes it."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import docker


class Attachment:
    """A container's stdin and stdout as a stream; stdout comes in frames of an 8-byte header and bytes."""

    def __init__(self, api: docker.APIClient, container: str) -> None:
        self._attached = api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stream": 1})
        self._socket = getattr(self._attached, "_sock", self._attached)  # docker-py wraps plain sockets only
        self._socket.settimeout(None)
        self._raw = b""

    def fileno(self) -> int:
        """For `poll`."""
        return int(self._socket.fileno())

    def recv(self, size: int, /) -> bytes:
        """What the container wrote to stdout; none at the end."""
        payload = b""
        while not payload:
            data = self._socket.recv(size)
            if not data:
                return b""
            self._raw += data
            while len(self._raw) >= 8 and len(self._raw) >= (end := 8 + int.from_bytes(self._raw[4:8], "big")):
                payload += self._raw[8:end] if self._raw[0] == 1 else b""
                self._raw = self._raw[end:]
        return payload

    def sendall(self, data: bytes, /) -> None:
        """Write to stdin."""
        self._socket.sendall(data)

    def shutdown(self, how: int, /) -> None:
        """End both directions."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Let go: the container's stdin ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        parts: tuple[Any, ...] = (getattr(self._attached, "_response", None), self._attached, self._socket)
        for part in parts:
            with contextlib.suppress(OSError, ValueError, AttributeError):  # each may have closed the next one
                part.close()
