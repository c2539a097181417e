"""How an agent's model is called: plain data that the command line, a run's settings and a worker elsewhere share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from mlgym_synth.llm.budget import FREE, Prices

Mode = Literal["auto", "tools", "text"]
LEAST_CONTEXT = 1000
"""Tokens; below, not even a task's statement fits."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The key is not among them: it is read from OPENAI_API_KEY, and kept nowhere else.

    Attributes:
        base_url: up to and with `/v1`; OPENAI_BASE_URL, else OpenAI's own.
        temperature, top_p, reasoning_effort: the endpoint's defaults if None.
        max_tokens: of an answer, reasoning included.
        context_tokens: what is sent may take, answer not included; older observations are elided beyond.
        mode: `tools` calls functions, `text` asks for one fenced command an answer, `auto` begins with tools.
        logprobs: ask for log-probabilities and token ids.
        timeout_s, retries: of one request, as in `ChatModel`.
        concurrency: requests at a time of the whole process.
        prices: to count what an episode costs.
        max_cost_usd: what the process may spend; None is without limit.

    Raises:
        ValueError: a value out of its range.
    """

    base_url: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: str | None = None
    max_tokens: int = 4096
    context_tokens: int = 32_000
    mode: Mode = "auto"
    logprobs: bool = False
    timeout_s: float = 300.0
    retries: int = 6
    concurrency: int = 8
    prices: Prices = FREE
    max_cost_usd: float | None = None

    def __post_init__(self) -> None:
        least = {"max_tokens": 1, "context_tokens": LEAST_CONTEXT, "retries": 0, "concurrency": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} {getattr(self, name)}: must be at least {low}")
        if not self.timeout_s > 0:
            raise ValueError(f"timeout_s {self.timeout_s}: must be above 0")
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode {self.mode!r}: must be one of {', '.join(get_args(Mode))}")
        if self.max_cost_usd is not None and self.prices == FREE:
            raise ValueError("a limit on the cost needs prices, in USD per million tokens; no endpoint tells them")

    def decisive(self) -> dict[str, Any]:
        """As JSON, what shapes the data; where the model is served, how fast and for how much does not."""
        apart = ("base_url", "timeout_s", "retries", "concurrency", "prices", "max_cost_usd")
        return {name: value for name, value in asdict(self).items() if name not in apart}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ModelSettings:
        """What `dataclasses.asdict` made, also by way of JSON."""
        return cls(**{**fields, "prices": Prices(**fields.get("prices", {}))})
