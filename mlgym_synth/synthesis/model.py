"""A chat model behind any OpenAI-compatible endpoint, for the author that writes tasks with one.

What a run of thousands of requests meets is settled here once: retries, what the endpoint cannot do (structured
output, parameters), what an answer cost, and the budget that stops the run. An answer that cannot be used is `Refused`
and counts as an attempt; an endpoint that cannot be used is `LLMError` and ends the run. Answers are read in
`replies.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import os
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from mlgym_synth.errors import LLMError
from mlgym_synth.synthesis.author import BudgetExhausted
from mlgym_synth.synthesis.replies import (
    LARGEST_ANSWER,
    NOT_JSON,
    Answer,
    Fault,
    Refused,
    Reply,
    Usage,
    extract_code,
    parse_object,
    read_body,
    read_message,
    retry_after_s,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = [
    "Budget",
    "BudgetExhausted",
    "ChatModel",
    "Prices",
    "Refused",
    "Reply",
    "Usage",
    "extract_code",
    "prompt_sha256",
]

Model = TypeVar("Model", bound=BaseModel)
Messages = Sequence[Mapping[str, Any]]

OPENAI_URL = "https://api.openai.com/v1"
LONGEST_WAIT_S = 60.0
FORMATS = ("json_schema", "json_object", "text")  # what structured output is asked with, the best first
_UNSUPPORTED = re.compile(
    r"unsupported|n[o']t support|unknown|unrecogni[sz]ed|unexpected|not (?:permitted|allowed|implemented)|extra ", re.I
)
_BYTES_PER_TOKEN = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prices:
    """What a model costs, in US dollars per million tokens; 0 means unknown, and costs nothing."""

    input_usd_per_m: float = 0.0
    output_usd_per_m: float = 0.0

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars."""
        return (input_tokens * self.input_usd_per_m + output_tokens * self.output_usd_per_m) / 1e6


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


