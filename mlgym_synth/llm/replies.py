"""Reading what an endpoint answered: the body, its first choice, the reasoning that stands apart, calls of functions.

`model.py` calls it for every answer; what stands in an answer's text is read in `texts.py`. Endpoints are sloppy in
known ways, so reading is lenient: what is absent or of another type reads as empty. Every function is linear in the
text, which is whatever a stranger's endpoint sent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

UNREAD = "unread"
"""The finish reason of an answer that the endpoint has not told, because it could not read the call in it."""
LARGEST_COUNT = 2**53
"""No count and no token's id is larger; beyond, whoever stores numbers may not hold it."""
_TAG = re.compile(r"</?think(?:ing)?>", re.I)
_MARK = re.compile(r"</?think(?:ing)?>|\{|```|~~~", re.I)
_TOKEN_ID = re.compile(r"token_id:(\d{1,9})")
_LOWEST_LOGPROB = -9999.0  # what servers that write JSON by the book give for minus infinity


@dataclass(frozen=True)
class Usage:
    """What one reply took.

    Attributes:
        input_tokens: as reported by the endpoint, else estimated at four bytes a token; so are `output_tokens`.
        output_tokens: includes reasoning.
        cost_usd: 0 where prices are not known.
        seconds: wall time from the first request to the answer, waits between retries included.
        requests: HTTP requests sent, retries included.
    """

    input_tokens: int
    output_tokens: int
    cost_usd: float
    seconds: float
    requests: int


