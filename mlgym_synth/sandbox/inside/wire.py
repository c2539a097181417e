"""Messages on the channel between owner and supervisor: fields of bytes, length-framed. Both sides import this."""

from __future__ import annotations

from os import read, write
from struct import Struct

TYPE_CHECKING = False  # module `typing` costs a megabyte
if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 20
"""Largest piece in which file contents travel; bounds the memory of both sides."""
LENGTH = Struct(">I")
RESULT = Struct(">idQQB")
"""Exit code (NO_EXIT_CODE: none), elapsed seconds, bytes written, bytes dropped, notes."""
NO_EXIT_CODE = -1

TIMED_OUT, RESTARTED, AT_PROCESS_LIMIT, OUT_OF_MEMORY = 1, 2, 4, 8
"""Bits of a result's notes."""


def pack(*fields: bytes) -> bytes:
    """One message: its length, then each field with its length."""
    body = b"".join([LENGTH.pack(len(field)) + field for field in fields])
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> list[bytes]:
    """The fields of a message whose own length was taken off.

    Raises:
        ValueError: the lengths do not add up.
    """
    fields, at = [], 0
    while at < len(body):
        if at + 4 > len(body):
            raise ValueError("a message ends within a length")
        end = at + 4 + int.from_bytes(body[at : at + 4], "big")
        fields.append(body[at + 4 : end])
        at = end
    if at != len(body):
        raise ValueError("a message ends within a field")
    return fields


class Wire:
    """The supervisor's end: blocking, on two descriptors (or one twice)."""

    def __init__(self, source: int, sink: int) -> None:
        self.source, self.sink = source, sink
        self._buffer = b""

    def waiting(self) -> bool:
        """Bytes were read ahead."""
        return bool(self._buffer)

    def receive(self) -> list[bytes]:
        """The next message; raises EOFError when the owner is gone."""
        (size,) = LENGTH.unpack(self.take(4))
        return unpack(self.take(size))

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        while len(self._buffer) < size:
            data = read(self.source, max(65536, size - len(self._buffer)))
            if not data:
                raise EOFError
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def stream(self, size: int) -> Iterator[bytes]:
        """`size` bytes in pieces of at most CHUNK."""
        while size:
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            if not data:
                data = read(self.source, min(CHUNK, size))
            if not data:
                raise EOFError
            size -= len(data)
            yield data

    def send(self, *fields: bytes) -> None:
        """Send one message."""
        data = memoryview(pack(*fields))
        while data:
            data = data[write(self.sink, data) :]
