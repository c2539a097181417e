"""Agents for tests of the engines, named on the command line as `tests.rollouts.players:quick`."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

import psutil

from mlgym_synth.agents import Action, ScriptedAgent, Usage
from mlgym_synth.agents.scripted import Script, bash, tool
from mlgym_synth.errors import LLMError, SandboxDied


def _quick(statement: str, seed: int) -> Script:
    """A look, the baseline, a hand-in."""
    yield bash(f"echo {seed}")
    yield bash("python baseline.py")
    yield tool("submit")


def quick() -> ScriptedAgent:
    return ScriptedAgent("quick", _quick)


def _wordy(statement: str, seed: int) -> Script:
    """As much as Ray does not send along, but keeps on the node until it is asked for."""
    yield {"tool": "bash", "arguments": {"command": f": {'x' * 300_000}"}, "note": object()}
    yield bash(f": {'x' * 300_000}")
    yield from _quick(statement, seed)


def wordy() -> ScriptedAgent:
    return ScriptedAgent("wordy", _wordy)


def _slow(statement: str, seed: int) -> Script:
    for _ in range(50):
        yield bash("sleep 30")


def slow() -> ScriptedAgent:
    return ScriptedAgent("slow", _slow)


class _Faulty(ScriptedAgent):
    def __init__(self, error: Exception) -> None:
        super().__init__("faulty", _quick)
        self.error = error

    def act(self, observation: str) -> Action:
        if self.usage.calls >= 1:
            raise self.error
        return super().act(observation)


def broken() -> ScriptedAgent:
    return _Faulty(KeyError("plan"))


def no_endpoint() -> ScriptedAgent:
    return _Faulty(LLMError("the endpoint is gone"))


def no_daemon() -> ScriptedAgent:
    """Fails as if the sandbox's host had."""
    return _Faulty(SandboxDied("the daemon is gone"))


class _Clinging(ScriptedAgent):
    def close(self) -> None:
        raise RuntimeError("not yet")


def clinging() -> ScriptedAgent:
    return _Clinging("clinging", _quick)


class _Dear(ScriptedAgent):
    """One dollar an episode."""

    @property
    def usage(self) -> Usage:
        return Usage(cost_usd=1.0)

    @usage.setter
    def usage(self, used: Usage) -> None:
        """Dear, whatever it does."""


def dear() -> ScriptedAgent:
    return _Dear("dear", _quick)


class _Talkative(ScriptedAgent):
    def act(self, observation: str) -> Action:
        raise ValueError(os.environ["MY_API_KEY"])


def talkative() -> ScriptedAgent:
    return _Talkative("talkative", _quick)


class _Counted(ScriptedAgent):
    """Says when it is made, and when it is closed for the first time."""

    def __init__(self) -> None:
        super().__init__("counted", _quick)
        self._number = uuid.uuid4()
        self._say("made")

    def close(self) -> None:
        self._say(f"closed-{self._number}")

    def _say(self, what: str) -> None:
        with Path(os.environ["MADE_AND_CLOSED"]).open("a") as file:
            print(what, file=file)


def counted() -> ScriptedAgent:
    return _Counted()


class _Deadly(ScriptedAgent):
    """Every sandbox of this process dies under its second action, as with a host that fails."""

    def act(self, observation: str) -> Action:
        if self.usage.calls == 1:
            for child in psutil.Process().children():
                if child.name() == "bwrap":
                    child.kill()
        return super().act(observation)


def deadly() -> ScriptedAgent:
    return _Deadly("deadly", _quick)


class _Murderous(ScriptedAgent):
    """Sends a signal to the process that it runs in, once: the file it leaves says that it did."""

    def act(self, observation: str) -> Action:
        mark = Path(os.environ["MURDER_MARK"])
        if self.usage.calls == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), int(os.environ["MURDER_SIGNAL"]))
            time.sleep(5)
        return super().act(observation)


def murderous() -> ScriptedAgent:
    return _Murderous("murderous", _quick)
