"""Reading what a chat model answered: its body, its reasoning, the JSON or the files in its text.

`model.py` calls it for every answer; authors call `extract_code`. Models are sloppy in known ways (prose around the
JSON, fences, `<think>` in the text), so reading is lenient; what still cannot be read is `Refused`, an attempt that
counts. Every function is linear in the text, which is whatever a stranger's endpoint sent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

LARGEST_ANSWER = 2_000_000  # bytes of a body; no task is that long, a model that loops is
NOT_JSON = "not JSON"
_TAG = re.compile(r"</?think(?:ing)?>", re.I)
_MARK = re.compile(r"</?think(?:ing)?>|\{|```|~~~", re.I)
_FENCED_JSON = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n\s*(?=\{)", re.M)
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})([^`]*)")
_NAME = r"/?(?:[\w.-]+/)*[\w.-]*\.[A-Za-z]\w{0,4}"
_WORD = r"(?:(?:file ?(?:name)?|path|title)\s*[:=]?)?"
_HEADING = re.compile(rf"[\s#*`>-]*(?:\d+[.)]\s*)?[*`]*{_WORD}[\s*`]*({_NAME})[\s*`:]*", re.I)
_COMMENT = re.compile(rf"\s*(?:#|//|--|%|<!--|/\*)\s*{_WORD}\s*`?({_NAME})`?\s*(?:-->|\*/)?\s*", re.I)
_STARTS = 200  # braces tried before a text is given up: each error costs a pass over the text
_LONGEST_NAMING_LINE = 200  # characters; the patterns above are only tried on lines that may well be a name


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
class Reply:
    """One answer of a model, as plain data (`dataclasses.asdict` gives what a ledger stores)."""

    text: str
    reasoning: str
    usage: Usage
    model: str
    finish_reason: str


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
    """A body with status 200; `size` is in bytes, and `completion` is empty if that is too many."""

    size: int
    completion: dict[str, Any]


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


async def read_body(chunks: AsyncIterator[bytes], headers: Mapping[str, str]) -> Answer | Fault:
    """Read a body, but no more of it than can be an answer."""
    declared = headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() and "content-encoding" not in headers else 0
    body = bytearray()
    if size <= LARGEST_ANSWER:
        try:
            async for chunk in chunks:
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    break
        except Exception as error:  # reading has failed, by whichever name the HTTP library of this client has for it
            return Fault(None, f"connection cut after {len(body)} bytes ({type(error).__name__})")
        size = len(body)
    if size > LARGEST_ANSWER:
        return Answer(size, {})
    try:
        completion = json.loads(body)
    except (ValueError, RecursionError):
        completion = None
    if isinstance(completion, dict) and isinstance(completion.get("choices"), list):
        return Answer(size, completion)
    failure = completion.get("error") if isinstance(completion, dict) else None
    if isinstance(failure, dict):  # some routers report what is behind them with status 200
        code = failure.get("code")
        return Fault(code if isinstance(code, int) else None, str(failure.get("message"))[:500])
    return Fault(None, "what came back is no chat completion")


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
    choices = body.get("choices")
    choice = _mapping(choices[0] if isinstance(choices, list) and choices else None)
    message, usage = _mapping(choice.get("message")), _mapping(body.get("usage"))
    text, thought = split_reasoning(_text(message.get("content")))
    beside = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    return Message(
        text=text,
        reasoning="\n".join(part for part in (beside.strip(), thought) if part),
        refusal=_text(message.get("refusal")),
        finish_reason=_text(choice.get("finish_reason")),
        model=_text(body.get("model")),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
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


def parse_object(text: str, schema: type[Model]) -> Model:
    """The first complete JSON object in a text, as a `schema`.

    Raises:
        Refused: `not JSON`, `truncated: ...`, or the fields that are wrong.
    """
    found = _first_object(split_reasoning(text)[0])
    try:
        return schema.model_validate_json(found)  # JSON mode: a strict schema still takes lists for tuples
    except ValidationError as error:
        found_wrong = error.errors(include_url=False, include_context=False, include_input=False)[:5]
        problems = [f"{'.'.join(map(str, each['loc'])) or 'object'}: {each['msg']}" for each in found_wrong]
        more = error.error_count() - len(problems)
        raise Refused("; ".join(problems)[:1000] + (f"; and {more} more" if more else "")) from None


def extract_code(text: str) -> dict[str, str]:
    """The files in an answer: fenced blocks that have a name in the info string, the first line or the line before.

    Returns:
        file name -> text, or `{"": text}` for a single block without a name. Blocks without a name beside named ones
        (shell commands, sample output) are left out; of two blocks with one name the last counts.

    Raises:
        Refused: no code block, several without names, an unclosed fence, a name that leaves its folder.
    """
    blocks = list(_blocks(split_reasoning(text)[0]))
    named = {name: code for name, code in blocks if name}
    for name in named:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise Refused(f"file name {name!r} leaves the folder")
    if named:
        return {str(PurePosixPath(name)): code for name, code in named.items()}
    if len(blocks) != 1:
        raise Refused("several code blocks without file names" if blocks else "no code block")
    return {"": blocks[0][1]}


def _first_object(text: str) -> str:
    fenced = None if text.startswith("{") else _FENCED_JSON.search(text)
    decoder = json.JSONDecoder(strict=False)  # models write raw newlines into strings
    start = text.find("{", fenced.end() if fenced else 0)
    for _ in range(_STARTS):
        if start < 0:
            break
        try:
            return json.dumps(decoder.raw_decode(text, start)[0])
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
                # Not one of the complete objects inside of it: that would be a part passed off as the whole.
                raise Refused("truncated: the JSON does not end") from None
            start = text.find("{", max(error.pos, start + 1))
        except (ValueError, RecursionError):  # a number of 5,000 digits, a nest of 1,000 brackets
            break
    raise Refused(NOT_JSON)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    lines = text.replace("\r\n", "\n").split("\n")
    before, at = "", 0
    while at < len(lines):
        opening = _FENCE.fullmatch(lines[at])
        if not opening:
            before = lines[at] if lines[at].strip() else before
            at += 1
            continue
        end = _closing(lines, at, opening)
        indent = len(opening[1])
        code = [line[indent:] if not line[:indent].strip() else line for line in lines[at + 1 : end]]
        first = _COMMENT.fullmatch(code[0]) if code and len(code[0]) < _LONGEST_NAMING_LINE else None
        heading = _HEADING.fullmatch(before) if len(before) < _LONGEST_NAMING_LINE else None
        name = _info_name(opening[3]) or (first[1] if first else heading[1] if heading else "")
        yield name, "\n".join(code[1:] if first and first[1] == name else code) + "\n"
        before, at = "", end + 1


def _closing(lines: list[str], at: int, opening: re.Match[str]) -> int:
    """The line that ends a block; a fence with an info string inside of it opens one more (a README's examples)."""
    indent, fence, depth = len(opening[1]), opening[2], 1
    for end in range(at + 1, len(lines)):
        match = _FENCE.fullmatch(lines[end])
        if match and match[2].startswith(fence) and len(match[1]) <= indent + 3:
            depth += 1 if match[3].strip() else -1
            if depth == 0:
                return end
    raise Refused("truncated: a code block does not end")


def _info_name(info: str) -> str:
    words = re.split(r"[\s:=\"'{}]+", info[:_LONGEST_NAMING_LINE])
    return next((word for word in words if re.fullmatch(_NAME, word)), "")


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, list):  # content in parts
        value = "".join(_text(_mapping(part).get("text")) for part in value)
    # A lone surrogate is legal in JSON and in no file or data base.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
