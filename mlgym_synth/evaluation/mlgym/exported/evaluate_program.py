"""Plays the agent's module against `data/hidden_instances.json` and prints one line of JSON. Written by mlgym-synth.

`grader/` is the grading code of mlgym-synth, so scores are the same; needs numpy and, for control tasks, gymnasium.
The module runs in a process of its own and sees one call at a time.
"""

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from grader.grading.programs import REFEREES
from grader.grading.programs.base import IllegalAnswer

HERE = Path(__file__).resolve().parent
LOAD_S, BEGIN_S = 30.0, 10.0


class ProgramFailed(Exception):
    """The module fails or breaks a rule."""


class Program:
    """A module behind two pipes; messages are a 4-byte big-endian length and JSON."""

    def __init__(self, file: Path, function: str) -> None:
        theirs, self._to = os.pipe()
        self._from, answers = os.pipe()
        # Out of the way of 3 and 4, which the host reads and writes.
        reads, writes = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs, answers))

        def connect() -> None:
            os.dup2(reads, 3)
            os.dup2(writes, 4)

        host = str(HERE / "grader/grading/program_host.py")
        command = [sys.executable, host, file.name, function]
        self._process = subprocess.Popen(
            command, cwd=file.parent, stdout=subprocess.DEVNULL, preexec_fn=connect, pass_fds=(3, 4)
        )
        for fd in (theirs, answers, reads, writes):
            os.close(fd)
        loaded = self.ask(None, LOAD_S)
        if "loaded" not in loaded:
            raise ProgramFailed(f"importing it failed: {loaded.get('error')}")

    def ask(self, message: Any, timeout_s: float) -> Any:
        """Send a message and return the answer."""
        body = json.dumps(message).encode()
        deadline = time.monotonic() + timeout_s
        try:
            os.write(self._to, struct.pack(">I", len(body)) + body)
        except BrokenPipeError:
            raise ProgramFailed("it ended before it answered") from None
        (size,) = struct.unpack(">I", self._read(4, deadline))
        return json.loads(self._read(size, deadline))

    def _read(self, size: int, deadline: float) -> bytes:
        data = b""
        while len(data) < size:
            if not select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise ProgramFailed("it took too long")
            part = os.read(self._from, size - len(data))
            if not part:
                raise ProgramFailed("it ended before it answered")
            data += part
        return data

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def play(program: Program, referee: Any, instance: Any, call_s: float) -> float:
    """The score of one instance."""
    program.ask({"begin": True}, BEGIN_S)
    game = referee.play(instance)
    arguments = next(game)
    try:
        while True:
            reply = program.ask({"args": arguments}, call_s)
            if "value" not in reply:
                raise ProgramFailed(f"its function {reply.get('error')}")
            arguments = game.send(reply["value"])
    except StopIteration as end:
        return float(end.value)
    except IllegalAnswer as rule:
        raise ProgramFailed(f"an illegal answer: {rule}") from None


def main() -> int:
    """Print the mean score; exit code 1, with the reason on stderr, where the module fails."""
    settings = json.loads((HERE / "grader/settings.json").read_text())
    instances = json.loads((HERE / "data/hidden_instances.json").read_text())
    file = HERE / settings["file"]
    program = None
    try:
        if not file.is_file():
            raise ProgramFailed("no such file")
        program = Program(file, settings["function"])
        referee = REFEREES[settings["referee"]]
        scores = [play(program, referee, instance, settings["call_s"]) for instance in instances]
    except ProgramFailed as fault:
        print(f"{file.name}: {fault}", file=sys.stderr)
        return 1
    finally:
        if program is not None:
            program.close()
    print(json.dumps({settings["metric"]: float(np.mean(scores))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
