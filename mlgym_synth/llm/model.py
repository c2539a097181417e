"""A chat model behind any OpenAI-compatible endpoint, for the authors that write tasks and the agents that play them.

What a run of thousands of requests meets is settled here once: retries, what the endpoint cannot do (structured
output, functions, parameters), what an answer cost, and the budget that stops the run. An answer that cannot be used
is `Refused` and counts as an attempt; an endpoint that cannot be used is `LLMError`. Requests are made in `body.py`,
answers are read in `replies.py`; threads that play agents ask through `shared.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import logging
import os
import random
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from mlgym_synth.errors import (
    BudgetExhausted,
    ContextLengthExceeded,
    LLMError,
    ModelNotConfigured,
    PromptRefused,
    ToolsUnsupported,
)
from mlgym_synth.llm.address import without_secrets
from mlgym_synth.llm.body import (
    FORMATS,
    Messages,
    Options,
    asks_for_object,
    cannot_read_call,
    encodable,
    exceeds_context,
    refuses_content,
    refuses_format,
    refuses_functions,
    refuses_system,
    without_system,
)
from mlgym_synth.llm.budget import FREE, Budget, Prices
from mlgym_synth.llm.replies import UNREAD, Answer, Fault, Refused, Reply, Usage, read_body, read_message, retry_after_s
from mlgym_synth.llm.texts import NOT_JSON, parse_object

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["Budget", "BudgetExhausted", "ChatModel", "Prices", "Refused", "Reply", "Usage", "prompt_sha256"]

Model = TypeVar("Model", bound=BaseModel)

OPENAI_URL = "https://api.openai.com/v1"
LONGEST_WAIT_S = 60.0
"""Before a retry whose time the endpoint did not name."""
FUTILE_WAIT_S = 600.0
"""If an endpoint asks for a longer wait than this (e.g. a daily quota), give up."""
LARGEST_ANSWER = 2_000_000
"""Bytes of a body. No useful answer is this long; a looping model's can be."""
BYTES_PER_LOGPROB = 600
"""Upper bound on a body's bytes per token when log-probabilities were requested."""
_BYTES_PER_TOKEN = 4
MAX_QUOTED = 200
"""Characters quoted of an endpoint's complaint about an answer that it could not parse."""

log = logging.getLogger(__name__)


