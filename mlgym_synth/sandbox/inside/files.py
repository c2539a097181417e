"""Files of the sandbox for its owner: read and written as the agent's user, no link followed, no device opened."""

# `pathlib` and `contextlib` cost megabytes in here.
# ruff: noqa: SIM105
from __future__ import annotations

import os
import posixpath
import stat

from mlgym_synth.sandbox.inside.processes import Agent
from mlgym_synth.sandbox.inside.wire import CHUNK, Wire

_KERNEL = ("proc", "sys", "dev")
_TEMPORARY = ".mlgym-synth.part"


class Refused(Exception):
    """The message is for the agent."""


def send_file(wire: Wire, agent: Agent, path: str, cap: int) -> None:
    """Send a regular file of at most `cap` bytes: messages `more`, then `ok`, or `refused` with the reason."""
    try:
        with agent:
            descriptor = _open(path)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise Refused(f"{path}: not a regular file")
        if facts.st_size > cap:
            raise Refused(f"{path}: {facts.st_size} bytes, at most {cap} are read")
        left = cap + 1  # it may grow while we read
        while data := os.read(descriptor, min(CHUNK, left)):
            left -= len(data)
            if left == 0:
                raise Refused(f"{path}: grew while it was read, at most {cap} bytes are")
            wire.send(b"more", data)
        wire.send(b"ok")
    finally:
        os.close(descriptor)


def receive_files(wire: Wire, agent: Agent, count: int, mtime: float) -> None:
    """Take `count` files from the channel, all of them, and write those that can be.

    Raises:
        Refused: of the first that could not be written.
    """
    refusal: Refused | None = None
    for _ in range(count):
        path_bytes, size = wire.receive()
        pieces = wire.stream(int(size))
        try:
            if refusal is None:
                with agent:
                    _write(os.fsdecode(path_bytes), pieces, mtime)
        except OSError as error:
            refusal = Refused(f"{os.fsdecode(path_bytes)}: {error.strerror}")
        except Refused as error:
            refusal = error
        for _ in pieces:
            pass
    if refusal is not None:
        raise refusal


def _open(path: str) -> int:
    folder, name = _walk(path, make=False)
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
    finally:
        os.close(folder)


def _walk(path: str, make: bool) -> tuple[int, str]:
    """Open the folder of `path` step by step, following no link; return it and the last part."""
    parts = [part for part in posixpath.normpath("/" + path).split("/") if part]
    if not parts or parts[0] in _KERNEL:
        raise Refused(f"{path}: not a regular file")
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
    folder = os.open("/", flags)
    try:
        for part in parts[:-1]:
            try:
                inner = os.open(part, flags, dir_fd=folder)
            except FileNotFoundError:
                if not make:
                    raise
                os.mkdir(part, 0o755, dir_fd=folder)
                inner = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = inner
    except BaseException:
        os.close(folder)
        raise
    return folder, parts[-1]


def _write(path: str, pieces: Iterable[bytes], mtime: float) -> None:
    """Write beside the target, then rename: whole or not at all."""
    folder, name = _walk(path, make=True)
    try:
        mode = _mode_of_target(path, folder, name)
        _unlink(folder)
        descriptor = os.open(_TEMPORARY, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            _fill(descriptor, pieces)
            os.fchmod(descriptor, mode)
            os.utime(descriptor, (mtime, mtime))
            os.rename(_TEMPORARY, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            _unlink(folder)
            raise
        finally:
            os.close(descriptor)
    finally:
        os.close(folder)


def _mode_of_target(path: str, folder: int, name: str) -> int:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0o644
    if not stat.S_ISREG(mode):
        raise Refused(f"{path}: not a regular file")
    return stat.S_IMODE(mode)


def _fill(descriptor: int, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        data = memoryview(piece)
        while data:
            data = data[os.write(descriptor, data) :]


def _unlink(folder: int) -> None:
    try:
        os.unlink(_TEMPORARY, dir_fd=folder)
    except FileNotFoundError:
        pass


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
