"""Capped output: the first bytes and the last ones stay, the middle is counted and dropped."""

from __future__ import annotations


class Output:
    """Collects bytes without bound on their number, in memory of twice `half`."""

    half = 8192
    """Bytes kept at either end; set once, from the sandbox's limits."""

    def __init__(self) -> None:
        self.total = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        """Append `data`."""
        self.total += len(data)
        room = self.half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if len(data) >= self.half:
            self._tail = bytearray(data[-self.half :])
        elif data:
            self._tail += data
            del self._tail[: -self.half]

    def ends(self) -> tuple[bytes, bytes]:
        """What was kept: head, tail."""
        return bytes(self._head), bytes(self._tail)

    @property
    def dropped(self) -> int:
        """Bytes between head and tail that are lost."""
        return self.total - len(self._head) - len(self._tail)