class ChatModel:
    """A chat model. Use it in one event loop, as `async with ChatModel(...) as model`, or call `close`."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        prices: Prices = Prices(),
        budget: Budget | None = None,
        temperature: float | None = None,
        max_tokens: int = 4096,
        timeout_s: float = 120,
        retries: int = 6,
        concurrency: int = 8,
        backoff_s: float = 1.0,
    ) -> None:
        """Nothing is sent yet.

        Args:
            model: the endpoint's name of it.
            base_url: up to and with `/v1`; OPENAI_BASE_URL, else OpenAI's own.
            api_key: OPENAI_API_KEY; an endpoint of one's own needs none.
            prices: to reckon `Usage.cost_usd`.
            budget: checked before, and charged after every request.
            temperature: the endpoint's default if None; left out where the model takes none.
            max_tokens: of an answer, reasoning included.
            timeout_s: seconds for one request, from sending to the last byte.
            retries: after faults that may pass (429, 5xx, time-outs, cut connections).
            concurrency: requests at a time; one that waits for its retry keeps its place, so a rate limit slows the
                whole run.
            backoff_s: seconds before the first retry; doubles, with jitter, up to a minute.

        Raises:
            LLMError: no usable key or address.
        """
        self.model = model
        self.base_url = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        self.budget = budget or Budget()
        self._key = (api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        self._prices, self._timeout_s, self._retries, self._backoff_s = prices, timeout_s, retries, backoff_s
        self._options: dict[str, Any] = {"max_tokens": max_tokens}
        if temperature is not None:
            self._options["temperature"] = temperature
        self._format = 0  # the place in FORMATS that works here, as far as is known
        self._slots = asyncio.Semaphore(concurrency)
        self._client: AsyncOpenAI | None = None
        if not re.match(r"https?://[^/\s]", self.base_url):
            raise LLMError(f"the base URL of {model!r} does not start with http:// or https://; check --base-url")
        if not self._key and self.base_url == OPENAI_URL:
            raise LLMError("no API key: set OPENAI_API_KEY, or name an endpoint of your own with --base-url")
        if not (self._key.isascii() and self._key.isprintable()):
            raise LLMError("the API key holds characters that no key has; set OPENAI_API_KEY anew")

    def __repr__(self) -> str:
        return f"ChatModel({self.model!r}, base_url={self._where!r})"

    async def __aenter__(self) -> ChatModel:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Safe to call twice; a later request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def text(self, messages: Messages) -> Reply:
        """Ask for text.

        Args:
            messages: as the chat completions API takes them (`role` and `content`).

        Raises:
            Refused: nothing usable came back; the attempt is paid for.
            LLMError: the endpoint failed for good.
            BudgetExhausted: nothing was sent.
        """
        return await self._ask(messages)

    async def structured(self, messages: Messages, schema: type[Model]) -> tuple[Model, Reply]:
        """Ask for an object; raises what `text` raises, and `Refused` also for what does not fit the schema."""
        reply = await self._ask(messages, schema)
        try:
            return parse_object(reply.text, schema), reply
        except Refused as refused:
            if self._format == 0 and (refused.reason == NOT_JSON or "Field required" in refused.reason):
                self._format = 1  # the endpoint took the schema and ignored it: from now on the prompt says it
            raise Refused(refused.reason, reply) from None

    async def _ask(self, messages: Messages, schema: type[BaseModel] | None = None) -> Reply:
        async with self._slots:
            started, requests, waits = time.monotonic(), 0, 0
            form = self._format if schema else FORMATS.index("text")
            while True:
                if self.budget.exhausted:
                    raise BudgetExhausted(f"the budget of {self.budget.max_usd:g} USD is spent")
                shape = _shape(FORMATS[form], messages, schema) if schema else {"messages": list(messages)}
                body = {"model": self.model, **self._options, **shape}
                requests += 1
                answer = await self._request(body)
                if isinstance(answer, Answer):
                    if schema:
                        self._format = max(self._format, form)  # concurrent requests find out side by side
                    return self._reply(answer, body, time.monotonic() - started, requests)
                if self._drop_unsupported(answer, body):
                    continue
                if answer.status in (400, 422, 501) and "response_format" in body:
                    form += 1
                    continue
                if not answer.passing or waits >= self._retries:
                    raise LLMError(self._complaint(answer, requests))
                wait = self._wait_s(answer, waits)
                waits += 1
                trouble = self._clean(str(answer))
                log.warning("%s: %s; retry %d of %d in %.1f s", self.model, trouble, waits, self._retries, wait)
                await asyncio.sleep(wait)

    async def _request(self, body: dict[str, Any]) -> Answer | Fault:
        import openai

        if self._client is None:
            self._client = openai.AsyncOpenAI(
                api_key=self._key or "none",  # the client insists on one
                base_url=self.base_url,
                timeout=self._timeout_s,
                max_retries=0,
            )
        create = self._client.chat.completions.with_streaming_response.create
        try:
            # The client's own time-out is between two bytes; an endpoint that trickles would never meet it.
            async with asyncio.timeout(self._timeout_s), create(**body) as response:
                return await read_body(response.iter_bytes(), response.headers)
        except (TimeoutError, openai.APITimeoutError):
            return Fault(None, f"no answer within {self._timeout_s:g} s")
        except openai.APIStatusError as error:
            wait = retry_after_s(error.response.headers.get("retry-after"))
            return Fault(error.status_code, error.message, error.code or "", wait)
        except openai.APIConnectionError as error:
            return Fault(None, f"no connection ({error.__cause__ or error})")

    def _reply(self, answer: Answer, body: dict[str, Any], seconds: float, requests: int) -> Reply:
        """Make the reply, charge it to the budget, and refuse it if its text is not to be used."""
        said = read_message(answer.completion)
        sent = len(json.dumps(body["messages"]))
        tokens_in = sent // _BYTES_PER_TOKEN if said.input_tokens is None else said.input_tokens
        tokens_out = answer.size // _BYTES_PER_TOKEN if said.output_tokens is None else said.output_tokens
        cost = self._prices.cost(tokens_in, tokens_out)
        reply = Reply(
            text=said.text or said.refusal,
            reasoning=said.reasoning,
            usage=Usage(tokens_in, tokens_out, cost, seconds, requests),
            model=said.model or self.model,
            finish_reason=said.finish_reason,
        )
        self.budget.spend(reply.usage)
        if answer.size > LARGEST_ANSWER:
            raise Refused(f"answer of {answer.size / 1e6:.1f} MB", reply)
        if said.refusal or said.finish_reason == "content_filter":
            raise Refused("refused", reply)
        if said.finish_reason == "length":
            raise Refused(f"truncated at {tokens_out} tokens", reply)
        if not said.text:
            raise Refused("empty", reply)
        return reply

    def _drop_unsupported(self, fault: Fault, body: dict[str, Any]) -> bool:
        """Leave out, for the rest of the run, an option that this model does not take."""
        if fault.status not in (400, 422) or not _UNSUPPORTED.search(fault.message):
            return False
        if "response_format" in body and "response_format" in fault.message:
            return False  # some servers quote the whole request beside the field that they do not take
        for option in ("max_tokens", "max_completion_tokens", "temperature"):
            # A message about one of them may name the other as the cure, so the order counts.
            if option in body and option in fault.message:
                value = self._options.pop(option, None)
                if option == "max_tokens" and value is not None:
                    self._options["max_completion_tokens"] = value  # its name for reasoning models
                return True
        return False

    def _wait_s(self, fault: Fault, waits: int) -> float:
        backoff = self._backoff_s * 2.0**waits * random.uniform(0.5, 1.0)
        if fault.retry_after_s is not None:  # jitter on top: who was turned away together should not return together
            backoff = fault.retry_after_s + self._backoff_s * random.uniform(0.0, 0.5)
        return min(backoff, LONGEST_WAIT_S)

    def _complaint(self, fault: Fault, requests: int) -> str:
        tried = f" after {requests} requests" if requests > 1 else ""
        if fault.status == 401:
            cure = "set OPENAI_API_KEY to a key of this endpoint"
        elif fault.status == 403:
            cure = f"the key in OPENAI_API_KEY may not use {self.model!r}, or not from here"
        elif fault.status == 404:
            cure = f"check the model name {self.model!r} and --base-url, which mostly ends in /v1"
        elif fault.status == 429:
            cure = "lower the concurrency, or look at the account's limits"
        elif fault.status and fault.status < 500:
            cure = f"the endpoint takes no such request; check the model name {self.model!r}, and max_tokens"
        else:
            cure = "check --base-url, and that the endpoint is up"
        return f"{self._where} failed{tried} ({self._clean(str(fault))}): {cure}"

    @property
    def _where(self) -> str:
        """The address without user, password and query."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def _clean(self, message: str) -> str:
        """One short line without the key, which some endpoints echo."""
        return " ".join((message.replace(self._key, "***") if self._key else message).split())[:500]