class ChatModel:
    """A chat model. Use it in one event loop, as `async with ChatModel(...) as model`, or call `close`."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        prices: Prices = FREE,
        budget: Budget | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int = 4096,
        reasoning_effort: str | None = None,
        logprobs: bool = False,
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
            top_p: the same.
            max_tokens: of an answer, reasoning included.
            reasoning_effort: `low`, `medium` ..., where the model takes it.
            logprobs: ask for the answer's log-probabilities and token ids; without them where the endpoint has none.
            timeout_s: seconds for one request, from sending to the last byte.
            retries: after faults that may pass (429, 5xx, time-outs, cut connections).
            concurrency: requests at a time; one that waits for its retry keeps its place, so a rate limit slows the
                whole run.
            backoff_s: seconds before the first retry; doubles, with jitter, up to a minute. Where the endpoint says how
                long to wait, at least that, up to ten minutes.

        Raises:
            ModelNotConfigured: no usable key or address.
        """
        self.model = model
        self.base_url = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        self.budget = budget or Budget()
        self._key = (api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        self._prices, self._timeout_s, self._retries, self._backoff_s = prices, timeout_s, retries, backoff_s
        self._options = Options(
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            reasoning_effort=reasoning_effort,
            logprobs=logprobs or None,
            return_token_ids=logprobs or None,  # vLLM's
        )
        self._largest = LARGEST_ANSWER + (BYTES_PER_LOGPROB * max_tokens if logprobs else 0)
        self.takes_tools = True
        """Whether the endpoint takes `tools`, as far as is known."""
        self._takes_system = True
        self._warned: set[str] = set()
        self._format = 0  # the place in FORMATS that works here, as far as is known
        self._slots = asyncio.Semaphore(concurrency)
        self._stopped = asyncio.Event()
        self._client: AsyncOpenAI | None = None
        if not re.match(r"https?://[^/\s]", self.base_url):
            raise ModelNotConfigured(
                f"the base URL of {model!r} does not start with http:// or https://; check --base-url"
            )
        if not self._key and self.base_url == OPENAI_URL:
            raise ModelNotConfigured("no API key: set OPENAI_API_KEY, or name an endpoint of your own with --base-url")
        if not (self._key.isascii() and self._key.isprintable()):
            raise ModelNotConfigured("the API key holds characters that no key has; set OPENAI_API_KEY anew")

    def __repr__(self) -> str:
        return f"ChatModel({self.model!r}, base_url={without_secrets(self.base_url)!r})"

    async def __aenter__(self) -> ChatModel:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Safe to call twice; a later request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def stop(self) -> None:
        """Send nothing more: what waits for its turn or a retry raises `BudgetExhausted`, the rest is answered."""
        self._stopped.set()

    async def text(self, messages: Messages) -> Reply:
        """Ask for text.

        Args:
            messages: as the chat completions API takes them (`role` and `content`).

        Raises:
            Refused: nothing usable came back; the attempt is paid for.
            ContextLengthExceeded: the messages are too long for the model.
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

    async def chat(self, messages: Messages, tools: Sequence[Mapping[str, Any]] = (), seed: int | None = None) -> Reply:
        """Ask for the next turn of a conversation: text, calls of functions, or both.

        Args:
            messages: as the chat completions API takes them, `tool_calls` and role `tool` included.
            tools: function schemas; one call a turn is asked for, where the endpoint lets one ask.
            seed: of the sampling, where the endpoint takes one.

        Raises:
            ContextLengthExceeded: the conversation is too long for the model.
            ToolsUnsupported: the endpoint takes no `tools`.
            Refused, LLMError, BudgetExhausted: as `text`.
        """
        functions: dict[str, Any] = {"tools": list(tools), "parallel_tool_calls": False} if tools else {}
        return await self._ask(messages, seed=seed, **functions)

    async def _ask(self, messages: Messages, schema: type[BaseModel] | None = None, **options: Any) -> Reply:
        async with self._slots:
            started, requests, waits = time.monotonic(), 0, 0
            form = self._format if schema else FORMATS.index("text")
            while True:
                if self._stopped.is_set():
                    raise BudgetExhausted("the run has ended; nothing more is asked")
                if self.budget.exhausted:
                    raise BudgetExhausted(f"the budget of {self.budget.max_usd:g} USD is spent")
                asked = messages if self._takes_system else without_system(messages)
                shape = asks_for_object(FORMATS[form], asked, schema) if schema else {"messages": list(asked)}
                body = {"model": self.model, **self._options.body(**options), **shape}
                requests += 1
                answer = await self._request(body)
                if isinstance(answer, Answer):
                    if schema:
                        self._format = max(self._format, form)  # concurrent requests find out side by side
                    return self._reply(answer, body, time.monotonic() - started, requests)
                if "tools" in body and cannot_read_call(answer):
                    raise self._unread(answer, body, time.monotonic() - started, requests)
                if exceeds_context(answer):
                    raise ContextLengthExceeded(self._complaint(answer, requests))
                if refuses_content(answer):
                    raise PromptRefused(f"{self.model}: the endpoint refuses the prompt: {self._clean(str(answer))}")
                if refused := self._options.drop(answer, body):
                    if refused != "max_tokens":  # which goes on by another name
                        self._warn_once(f"{refused!r} is left out from now on", str(answer))
                    continue
                if asked[:1] and asked[0].get("role") == "system" and refuses_system(answer):
                    self._takes_system = False
                    continue
                if "tools" in body and refuses_functions(answer):
                    self.takes_tools = False
                    self._warn_once("'tools' are left out from now on", str(answer))
                    raise ToolsUnsupported(self._complaint(answer, requests))
                if "response_format" in body and refuses_format(answer):
                    form += 1
                    continue
                if not answer.passing or waits >= self._retries or (answer.retry_after_s or 0.0) > FUTILE_WAIT_S:
                    raise LLMError(self._complaint(answer, requests))
                wait = self._wait_s(answer, waits)
                waits += 1
                trouble = self._clean(str(answer))
                log.warning("%s: %s; retry %d of %d in %.1f s", self.model, trouble, waits, self._retries, wait)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), wait)

    async def _request(self, body: dict[str, Any]) -> Answer | Fault:
        import openai

        body = encodable(body)
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
            # As `extra_body`, because the client knows only OpenAI's own fields.
            sent = create(model=body["model"], messages=body["messages"], extra_body=body)
            async with asyncio.timeout(self._timeout_s), sent as response:
                return await read_body(response.iter_bytes(), response.headers, self._largest)
        except (TimeoutError, openai.APITimeoutError):
            return Fault(None, f"no answer within {self._timeout_s:g} s")
        except openai.APIStatusError as error:
            wait = retry_after_s(error.response.headers.get("retry-after"))
            return Fault(error.status_code, error.message, error.code or "", wait)
        except openai.APIConnectionError as error:
            return Fault(None, f"no connection ({error.__cause__ or error})")
        except Exception as error:  # the client reads an error's body with no care for how that ends
            return Fault(None, f"no readable answer ({type(error).__name__})")

    def _reply(self, answer: Answer, body: dict[str, Any], seconds: float, requests: int) -> Reply:
        """Make the reply, charge it to the budget, and refuse it if its text is not to be used."""
        said = read_message(answer.completion or {})
        sent = len(json.dumps([body["messages"], body.get("tools", [])]))
        tokens_in = sent // _BYTES_PER_TOKEN if said.input_tokens is None else said.input_tokens
        tokens_out = said.output_tokens
        if tokens_out is None:
            tokens_out = len(said.logprobs) if said.logprobs else answer.size // _BYTES_PER_TOKEN
        cost = self._prices.cost(tokens_in, tokens_out)
        reply = Reply(
            text=said.text or said.refusal,
            reasoning=said.reasoning,
            usage=Usage(tokens_in, tokens_out, cost, seconds, requests),
            model=said.model or self.model,
            finish_reason=said.finish_reason,
            calls=said.calls,
            logprobs=said.logprobs,
            token_ids=said.token_ids,
        )
        self.budget.spend(reply.usage)
        if "logprobs" in body and said.logprobs is None and (said.text or said.calls):
            # Who collects them for RL should not learn of it at the end.
            self._warn_once("going on without", "the endpoint gives no log-probabilities that can be read")
        if answer.completion is None:
            raise Refused(f"answer of {answer.size / 1e6:.1f} MB", reply)
        if said.refusal or said.finish_reason == "content_filter":
            raise Refused("refused", reply)
        if said.finish_reason == "length":
            raise Refused(f"truncated at {tokens_out} tokens", reply)
        if not (said.text or said.calls):
            raise Refused("empty", reply)
        return reply

    def _warn_once(self, consequence: str, why: str) -> None:
        """Warn once about something that holds for the whole run; concurrent requests may find it out together."""
        if consequence not in self._warned:
            self._warned.add(consequence)
            log.warning("%s: %s; %s", self.model, self._clean(why), consequence)

    def _unread(self, fault: Fault, body: dict[str, Any], seconds: float, requests: int) -> Refused:
        """For an answer that the endpoint withheld: its length is estimated by the length of the error message."""
        said = self._clean(fault.message)
        completion = {"choices": [{"message": {"content": said}, "finish_reason": UNREAD}]}
        reply = self._reply(Answer(len(fault.message), completion), body, seconds, requests)
        reason = f"the endpoint could not read the call: {said[:MAX_QUOTED]}"
        return Refused(reason, dataclasses.replace(reply, text=""))  # the text is the endpoint's error, not the model's

    def _wait_s(self, fault: Fault, waits: int) -> float:
        wait = min(self._backoff_s * 2.0**waits * random.uniform(0.5, 1.0), LONGEST_WAIT_S)
        if fault.retry_after_s is not None:  # jitter on top: who was turned away together should not return together
            # Some ask for no wait at all, however often they are asked; what they ask for is at most `FUTILE_WAIT_S`.
            wait = max(wait, fault.retry_after_s + self._backoff_s * random.uniform(0.0, 0.5))
        return wait

    def _complaint(self, fault: Fault, requests: int) -> str:
        tried = f" after {requests} requests" if requests > 1 else ""
        if exceeds_context(fault):
            cure = (
                "question and answer are longer than the model's context: lower --max-tokens (in a rollout or benchmark"
                " with a new --out), or serve it with a longer context"
            )
        elif fault.status == 401:
            cure = "set OPENAI_API_KEY to a key of this endpoint"
        elif fault.status == 403:
            cure = f"the key in OPENAI_API_KEY may not use {self.model!r}, or not from here"
        elif fault.status == 404:
            cure = f"check the model name {self.model!r} and --base-url, which mostly ends in /v1"
        elif (fault.retry_after_s or 0.0) > FUTILE_WAIT_S:
            cure = f"it asks to wait for {dt.timedelta(seconds=round(fault.retry_after_s or 0.0))}; go on then"
        elif fault.status == 429:
            cure = "lower --model-calls (of synthesize: --workers), or look at the account's limits"
        elif fault.status and fault.status < 500:
            cure = f"the endpoint takes no such request; check the model name {self.model!r}, and --max-tokens"
        else:
            cure = "check --base-url, and that the endpoint is up"
        return f"{without_secrets(self.base_url)} failed{tried} ({self._clean(str(fault))}): {cure}"

    def _clean(self, message: str) -> str:
        """One short line without the key, which some endpoints echo."""
        return " ".join((message.replace(self._key, "***") if self._key else message).split())[:500]


def prompt_sha256(messages: Messages) -> str:
    """A prompt's id in a ledger: the same for equal messages, whatever the order of their keys."""
    canonical = json.dumps([dict(message) for message in messages], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
