"""`openai:MODEL`: a chat model that plays, through any OpenAI-compatible endpoint.

It calls functions, or writes one fenced command an answer where the endpoint has no functions. What the model says is
read in `calls.py`, what it is sent is kept short in `history.py`, how it is asked lies in `mlgym_synth.llm`. Answers
that are no action cost a step, and the env's correction is what the model reads next; only an endpoint that failed for
good ends an episode from here.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from mlgym_synth.agents import calls, history
from mlgym_synth.agents.base import Action, Said, Usage, fingerprint
from mlgym_synth.agents.calls import Heard, hear, hear_refused
from mlgym_synth.agents.history import Message, Turn, characters, cut, fitted, render, with_turn
from mlgym_synth.errors import ContextLengthExceeded, ToolsUnsupported
from mlgym_synth.llm import replies, texts
from mlgym_synth.llm.acting import PROMPTS, system_prompt
from mlgym_synth.llm.replies import UNREAD, Refused, Reply
from mlgym_synth.llm.settings import ModelSettings
from mlgym_synth.llm.shared import SharedModel

PATIENCE = 2
"""After this many answers without a call, `auto` assumes the endpoint ignores `tools`."""
LONGEST_NONSENSE = 2000
"""Characters that are kept in the context of an answer that was no action."""
_TOKENS_PER_CHARACTER = 1 / 4
_LEAST_RATIO, _MOST_RATIO = 1 / 8, 1.0  # an endpoint that reports beyond counts something else
_SHORTER = 0.75
_SEEDS = 2**31  # what every endpoint takes


class LLMAgent:
    """One conversation with a model; requests of all agents of a process share what bounds them.

    Args:
        model: the endpoint's name of it.
        settings: how it is called.

    Raises:
        LLMError: no usable key or address; from `act`, the endpoint failed for good.
        BudgetExhausted: from `act`, what the process may spend is spent.
    """

    def __init__(self, model: str, settings: ModelSettings | None = None) -> None:
        self.name = f"openai:{model}"
        self._settings = settings or ModelSettings()
        self._model = SharedModel(model, self._settings)
        self.start("", [], 0)

    def start(self, statement: str, tools: list[dict[str, Any]], seed: int) -> None:
        """Begin a conversation; requests have seeds from this one on, each its own."""
        self._statement, self._tools, self._seed = statement, tools, seed % _SEEDS
        self._turns: list[Turn] = []
        self._acted = 0
        self._heard: Heard | None = None
        mode = self._settings.mode
        self._in_text = mode == "text" or (mode == "auto" and not self._model.takes_tools)
        self._patience = PATIENCE
        self._limit = float(self._settings.context_tokens)
        self._ratio = _TOKENS_PER_CHARACTER
        self.usage, self.said = Usage(), Said()

    def act(self, observation: str) -> Action:
        """Tell the model what its last action did, and read the next."""
        if self._heard is not None:
            self._turns = with_turn(self._turns, _turn(self._acted, self._heard, observation))
            self._acted += 1
        self._heard = self._ask()
        return self._heard.action

    @property
    def fingerprint(self) -> str:
        """See `model_fingerprint`."""
        return model_fingerprint(self.name, self._settings)

    @property
    def system(self) -> str:
        """The system prompt, as the model has it now."""
        return system_prompt(self._in_text)

    def close(self) -> None:
        """Call off the request that runs, if one does, from any thread; nothing is asked afterwards."""
        self._model.close()

    def _ask(self) -> Heard:
        """Ask until there is an answer, whatever it says; a request that is too long is made again, shorter."""
        while True:
            sent = self._conversation()
            try:
                reply = self._model.chat(sent, [] if self._in_text else self._tools, self._seed_now())
                heard = hear(reply, self._in_text)
            except Refused as refused:
                if refused.reply is None:
                    raise
                reply, heard = refused.reply, hear_refused(refused, self._in_text)
            except ToolsUnsupported:
                if self._settings.mode == "tools":
                    raise
                self._in_text = True
                continue
            except ContextLengthExceeded:
                self._limit = self._tokens(sent) * _SHORTER
                if self._conversation() == sent:
                    raise
                continue
            self._note(reply, heard, sent)
            return heard

    def _seed_now(self) -> int:
        """One seed for all would draw alike at every step: at a temperature of 0.7, too, a model would say the same."""
        return (self._seed + self._acted) % _SEEDS

    def _conversation(self) -> list[Message]:
        """What is sent next, inside the limit as far as it can be."""

        def rendered(turns: Sequence[Turn]) -> list[Message]:
            return render(self.system, self._statement, turns, self._in_text)

        return rendered(fitted(self._turns, lambda turns: self._tokens(rendered(turns)) <= self._limit))

    def _tokens(self, messages: list[Message]) -> float:
        """Of a request with these messages, by what the endpoint has counted so far."""
        return self._length(messages) * self._ratio

    def _length(self, messages: list[Message]) -> int:
        return characters(messages) + (0 if self._in_text else len(json.dumps(self._tools)))

    def _note(self, reply: Reply, heard: Heard, sent: list[Message]) -> None:
        """Count what the answer took, keep what was said, learn of the endpoint."""
        used = reply.usage
        self.usage = Usage(
            self.usage.calls + 1,
            self.usage.tokens_sent + used.input_tokens,
            self.usage.tokens_received + used.output_tokens,
            self.usage.cost_usd + used.cost_usd,
        )
        response = heard.text if heard.call is None else ""
        self.said = Said(heard.thought, reply.reasoning, response, reply.token_ids, reply.logprobs)
        self._ratio = min(max(used.input_tokens / self._length(sent), _LEAST_RATIO), _MOST_RATIO)
        if reply.calls:
            self._patience = 0
        elif self._patience and self._settings.mode == "auto" and reply.finish_reason not in ("length", UNREAD):
            self._patience -= 1
            self._in_text = self._in_text or self._patience == 0


def _turn(number: int, heard: Heard, observation: str) -> Turn:
    nonsense = isinstance(heard.action, dict) and "malformed" in heard.action
    text = cut(heard.text, LONGEST_NONSENSE) if nonsense else heard.text
    seen = f"{heard.note}\n{observation}" if heard.note else observation
    return Turn(number, text, heard.call, seen, missed=int(nonsense))


def model_fingerprint(name: str, settings: ModelSettings) -> str:
    """Of the agent's name, of the settings that shape its answers, of the prompts and of the code that reads them.

    Where the model is served is no part of it, so that a run may go on at another address.
    """
    return fingerprint(name, settings.decisive(), PROMPTS.sha256(), _code_sha256())


@cache
def _code_sha256() -> str:
    """Of the modules that decide what is asked and how answers are read."""
    digest = hashlib.sha256()
    for module in (sys.modules[__name__], calls, history, replies, texts):
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()
