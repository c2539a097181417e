"""What calls of models cost, and what a run may spend on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlgym_synth.llm.replies import Usage


@dataclass(frozen=True)
class Prices:
    """What a model costs, in US dollars per million tokens; 0 means unknown, and costs nothing."""

    input_usd_per_m: float = 0.0
    output_usd_per_m: float = 0.0

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars."""
        return (input_tokens * self.input_usd_per_m + output_tokens * self.output_usd_per_m) / 1e6


FREE = Prices()


class Budget:
    """What a run may spend, shared by its models.

    Requests in flight when it runs out are still answered, so a run overspends by at most `concurrency` answers.
    """

    def __init__(self, max_usd: float | None = None) -> None:
        self.max_usd = math.inf if max_usd is None else max_usd
        self.spent_usd = 0.0
        self.input_tokens = 0
        self.output_tokens = 0
        self.requests = 0

    def spend(self, usage: Usage) -> None:
        """Count what a reply took."""
        self.spent_usd += usage.cost_usd
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.requests += usage.requests

    @property
    def left(self) -> float:
        """US dollars, never below 0; infinite without a limit."""
        return max(0.0, self.max_usd - self.spent_usd)

    @property
    def exhausted(self) -> bool:
        """Whether no further request may start."""
        return self.left <= 0
