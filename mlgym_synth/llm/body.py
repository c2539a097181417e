"""The body of a request: options, the object or the functions that are asked for, and what an endpoint takes of it.

`model.py` builds every request with it. Endpoints differ in what they take and in how they say so; what one request
finds out holds for all later ones of the same model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from mlgym_synth.llm.replies import Fault

Messages = Sequence[Mapping[str, Any]]

FORMATS = ("json_schema", "json_object", "text")  # what structured output is asked with, the best first
_UNSUPPORTED = re.compile(
    r"unsupported|n[o']t support|unknown|unrecogni[sz]ed|unexpected|not (?:permitted|allowed|implemented)|extra ", re.I
)
_NO_FUNCTIONS = re.compile(r"requires?\b|that support", re.I)  # llama.cpp, vLLM; OpenRouter
_FUNCTIONS = re.compile(r"\btool|function[ _-]?call", re.I)
_NO_FUNCTIONS_500 = re.compile(r"requires? --jinja|n[o']t support|unsupported|not implemented", re.I)
_CALL_NOT_READ = re.compile(
    r"error parsing tool call|failed to parse (?:tool[ _-]?call|input at pos)|tool[ _-]?call parsing failed"
    r"|tool_use_failed",
    re.I,
)  # Ollama, llama.cpp, Groq: of what the model has said, which may hold any other word
_NO_SYSTEM = re.compile(
    r"system (?:role|message|prompt)s? (?:is |are )?not supported|roles must alternate|only user and", re.I
)
_TOO_LONG = re.compile(
    r"context[ _-]?(?:length|size|window)|maximum (?:model|context|input) length|prompt is too long|too many tokens"
    r"|input token count|longer than the (?:model|maximum)|reduce the length",
    re.I,
)


class Options:
    """What requests carry beside model and messages, less what the model has turned out not to take.

    Args:
        wanted: names and values as the chat completions API has them; None is left out.
    """

    def __init__(self, **wanted: Any) -> None:
        self._wanted = wanted
        self._refused: set[str] = set()

    def body(self, **more: Any) -> dict[str, Any]:
        """A request's fields: the options that are taken, and `more` of this request alone."""
        fields = {**self._wanted, **more}
        if "max_tokens" in self._refused:
            fields["max_completion_tokens"] = fields.get("max_tokens")  # its name for reasoning models
        return {name: value for name, value in fields.items() if value is not None and name not in self._refused}

    def drop(self, fault: Fault, body: Mapping[str, Any]) -> str | None:
        """Leave out from now on the option that this fault is about; its name, if there is one."""
        if not _is_of_the_request(fault) or not _UNSUPPORTED.search(fault.message):
            return None
        if "response_format" in body and "response_format" in fault.message:
            return None  # some servers quote the whole request beside the field that they do not take
        named = {name: re.search(rf"\b{name}\b", fault.message) for name in _OPTIONS if name in body}
        places = {name: found.start() for name, found in named.items() if found}
        # A message about one of them may name another as the cure, later on.
        first = min(places, key=places.__getitem__, default=None)
        if first is None or (first in _SHAPE_ANSWERS and (fault.status or 0) >= 500):
            return None
        self._refused.add(first)
        return first


_SHAPE_ANSWERS = ("max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "reasoning_effort")
"""Nothing is dropped for a server error (5xx): it may quote anything, even the whole request."""
_OPTIONS = (*_SHAPE_ANSWERS, "parallel_tool_calls", "return_token_ids", "logprobs")


def encodable(body: dict[str, Any]) -> dict[str, Any]:
    """The same as UTF-8 can hold it: half a character, which JSON can say and models do say, becomes a question mark.

    Raises:
        TypeError, ValueError: it is no JSON.
    """
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        sound: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
        return sound
    return body


def refuses_format(fault: Fault) -> bool:
    """Whether asking in a plainer way may help. llama.cpp's server says 500 of a format that it does not know."""
    return fault.status in (400, 422, 501) or (fault.status == 500 and "response_format" in fault.message)


def refuses_functions(fault: Fault) -> bool:
    """Whether the endpoint, or the model behind it, takes no `tools`."""
    text = fault.message
    known = _UNSUPPORTED.search(text) or _NO_FUNCTIONS.search(text)
    if fault.status == 500:  # may be anything, and quote anything
        known = _NO_FUNCTIONS_500.search(text)
    return _is_of_the_request(fault) and bool(_FUNCTIONS.search(text) and known)


def cannot_read_call(fault: Fault) -> bool:
    """Whether the endpoint has an answer and cannot read the call in it: the model's failure, not the request's."""
    return fault.status in (400, 422, 500) and bool(_CALL_NOT_READ.search(f"{fault.code} {fault.message}"))


def refuses_system(fault: Fault) -> bool:
    """Whether the model's chat template has no system turn, as Gemma's and old ones of Mistral."""
    return _is_of_the_request(fault) and bool(_NO_SYSTEM.search(fault.message))


def without_system(messages: Messages) -> Messages:
    """The same with the system's words at the head of the first user's."""
    first, *rest = messages
    if first.get("role") != "system" or not rest:
        return messages
    return [{**rest[0], "content": f"{first['content']}\n\n{rest[0]['content']}"}, *rest[1:]]


def exceeds_context(fault: Fault) -> bool:
    """Whether the request is longer than the model's context: in the words of OpenAI, vLLM, llama.cpp and others."""
    return fault.code == "context_length_exceeded" or (
        fault.status in (400, 413, 422, 500) and bool(_TOO_LONG.search(fault.message))
    )


def refuses_content(fault: Fault) -> bool:
    """Whether a filter has turned the prompt away: it would do so again, with whatever else the run asks answered."""
    return fault.code in ("content_filter", "content_policy_violation", "invalid_prompt")


def asks_for_object(form: str, messages: Messages, schema: type[BaseModel]) -> dict[str, Any]:
    """The part of a body that asks for an object, in one of FORMATS."""
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


def _is_of_the_request(fault: Fault) -> bool:
    """Whether the status may mean that a field is not taken: OpenAI has 403 for logprobs, llama.cpp 500 for all."""
    return fault.status in (400, 403, 404, 422, 500, 501)


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
