"""The supervisor: PID 1 of a sandbox. Answers its owner's requests one by one until the channel closes, then ends all.

`boot.py` calls `main` with the channel's descriptors and the settings.
"""

# `pathlib` and `contextlib` cost megabytes in here.
# ruff: noqa: PTH103
from __future__ import annotations

import os
import resource
from errno import EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSPC
from struct import unpack
from time import monotonic

from mlgym_synth.sandbox.inside.files import Refused, receive_files, send_file
from mlgym_synth.sandbox.inside.guard import Guard
from mlgym_synth.sandbox.inside.loop import Loop
from mlgym_synth.sandbox.inside.output import Output
from mlgym_synth.sandbox.inside.processes import SIGKILL, Agent, ends_of_children
from mlgym_synth.sandbox.inside.program import Ended, Program
from mlgym_synth.sandbox.inside.shell import Shell
from mlgym_synth.sandbox.inside.wire import (
    AT_PROCESS_LIMIT,
    NO_EXIT_CODE,
    RESTARTED,
    RESULT,
    TIMED_OUT,
    Wire,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

_RESTORE_S = 5.0
_EXIT_S = 0.5
_NO_ROOM = (EAGAIN, ENOMEM, ENOSPC, EMFILE, ENFILE)


class Supervisor:
    """Owns the shell, the program and the channel."""

    def __init__(self, wire: Wire, settings: dict[str, Any]) -> None:
        self.wire = wire
        self.workspace: str = settings["workspace"]
        limits = {resource.RLIMIT_CORE: 0, **settings["rlimits"]}
        self.agent = Agent(settings["uid"], settings["prefix"], settings["environment"], limits)
        self.guard = Guard(self.agent, settings["pids"], settings["watch_bytes"], settings["tmpfs"], settings["oom"])
        self.loop = Loop(self.guard.tick, 0.1 if settings["watch_bytes"] else 1.0)
        self.ends = ends_of_children()
        self.loop.watch(self.ends, self.on_ends)
        self.program: Program | None = None
        self.requested = self.busy = False
        self.make_workspace()
        self.shell = Shell(self.loop, self.agent, self.workspace)
        self.notes = 0
        self.handlers: dict[bytes, Callable[..., None]] = {
            b"exec": self.exec,
            b"run": self.run,
            b"read": self.read,
            b"write": self.write,
            b"start": self.start,
            b"call": self.call,
        }

    def serve(self) -> None:
        """Answer requests until the owner is gone."""
        self.loop.watch(self.wire.source, self.on_channel)
        self.wire.send(b"ready")
        while True:
            while not self.wire.waiting() and not self.requested:
                if self.shell.gone:
                    self.revive()
                self.loop.turn()
            self.requested = False
            name, *fields = self.wire.receive()
            self.busy = True
            try:
                self.handlers[name](*fields)
            except Refused as refusal:
                self.wire.send(b"refused", str(refusal).encode("utf-8", "replace"))
            self.busy = False

    def on_channel(self) -> None:
        """The owner waits for each answer: if the channel is readable before that, the owner is gone."""
        if self.busy:
            raise EOFError
        self.requested = True

    def on_ends(self) -> None:
        """Processes ended: ours, or orphans of the agent."""
        os.read(self.ends, 65536)
        self.agent.reap()

    def exec(self, timeout: bytes, command: bytes) -> None:
        """A command in the shell."""
        start = monotonic()
        deadline = start + unpack(">d", timeout)[0]
        if self.shell.gone:
            self.revive()
        if self.guard.at_process_limit():  # by what was left in the background: bash would try for 15 s to fork
            self.notes |= AT_PROCESS_LIMIT
            self.revive()
        self.guard.begin()
        self.shell.begin(command)
        while self.shell.status is None and not self.shell.gone and monotonic() < deadline:
            self.loop.turn(deadline)
        shell, elapsed = self.shell, monotonic() - start
        shell.drain()
        code, notes = shell.status, 0
        if code is None and shell.gone:
            code, notes = self.last_words(shell), RESTARTED
        elif code is None:
            notes = TIMED_OUT
        elif self.guard.at_process_limit(code):
            notes = AT_PROCESS_LIMIT
        if notes:
            self.revive()
        self.answer(code, elapsed, shell.output, notes | self.guard.end(code) | self.notes)
        self.shell.output = Output()
        self.notes = 0

    def last_words(self, shell: Shell) -> int:
        """The exit code of a shell that ended, as soon as it is known."""
        code = self.agent.wait(shell.pid, _EXIT_S)
        return 128 + SIGKILL if code is None else code

    def revive(self) -> None:
        """End every process of the agent; a new shell takes over what the old one had saved."""
        old = self.shell
        self.stop_program()
        self.agent.kill_everything()
        old.drain()
        old.read_reports()
        old.close()
        self.make_workspace()
        self.shell = Shell(self.loop, self.agent, old.cwd, old.state)
        deadline = monotonic() + _RESTORE_S
        while old.state and self.shell.status is None and not self.shell.gone and monotonic() < deadline:
            self.loop.turn(deadline)
        if old.state and self.shell.status is None:  # a state that no shell survives
            self.agent.kill_everything()
            self.shell.close()
            self.shell = Shell(self.loop, self.agent, self.workspace)
        self.shell.output = Output()
        self.notes |= RESTARTED

    def run(self, timeout: bytes, *argv: bytes) -> None:
        """A program beside the shell."""
        start = monotonic()
        deadline = start + unpack(">d", timeout)[0]
        self.guard.begin()
        output, (out, theirs) = Output(), os.pipe()
        os.set_blocking(out, False)
        words = [os.fsdecode(part) for part in argv]
        pid = self.with_room(lambda: self.agent.spawn(words, {1: theirs, 2: theirs}, self.workspace))
        os.close(theirs)
        ended: list[bool] = []
        self.loop.watch(out, lambda: self.take(out, output))
        self.agent.on_end(pid, lambda: ended.append(True))
        while not ended and monotonic() < deadline:
            self.loop.turn(deadline)
        if not ended:
            os.killpg(pid, SIGKILL)
        self.take(out, output)
        self.loop.forget(out)
        os.close(out)
        code = self.agent.exit_code(pid) if ended else None
        self.agent.forget(pid)
        self.answer(code, monotonic() - start, output, (0 if ended else TIMED_OUT) | self.guard.end(code) | self.notes)
        self.notes = 0

    def with_room(self, start: Callable[[], T]) -> T:
        """Start a process of the agent's; if those it has leave no room for one more, they end first."""
        try:
            return start()
        except OSError:
            self.notes |= AT_PROCESS_LIMIT
            self.revive()
            return start()

    def take(self, descriptor: int, output: Output) -> None:
        """Move what lies in a pipe to `output`."""
        for _ in range(17):
            try:
                data = os.read(descriptor, 65536)
            except BlockingIOError:
                return
            if not data:
                self.loop.forget(descriptor)
                return
            output.add(data)

    def answer(self, code: int | None, elapsed: float, output: Output, notes: int) -> None:
        """Send the result of a command."""
        head, tail = output.ends()
        numbers = RESULT.pack(NO_EXIT_CODE if code is None else code, elapsed, output.total, output.dropped, notes)
        self.wire.send(b"ok", numbers, head, tail)

    def read(self, path: bytes, cap: bytes) -> None:
        """A file, to the owner."""
        send_file(self.wire, self.agent, os.fsdecode(path), int(cap))

    def write(self, count: bytes, mtime: bytes) -> None:
        """Files, from the owner."""
        receive_files(self.wire, self.agent, int(count), unpack(">d", mtime)[0])
        self.wire.send(b"ok")

    def start(self, *argv: bytes) -> None:
        """The program, anew."""
        self.stop_program()
        words = [os.fsdecode(part) for part in argv]
        self.program = self.with_room(lambda: Program(self.loop, self.agent, words, self.workspace))
        self.wire.send(b"ok")

    def call(self, timeout: bytes, request: bytes) -> None:
        """A message to the program, and its answer."""
        try:
            if self.program is None:
                raise Ended
            answer = self.program.call(request, unpack(">d", timeout)[0])
        except (Ended, TimeoutError) as error:
            self.stop_program()
            self.wire.send(b"ended" if isinstance(error, Ended) else b"timeout")
        else:
            self.wire.send(b"ok", answer)

    def stop_program(self) -> None:
        """End the program, if there is one."""
        if self.program is not None:
            self.program.close()
            self.program = None

    def make_workspace(self) -> None:
        """The agent's working folder, should it be missing."""
        try:
            with self.agent:
                os.makedirs(self.workspace, 0o755, exist_ok=True)
        except OSError:
            pass  # the agent put something else there, or filled the disk: its own doing


def _last_message(error: BaseException) -> tuple[bytes, bytes]:
    """What the owner is told of an error: that the agent left no room for us, or that we are wrong."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _NO_ROOM):
        return b"overloaded", b"pids" if isinstance(error, BlockingIOError) else b"memory"
    import traceback

    return b"crashed", "".join(traceback.format_exception(error)).encode()


def main(source: int, sink: int, settings: dict[str, Any]) -> None:
    """Serve on the channel; returns never."""
    for descriptor in {source, sink, *([] if settings["oom"] is None else [settings["oom"]])}:
        os.set_inheritable(descriptor, False)
    Output.half = settings["output_bytes"] // 2
    wire = Wire(source, sink)
    supervisor: Supervisor | None = None
    try:
        supervisor = Supervisor(wire, settings)
        supervisor.serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except BaseException as error:
        wire.send(*_last_message(error))
    finally:
        if supervisor is not None:
            supervisor.agent.kill_everything(2.0)
        os._exit(0)
