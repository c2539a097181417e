"""Sends the supervisor into a sandbox that has nothing but Python: its code and settings are the first message.

So the code always fits its owner's version, nothing has to be mounted or built into an image, and every kind of
channel works the same way. The backends start `command` inside and call `start_supervisor` on the channel.
"""

from __future__ import annotations

import functools
import marshal
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

from mlgym_synth.sandbox.channel import Channel
from mlgym_synth.sandbox.inside.wire import LENGTH

_LOADER = b"""\
import marshal, sys
from _frozen_importlib_external import MAGIC_NUMBER
from os import read, write
def take(size):
    data = b""
    while len(data) < size:
        piece = read(source, size - len(data))
        if not piece:
            sys.exit()
        data += piece
    return data
write(sink, MAGIC_NUMBER)
modules, settings = marshal.loads(take(int.from_bytes(take(4), "big")))
for name, code in modules:
    module = sys.modules[name] = type(sys)(name)
    exec(code, module.__dict__)
module.main(source, sink, settings)
"""
_MODULES = ("wire", "loop", "output", "processes", "guard", "shell", "program", "files", "main")  # callees first


def command(where: str = "") -> list[str]:
    """The sandbox's first process: connects to the socket `where`, or has the channel as its stdin and stdout.

    Short, as an agent sees it in the list of processes.
    """
    connect = f"from _socket import*;s=socket(1);s.connect({where!r});source=sink=s.detach()"
    stage = connect if where else "source,sink=0,1"
    return ["/opt/python/bin/python3", "-I", "-S", "-c", f"import os;{stage};exec(os.read(source,{len(_LOADER)}))"]


def start_supervisor(
    channel: Channel, settings: dict[str, Any], timeout_s: float, confine: Callable[[], None] = lambda: None
) -> None:
    """Hand code and settings over to `command`, and wait until the supervisor is ready.

    Args:
        channel: to the new process.
        settings: as `plan.settings` makes them.
        timeout_s: how long to wait for each answer.
        confine: called when the process is there and has done nothing yet.

    Raises:
        ChannelClosed: it ended, or did not answer in time.
    """
    channel.send_bytes(_LOADER)
    same_python = channel.receive_bytes(len(MAGIC_NUMBER), timeout_s) == MAGIC_NUMBER
    confine()
    modules = _compiled() if same_python else _sources()
    message = marshal.dumps((modules, settings), 2)  # a version every Python 3 reads
    channel.send_bytes(LENGTH.pack(len(message)) + message)
    channel.expect_ready(timeout_s)


@functools.cache
def _sources() -> tuple[tuple[str, str], ...]:
    folder = Path(__file__).parent / "inside"
    return tuple((f"{__package__}.inside.{name}", (folder / f"{name}.py").read_text()) for name in _MODULES)


@functools.cache
def _compiled() -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, compile(source, name.rpartition(".")[2] + ".py", "exec", dont_inherit=True, optimize=2))
        for name, source in _sources()
    )
