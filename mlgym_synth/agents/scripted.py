"""Agents that need no model. A script is a generator: it yields actions and is sent what they did."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any

from mlgym_synth.agents.base import Action, Usage, fingerprint

Script = Generator[Action, str, None]
IDLE: Action = {"tool": "bash", "arguments": {"command": "true"}}


class ScriptedAgent:
    """Plays a script; when the script has ended it idles until the episode does.

    Args:
        name: as on the command line, `scripted:baseline`.
        script: called with statement and seed at the start of every episode.
    """

    def __init__(self, name: str, script: Callable[[str, int], Script]) -> None:
        self.name = name
        self._script = script
        self._running: Script | None = None
        self._calls = 0

    def start(self, statement: str, tools: list[dict[str, Any]], seed: int) -> None:
        """Begin the script anew."""
        self._running = self._script(statement, seed)
        self._calls = 0

    def act(self, observation: str) -> Action:
        """What the script does next."""
        if self._running is None:
            return IDLE
        self._calls += 1
        try:
            return next(self._running) if self._calls == 1 else self._running.send(observation)
        except StopIteration:
            self._running = None
            return IDLE

    @property
    def usage(self) -> Usage:
        """Calls only: scripts cost no tokens."""
        return Usage(calls=self._calls)

    @property
    def fingerprint(self) -> str:
        """Of the name, of the script's code and all of this room that it uses, and of the recipes."""
        return fingerprint(self.name, _code_sha256(self._script.__module__))


@cache
def _code_sha256(module: str) -> str:
    """Of the sources of a module, of the modules of this room that its names come from, and theirs, and the recipes."""
    room, waiting, found = __name__.rpartition(".")[0], [module], {__name__, module}
    while waiting:
        for value in list(vars(sys.modules[waiting.pop()]).values()):
            home = str(getattr(value, "__module__", ""))
            if home.startswith(f"{room}.") and home not in found:
                found.add(home)
                waiting.append(home)
    files = [str(sys.modules[name].__file__) for name in sorted(found)]
    recipes = sorted(str(path) for path in Path(__file__).with_name("recipes").glob("*.py"))
    digest = hashlib.sha256()
    for file in (*files, *recipes):
        digest.update(f"{Path(file).name}\0".encode() + Path(file).read_bytes())
    return digest.hexdigest()


def bash(command: str) -> Action:
    """A `bash` action."""
    return {"tool": "bash", "arguments": {"command": command}}


def tool(name: str, **arguments: Any) -> Action:
    """An action of any tool."""
    return {"tool": name, "arguments": arguments}


def nop(statement: str, seed: int) -> Script:
    """Do nothing at all: the score every task must give it is 0."""
    return
    yield


def baseline(statement: str, seed: int) -> Script:
    """Run the baseline as it is and submit what it wrote."""
    yield bash("python baseline.py")
    yield tool("submit")