def prompt_sha256(messages: Messages) -> str:
    """What a ledger knows a prompt by: the same for equal messages, whatever the order of their keys."""
    canonical = json.dumps([dict(message) for message in messages], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _shape(form: str, messages: Messages, schema: type[BaseModel]) -> dict[str, Any]:
    """The part of a request that asks for an object, in one of FORMATS."""
    if form == "json_schema":
        shape = {"name": schema.__name__, "schema": _closed(schema.model_json_schema()), "strict": True}
        return {"messages": list(messages), "response_format": {"type": form, "json_schema": shape}}
    demand = f"Answer with one JSON object and nothing else. Its JSON schema:\n{json.dumps(schema.model_json_schema())}"
    last = messages[-1] if messages else {}
    if last.get("role") == "user" and isinstance(last.get("content"), str):
        # Into the last message: many chat templates refuse two of one role in a row.
        asked = [*messages[:-1], {**last, "content": f"{last['content']}\n\n{demand}"}]
    else:
        asked = [*messages, {"role": "user", "content": demand}]
    return {"messages": asked} | ({"response_format": {"type": form}} if form == "json_object" else {})


def _closed(node: Any) -> Any:
    """A JSON schema as strict structured output wants it: every property required, no others, no defaults."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    closed = {key: _closed(value) for key, value in node.items() if key != "default"}
    if isinstance(node.get("properties"), dict):
        # Properties are mapped by hand: one of them may itself be called `default`.
        closed["properties"] = {name: _closed(value) for name, value in node["properties"].items()}
        closed |= {"required": list(node["properties"]), "additionalProperties": False}
    return closed
