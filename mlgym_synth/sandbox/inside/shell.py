"""The agent's persistent bash: one command at a time, its state saved after each, so that it can be started again.

Bash reads lines from a pipe. For each command it gets one line that reads the command's text from a file in memory
(of any size, any bytes), evaluates it at top level, and reports through `_REPORT`: the command's status, the
directory, and then the whole state as text that bash itself can read back.
"""

from __future__ import annotations

import os

from mlgym_synth.sandbox.inside.loop import Loop
from mlgym_synth.sandbox.inside.output import Output
from mlgym_synth.sandbox.inside.processes import Agent

_COMMAND, _OUTPUT, _REPORT = 201, 202, 203
_BOOT = b"""shopt -s expand_aliases
__report() { { builtin printf '%s\\0' "$1" "$2" "$PWD"; builtin unset -v __command; builtin declare -f; \
builtin declare -p; builtin trap -p; builtin umask -p; builtin alias -p; builtin printf '\\0'; } >&203 2>/dev/null; }
"""
_LINE = b"""IFS= builtin read -rd '' -u201 __command||exit
builtin eval "$__command" </dev/null >&202 2>&1;__report %d $?
"""
_OWN_VARIABLES = frozenset(
    b"BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_LINENO BASH_SOURCE "
    b"BASH_SUBSHELL BASH_VERSINFO BASH_VERSION DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO "
    b"PIPESTATUS PPID RANDOM SECONDS SHELLOPTS SRANDOM UID _ __command".split()
)
_SETTERS = {b"SHELLOPTS": b"set -o ", b"BASHOPTS": b"shopt -s "}
_STATE_BYTES = 16 << 20
"""A larger state is not saved: the last smaller one stays."""


class Shell:
    """One bash process; `gone` when it ended, and then a new one is made from `cwd` and `state`."""

    def __init__(self, loop: Loop, agent: Agent, cwd: str, state: bytes = b"") -> None:
        self.cwd, self.state = cwd, state
        self.output = Output()
        self.status: int | None = None
        self.gone = False
        self.state_too_large = False
        self._loop, self._agent = loop, agent
        self._turn = 0
        self._report = bytearray()
        self._report_fields: list[bytes] = []
        self._searched = 0
        self._start()
        if state:
            self.begin(_restoring(state))

    def _start(self) -> None:
        stdin, self._lines = os.pipe()
        self._out, out = os.pipe()
        self._reports, report = os.pipe()
        self._command = os.memfd_create("command")
        descriptors = {0: stdin, _COMMAND: self._command, _OUTPUT: out, _REPORT: report}
        argv = ["/bin/bash", "--norc", "--noprofile"]
        self.pid = self._agent.spawn(["bash", *argv[1:]], descriptors, self.cwd)
        for descriptor in (stdin, out, report):
            os.close(descriptor)
        for descriptor in (self._out, self._reports):
            os.set_blocking(descriptor, False)
        self._loop.watch(self._out, self.drain)
        self._loop.watch(self._reports, self.read_reports)
        self._agent.on_end(self.pid, self._end)
        self._write_line(_BOOT)

    def begin(self, command: bytes) -> None:
        """Start a command; it is over when `status` is set, or `gone`."""
        self.status = None
        self._turn += 1
        data = memoryview(command.replace(b"\0", b"") + b"\0")
        os.lseek(self._command, 0, os.SEEK_SET)  # the shell's descriptor shares this offset
        os.ftruncate(self._command, 0)
        at = 0
        while at < len(data):
            at += os.pwrite(self._command, data[at:], at)
        self._write_line(_LINE % self._turn)

    def drain(self) -> None:
        """Take what lies in the output pipe: at least all that was written before this call."""
        for _ in range(17):  # one more than a pipe of the largest allowed size can fill
            try:
                data = os.read(self._out, 65536)
            except BlockingIOError:
                return
            if not data:
                self._loop.forget(self._out)
                return
            self.output.add(data)
            if len(data) < 65536:
                return

    def close(self) -> None:
        """Free the descriptors; the process is the caller's to kill."""
        for descriptor in (self._out, self._reports):
            self._loop.forget(descriptor)
            os.close(descriptor)
        os.close(self._lines)
        os.close(self._command)
        self._agent.forget(self.pid)

    def _write_line(self, line: bytes) -> None:
        try:
            os.write(self._lines, line)
        except BrokenPipeError:
            self.gone = True

    def read_reports(self) -> None:
        """Take what the shell has reported."""
        try:
            data = os.read(self._reports, 1 << 20)
        except BlockingIOError:
            return
        if not data:  # every holder closed it: `exec 203>&-`, or the end
            self._loop.forget(self._reports)
            self.gone = True
            return
        self._report += data
        while (end := self._report.find(0, self._searched)) >= 0:
            self._field(bytes(self._report[:end]))
            del self._report[: end + 1]
            self._searched = 0
        self._searched = len(self._report)
        if len(self._report) > _STATE_BYTES:
            self.state_too_large = True
            del self._report[:]
            self._searched = 0

    def _field(self, value: bytes) -> None:
        fields = self._report_fields
        if len(fields) < 3:
            fields.append(value)
            if len(fields) == 3 and fields[0] == b"%d" % self._turn:
                self.drain()
                self.cwd = os.fsdecode(fields[2]) or "/"
                self.status = int(fields[1]) if fields[1].isdigit() else 1
            return
        fields.clear()
        if not self.state_too_large:
            self.state = value
        self.state_too_large = False

    def _end(self) -> None:
        self.gone = True


def _restoring(state: bytes) -> bytes:
    """The command that puts `state` back.

    Bash's own variables, and ours, are left out: assigning to some of them silently ends the whole command. Two list
    the options that are on; options are set last, as they change how commands run.
    """
    lines, options = [], []
    for line in state.split(b"\n"):
        _, _, assignment = (
            line.partition(b" -")[2].partition(b" ") if line.startswith(b"declare -") else (b"", b"", b"")
        )
        name, _, value = assignment.partition(b"=")
        if name in _SETTERS:
            options += [_SETTERS[name] + option for option in value.strip(b'"').split(b":")]
        if name not in _OWN_VARIABLES:
            lines.append(line)
    return b"{ " + b"\n".join(lines + options) + b"\n} 2>/dev/null"
