"""The sandbox contract over a channel: what both backends share. Each adds how a sandbox starts, dies and goes."""

from __future__ import annotations

import re
import struct
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import NoReturn

from mlgym_synth.errors import FileRefused, SandboxDied, SandboxOverloaded
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox.base import WORKSPACE, ExecResult, ProgramEnded, Sandbox
from mlgym_synth.sandbox.channel import Channel, ChannelClosed, Overloaded
from mlgym_synth.sandbox.inside import wire

GRACE_S = 60.0
"""How long past its time limit a supervisor may be silent: its processor is shared with the agent's load."""
_SECONDS = struct.Struct(">d")
_PREFIX = re.compile(r"^bash: (?:line \d+: )?(?: *\d+ (?=[A-Z]))?", re.MULTILINE)


class SupervisedSandbox(Sandbox):
    """A sandbox behind a supervisor; backends set `_channel` when theirs has started."""

    _channel: Channel

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._is_closed = False

    def exec(self, command: str, timeout_s: float) -> ExecResult:
        """See `Sandbox.exec`."""
        return self._command([b"exec", _SECONDS.pack(timeout_s), command.encode("utf-8", "replace")], timeout_s)

    def run(self, argv: Sequence[str], timeout_s: float) -> ExecResult:
        """See `Sandbox.run`."""
        words = [_word(word) for word in argv]
        return self._command([b"run", _SECONDS.pack(timeout_s), *words], timeout_s)

    def write_files(self, files: Mapping[str, bytes], *, mtime: float = 1_700_000_000.0) -> None:
        """See `Sandbox.write_files`."""
        pieces = [wire.pack(b"write", str(len(files)).encode(), _SECONDS.pack(mtime))]
        for path, content in files.items():
            pieces += [wire.pack(_absolute(path), str(len(content)).encode()), content]
        self._ask(pieces, GRACE_S)

    def read_file(self, path: str, max_bytes: int) -> bytes:
        """See `Sandbox.read_file`."""
        fields = self._ask([wire.pack(b"read", _absolute(path), str(max_bytes).encode())], GRACE_S)
        content = bytearray()
        while fields[0] == b"more":
            content += fields[1]
            fields = self._ask([], GRACE_S)
        return bytes(content)

    def start_program(self, argv: Sequence[str]) -> None:
        """See `Sandbox.start_program`."""
        self._ask([wire.pack(b"start", *(_word(word) for word in argv))], GRACE_S)

    def call_program(self, request: bytes, timeout_s: float) -> bytes:
        """See `Sandbox.call_program`."""
        fields = self._ask([wire.pack(b"call", _SECONDS.pack(timeout_s), request)], timeout_s + GRACE_S)
        if fields[0] == b"timeout":
            raise TimeoutError(f"no answer within {timeout_s:g} s")
        if fields[0] == b"ended":
            raise ProgramEnded("the program ended before it answered, or its answer was too long")
        return fields[1]

    def close(self) -> None:
        """See `Sandbox.close`."""
        if not self._is_closed:
            self._is_closed = True
            self._channel.close()
            self._release()

    def interrupt(self) -> None:
        """See `Sandbox.interrupt`."""
        self._channel.interrupt()

    @abstractmethod
    def _release(self) -> None:
        """Free what the backend holds, after the channel was closed; never raises."""

    @abstractmethod
    def _starved(self) -> bool:
        """Whether, since its last answer, the sandbox ran out of memory: asked when the channel broke."""

    def _kill(self) -> None:
        """Make sure of its end, after the channel broke and was closed; never raises."""

    def _spent_memory(self) -> None:
        """A process was killed for want of memory, and the sandbox lives on."""

    def _ask(self, pieces: Sequence[bytes], timeout_s: float) -> list[bytes]:
        """Send `pieces`, return the answer's fields; whatever goes wrong, the sandbox is closed then."""
        if self._is_closed:
            raise SandboxDied("the sandbox is closed")
        try:
            for piece in pieces:
                self._channel.send_bytes(piece)
            fields = self._channel.receive(timeout_s)
        except ChannelClosed as error:
            self._die(error)
        except BaseException:  # an interrupt: the answer would come to the next request
            self.close()
            raise
        if fields[0] == b"refused":
            raise FileRefused(fields[1].decode(errors="replace"))
        return fields

    def _die(self, error: ChannelClosed) -> NoReturn:
        overloaded = isinstance(error, Overloaded) or self._starved()
        self.close()
        self._kill()
        if overloaded:
            cause = str(error) if isinstance(error, Overloaded) else "memory"
            raise SandboxOverloaded(f"the sandbox died of the agent's load: {cause}", cause) from error
        raise SandboxDied(f"the {self.backend} sandbox is lost: {error}") from error

    def _command(self, fields: Sequence[bytes], timeout_s: float) -> ExecResult:
        _, numbers, head, tail = self._ask([wire.pack(*fields)], timeout_s + GRACE_S)
        code, elapsed_s, total, dropped, notes = wire.RESULT.unpack(numbers)
        timed_out = bool(notes & wire.TIMED_OUT)
        if notes & wire.OUT_OF_MEMORY:
            self._spent_memory()
        return ExecResult(
            output=_text(head, tail, dropped),
            exit_code=None if code == wire.NO_EXIT_CODE else code,
            elapsed_s=elapsed_s,
            timed_out=timed_out,
            output_bytes=total,
            note=_note(notes, timeout_s),
        )


def _absolute(path: str) -> bytes:
    return _word(path if path.startswith("/") else f"{WORKSPACE}/{path}")


def _word(word: str) -> bytes:
    """A path or argument as the kernel takes it.

    Raises:
        FileRefused: it holds a NUL.
    """
    encoded = word.encode("utf-8", "surrogateescape" if word.isprintable() else "replace")
    if b"\0" in encoded:
        raise FileRefused("a path cannot hold a NUL byte")
    return encoded


def _text(head: bytes, tail: bytes, dropped: int) -> str:
    """Output for an agent: bad bytes replaced; shells' own messages without line numbers and pids."""
    if dropped:
        parts = _decode(head), f"\n[... {dropped} bytes dropped ...]\n", _decode(tail)
        text = "".join(parts)
    else:
        text = _decode(head + tail)
    return _PREFIX.sub("bash: ", text) if "bash: " in text else text


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\0", "\ufffd")


def _note(notes: int, timeout_s: float) -> str:
    parts = []
    if notes & wire.TIMED_OUT:
        parts.append(f"killed after {timeout_s:g} s")
    if notes & wire.OUT_OF_MEMORY:
        parts.append("a process was killed: out of memory")
    if notes & wire.AT_PROCESS_LIMIT:
        parts.append("the process limit was reached")
    if notes & wire.RESTARTED:
        parts.append("every process was ended, background jobs too; the shell is back as it was before this command")
    return "; ".join(parts)
