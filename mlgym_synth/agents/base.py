"""The agent protocol: anything that maps observations to actions. The episode loop knows nothing else of an agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

Action = Any
"""`{"tool": name, "arguments": {...}}`; whatever else an agent returns, the env corrects it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an agent has used so far in this episode."""

    calls: int = 0
    tokens_sent: int = 0
    tokens_received: int = 0
    cost_usd: float = 0.0


class Agent(Protocol):
    """One agent, playing one episode at a time."""

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
