"""The agent protocol: anything that maps observations to actions. The episode loop knows nothing else of an agent."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Protocol

from mlgym_synth.trajectories.model import Said, Usage

Action = Any
"""`{"tool": name, "arguments": {...}}`; whatever else an agent returns, the env corrects it."""


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
    """What the agent said on the way to its last action; nothing where it does not tell."""
    said = getattr(agent, "said", None)
    return said if isinstance(said, Said) else Said()


def usage_of(agent: Agent) -> Usage:
    """What the agent has used in this episode; nothing where it does not tell."""
    usage = getattr(agent, "usage", None)
    return usage if isinstance(usage, Usage) else Usage()


def fingerprint_of(agent: Agent) -> str:
    """The agent's fingerprint; where it has none, that of its class's module."""
    if (own := getattr(agent, "fingerprint", None)) is not None:
        return str(own)
    file = getattr(sys.modules.get(type(agent).__module__), "__file__", None)
    return fingerprint(agent.name, hashlib.sha256(Path(file).read_bytes()).hexdigest()) if file else ""


def fingerprint(name: str, *decides: Any) -> str:
    """A hash for an agent to call its `fingerprint`: of its name and of whatever else decides its actions (JSON)."""
    return hashlib.sha256(json.dumps([name, *decides], sort_keys=True).encode()).hexdigest()


__all__ = ["Action", "Agent", "Said", "Usage", "fingerprint", "fingerprint_of", "said_by", "usage_of"]