@dataclass(frozen=True)
class FunctionCall:
    """A function that the model calls; `arguments` is the text it wrote, which need not be JSON; `id` may be empty."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """One answer of a model, as plain data (`dataclasses.asdict` gives what a ledger stores).

    Attributes:
        text: without reasoning.
        reasoning: what the endpoint or the model marked as such.
        calls: of functions that the request offered.
        logprobs: of the answer's tokens, in order; None where the endpoint gives none.
        token_ids: of the same tokens.
    """

    text: str
    reasoning: str
    usage: Usage
    model: str
    finish_reason: str
    calls: tuple[FunctionCall, ...] = ()
    logprobs: list[float] | None = None
    token_ids: list[int] | None = None


class Refused(Exception):
    """An attempt that counts and gave nothing usable: a refusal, an empty, truncated or invalid answer.

    Attributes:
        reason: one line, fit to be sent back to the model.
        reply: what was answered and what it cost; None where only a text was read.
    """

    def __init__(self, reason: str, reply: Reply | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reply = reply


@dataclass(frozen=True)
class Answer:
    """A body with status 200; `size` is in bytes, and `completion` is None if that is more than is read."""

    size: int
    completion: dict[str, Any] | None


@dataclass(frozen=True)
class Fault:
    """A request without an answer; `status` is None where no HTTP status came back."""

    status: int | None
    message: str
    code: str = ""
    retry_after_s: float | None = None

    @property
    def passing(self) -> bool:
        """Whether the same request may do better a little later."""
        if self.code == "insufficient_quota":  # a 429 that only a payment ends
            return False
        return self.status is None or self.status in (408, 409, 425, 429) or self.status >= 500

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.message}" if self.status else self.message


@dataclass(frozen=True)
class Message:
    """The first choice of a chat completion; token counts are None where the endpoint reports none."""

    text: str
    reasoning: str
    refusal: str
    finish_reason: str
    model: str
    input_tokens: int | None
    output_tokens: int | None
    calls: tuple[FunctionCall, ...]
    logprobs: list[float] | None
    token_ids: list[int] | None


async def read_body(chunks: AsyncIterator[bytes], headers: Mapping[str, str], largest: int) -> Answer | Fault:
    """Read a body, but no more of it than `largest` bytes."""
    declared = headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() and "content-encoding" not in headers else 0
    body = bytearray()
    if size <= largest:
        try:
            async for chunk in chunks:
                body += chunk
                if len(body) > largest:
                    break
        except Exception as error:  # reading has failed, by whichever name the HTTP library of this client has for it
            return Fault(None, f"connection cut after {len(body)} bytes ({type(error).__name__})")
        size = len(body)
    if size > largest:
        return Answer(size, None)
    try:
        completion = json.loads(body)
    except (ValueError, RecursionError):
        completion = None
    choices = completion.get("choices") if isinstance(completion, dict) else None
    if isinstance(choices, list) and choices:
        return Answer(size, completion)
    failure = completion.get("error") if isinstance(completion, dict) else None
    if isinstance(failure, dict):  # some routers report what is behind them with status 200
        code = failure.get("code")
        return Fault(code if isinstance(code, int) else None, str(failure.get("message"))[:500])
    return Fault(None, "what came back is no chat completion" if choices is None else "the answer holds no choice")


def retry_after_s(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110: seconds or an HTTP date); None if it says nothing."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def read_message(body: dict[str, Any]) -> Message:
    """Read a chat completion; whatever is absent or of another type reads as empty."""
    choice = _mapping(next(iter(_list(body.get("choices"))), None))
    message, usage = _mapping(choice.get("message")), _mapping(body.get("usage"))
    text, thought = split_reasoning(_text(message.get("content")))
    beside = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    logprobs, token_ids = _tokens(choice)
    return Message(
        text=text,
        reasoning="\n".join(part for part in (beside.strip(), thought) if part),
        refusal=_text(message.get("refusal")),
        finish_reason=_text(choice.get("finish_reason")),
        model=_text(body.get("model")),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        calls=tuple(map(_call, _list(message.get("tool_calls")))),
        logprobs=logprobs,
        token_ids=token_ids,
    )


def split_reasoning(text: str) -> tuple[str, str]:
    """Part `<think>...</think>` from an answer.

    An unclosed block reaches to the end; a lone `</think>` ends a block that the chat template had opened. Tags after
    the first brace or fence are the answer's own words.

    Returns:
        the answer and the reasoning, both stripped.
    """
    thoughts: list[str] = []
    first = _TAG.search(text)
    if first and first[0].startswith("</") and not text.lstrip().startswith(("{", "```", "~~~")):
        thoughts.append(text[: first.start()])
        text = text[first.end() :]
    kept: list[str] = []
    at, thinking = 0, False  # where the current part starts, and whether it is reasoning
    for mark in _MARK.finditer(text):
        if thinking == mark[0].startswith("</"):
            if not thinking and mark[0][0] != "<":
                break
            (thoughts if thinking else kept).append(text[at : mark.start()])
            at, thinking = mark.end(), not thinking
    (thoughts if thinking else kept).append(text[at:])
    return "".join(kept).strip(), "\n".join(thought.strip() for thought in thoughts)


def _call(value: object) -> FunctionCall:
    call = _mapping(value)
    function = _mapping(call.get("function"))
    arguments = function.get("arguments")
    if isinstance(arguments, dict):  # some endpoints have parsed them
        arguments = json.dumps(arguments)
    return FunctionCall(_text(call.get("id")), _text(function.get("name")), _text(arguments))


def _tokens(choice: dict[str, Any]) -> tuple[list[float] | None, list[int] | None]:
    """Log-probabilities and ids, of as many tokens; ids lie in the choice (vLLM) or beside each logprob (llama.cpp)."""
    entries = [_mapping(entry) for entry in _list(_mapping(choice.get("logprobs")).get("content"))]
    logprobs = [x for entry in entries if (x := _logprob(entry.get("logprob"))) is not None]
    ids = _list(choice.get("token_ids")) or [_token_id(entry) for entry in entries]
    known = [each for each in ids if _count(each) is not None]
    fit = len(known) == len(ids) and (not entries or len(ids) == len(entries))
    return (logprobs if logprobs and len(logprobs) == len(entries) else None), (known if known and fit else None)


def _logprob(value: object) -> float | None:
    if isinstance(value, float) and not math.isnan(value):
        return max(value, _LOWEST_LOGPROB)
    return 0.0 if value == 0 else None


def _token_id(entry: dict[str, Any]) -> object:
    named = _TOKEN_ID.fullmatch(_text(entry.get("token")))  # vLLM's `return_tokens_as_token_ids`
    return int(named[1]) if named else entry.get("id")


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    if isinstance(value, list):  # content in parts
        value = "".join(_text(_mapping(part).get("text")) for part in value)
    # A lone surrogate is legal in JSON and in no file or data base.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT else None
