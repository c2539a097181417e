"""The agent protocol: anything that maps observations to actions. The episode loop knows nothing else of an agent."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import operator
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any, Protocol

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.llm.replies import LARGEST_COUNT
from mlgym_synth.trajectories.model import Said, Usage

Action = Any
"""`{"tool": name, "arguments": {...}}`; whatever else an agent returns, the env corrects it."""
_ROOM = Path(__file__).parent
_LIBRARIES = tuple(Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib", "platlib"))
_COUNTS = ("calls", "tokens_sent", "tokens_received")


class Agent(Protocol):
    """One agent, playing one episode at a time.

    Beside what is named here an agent may have `said` (a `Said`: what led to its last action), `system` (what its model
    is told first), `fingerprint` (a string that changes with its settings and code) and `close()` (from any thread);
    the loop and the engines use them, and `usage`, where they are there.
    """

    name: str

    def start(self, statement: str, tools: list[dict[str, Any]], seed: int) -> None:
        """Begin an episode.

        Args:
            statement: the observation that `reset` returned.
            tools: OpenAI function schemas of the tools.
            seed: for the agent's own random choices.
        """

    def act(self, observation: str) -> Action:
        """The next action. The first call gets the statement again; later ones the last step's observation."""

    @property
    def usage(self) -> Usage:
        """What this episode has used."""


def said_by(agent: Agent) -> Said:
    """What the agent said on the way to its last action, in plain numbers; nothing where it does not tell.

    Raises:
        TypeError, ValueError: something in it is of no kind that can be stored.
    """
    said = getattr(agent, "said", None)
    if said is None:
        return Said()
    if not isinstance(said, Said):
        raise TypeError(f"said is {type(said).__name__}, no mlgym_synth.trajectories.Said")
    for name in ("thought", "reasoning", "response"):
        if not isinstance(text := getattr(said, name), str):
            raise TypeError(f"said.{name} is {type(text).__name__}, no text")
    ids = None if said.token_ids is None else [_whole(each, "said.token_ids") for each in said.token_ids]
    logprobs = None if said.logprobs is None else [float(each) for each in said.logprobs]
    return dataclasses.replace(said, token_ids=ids, logprobs=logprobs)


def usage_of(agent: Agent) -> Usage:
    """What the agent has used in this episode, in plain numbers; nothing where it does not tell.

    Raises:
        TypeError, ValueError: something in it is no such number.
    """
    usage = getattr(agent, "usage", None)
    if usage is None:
        return Usage()
    if not isinstance(usage, Usage):
        raise TypeError(f"usage is {type(usage).__name__}, no mlgym_synth.agents.Usage")
    counts = {name: _whole(getattr(usage, name), f"usage.{name}") for name in _COUNTS}
    cost_usd = float(usage.cost_usd)
    if not 0 <= cost_usd < math.inf or min(counts.values()) < 0:
        raise ValueError(f"{usage}: what an agent has used is finite, and not below 0")
    return Usage(**counts, cost_usd=cost_usd)


def _whole(value: Any, what: str) -> int:
    """As Python has it: agents with a model of their own have numpy's and torch's."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} is {value!r}, no whole number") from None
    if abs(number) > LARGEST_COUNT:
        raise ValueError(f"{what} holds a number of {number.bit_length()} bits, more than any store does")
    return number


def where(error: BaseException) -> str:
    """The line of an agent's code that raised, in brackets: the last that is no library's and none that calls agents.

    Nothing for endpoints, whose messages say all there is, and where no code of an agent was reached.
    """
    lines = [] if isinstance(error, MlgymSynthError) else traceback.extract_tb(error.__traceback__)
    own = [line for line in lines if _is_an_agents(Path(line.filename))]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _is_an_agents(file: Path) -> bool:
    if _ROOM in file.parents:
        return file.name not in ("__init__.py", "base.py")
    return file.is_absolute() and not any(folder in file.parents for folder in (_ROOM.parent, *_LIBRARIES))


def fingerprint_of(agent: Agent) -> str:
    """The agent's fingerprint; where it has none, that of its class's module."""
    if (own := getattr(agent, "fingerprint", None)) is not None:
        return str(own)
    file = getattr(sys.modules.get(type(agent).__module__), "__file__", None)
    return fingerprint(agent.name, hashlib.sha256(Path(file).read_bytes()).hexdigest()) if file else ""


def fingerprint(name: str, *decides: Any) -> str:
    """A hash for an agent to call its `fingerprint`: of its name and of whatever else decides its actions (JSON)."""
    return hashlib.sha256(json.dumps([name, *decides], sort_keys=True).encode()).hexdigest()


__all__ = ["Action", "Agent", "Said", "Usage", "fingerprint", "fingerprint_of", "said_by", "usage_of", "where"]
