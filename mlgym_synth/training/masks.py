"""Conversations as tokens, and which of them the assistant said: what the loss is taken of.

A chat template tells it by `{% generation %}` marks. One without gets them from TRL if TRL knows its family; else the
assistant's stretches are found by rendering the conversation up to each of its turns, which works if what is rendered
of the beginning does not depend on what follows.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlgym_synth.training.dataset import Message
from mlgym_synth.training.errors import TemplateUnusable
from mlgym_synth.trajectories.tokens import training_template

Tools = list[dict[str, Any]] | None
_MARK = re.compile(r"(\{%[-+]?\s*)(end)?generation(\s*[-+]?%\})")
Spans = list[tuple[int, int]]

_PROBE_SCHEMA = {
    "type": "function",
    "function": {
        "name": "probe_offered",
        "description": "A probe.",
        "parameters": {"type": "object", "properties": {"probe_parameter": {"type": "string"}}},
    },
}
_PROBE_CALL = {"type": "function", "function": {"name": "probe_called", "arguments": {"probe_key": "probe_value"}}}
_PROBE: list[Message] = [
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "probe_thought", "tool_calls": [_PROBE_CALL]},
    {"role": "tool", "name": "probe_called", "content": "probe_result"},
    {"role": "assistant", "content": "Done."},
]
_PROBED = {
    "the tools on offer": ("probe_offered",),
    "calls of tools": ("probe_called", "probe_key", "probe_value"),
    "results of tools": ("probe_result",),
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation as a model sees it; five bytes a token, since all of the data is held at once.

    Attributes:
        ids: token ids, as C integers.
        mask: for each, 1 where the loss is taken of it, else 0.
    """

    ids: array[int]
    mask: bytes

    @classmethod
    def of(cls, ids: Iterable[int], mask: Iterable[int]) -> Encoded:
        """From numbers and truth values."""
        return cls(array("i", ids), bytes(map(bool, mask)))

    def cut(self, length: int) -> Encoded:
        """The first `length` tokens."""
        return Encoded(self.ids[:length], self.mask[:length])

    def stretches(self) -> list[tuple[bool, list[int]]]:
        """Runs of tokens that are trained on or are not, in order."""
        runs = itertools.groupby(zip(self.mask, self.ids, strict=True), key=lambda pair: pair[0])
        return [(bool(trained), [token for _, token in pairs]) for trained, pairs in runs]


@dataclass(frozen=True, slots=True)
class Encoder:
    """Renders conversations by a chat template and marks the assistant's tokens.

    Attributes:
        how: where the marks are from, for people.
        template: the chat template; a student must be served with it, see `keep_template`.
        encode: of messages and tools; raises `TemplateUnusable` for a conversation that the template refuses, or in
            which nothing would be learned.
        notes: what a reader of the result should know.
    """

    how: str
    template: str
    encode: Callable[[list[Message], Tools], Encoded]
    notes: tuple[str, ...] = ()


def make_encoder(tokenizer: Any, *, with_tools: bool, assistant_only: bool = True) -> Encoder:
    """The encoder for a tokenizer's chat template, checked on a made-up conversation.

    Args:
        tokenizer: a fast one of transformers.
        with_tools: whether the data has tools.
        assistant_only: mark what the assistant said; else everything.

    Raises:
        TemplateUnusable: there is no template, it drops the tools, or does not let the assistant's turns be found.
    """
    name = tokenizer.name_or_path or "the tokenizer"
    if not isinstance(tokenizer.chat_template, str):
        raise TemplateUnusable(f"{name}: has no chat template. Give the tokenizer of an instruct model: --tokenizer")
    if not tokenizer.is_fast:
        raise TemplateUnusable(f"{name}: has no fast tokenizer, which tells where in the text a token is from")
    if with_tools:
        _check_tools(tokenizer, name)
    template = tokenizer.chat_template
    if not assistant_only:
        return Encoder(
            "everything is trained on", template, lambda m, t: _all_of(_encoded(tokenizer, _render(tokenizer, m, t)))
        )
    encoder = _by_marks(tokenizer) or Encoder(
        "found by rendering each beginning of a conversation",
        template,
        lambda m, t: _by_beginnings(tokenizer, name, m, t),
    )
    probe = encoder.encode(_PROBE, [_PROBE_SCHEMA]) if with_tools else encoder.encode([_PROBE[0], _PROBE[-1]], None)
    _check_probe(tokenizer, name, probe, with_tools)
    notes = () if _learns_to_stop(tokenizer, probe) else ("the end of a turn is not trained on: it may not stop",)
    return Encoder(encoder.how, encoder.template, _never_empty(encoder.encode, name), notes)


def keep_template(tokenizer: Any, template: str) -> None:
    """Let a tokenizer render as in training, so that a served student's history is like those that it learned from.

    TRL, which knows families by the templates they come with, is asked before for how to read their answers. The marks
    become conditions that always hold: other engines, llama.cpp's among them, know no `generation`.
    """
    from trl.chat_template_utils import add_response_schema

    if template == tokenizer.chat_template:
        return
    if getattr(tokenizer, "response_template", None) is None:
        with contextlib.suppress(ValueError):  # a family whose tool calls it cannot read
            add_response_schema(tokenizer)
    tokenizer.chat_template = _MARK.sub(lambda mark: mark[1] + ("endif" if mark[2] else "if true") + mark[3], template)


def knows_tools(tokenizer: Any) -> bool:
    """Whether a tokenizer's chat template renders tools, calls and results."""
    try:
        _check_tools(tokenizer, "")
    except TemplateUnusable:
        return False
    return True


def end_tokens(tokenizer: Any, encoded: Encoded) -> list[int]:
    """The special tokens with which the assistant's stretches end, white space aside: what a model must stop at.

    Of a whole conversation: one that is cut may end in the token that begins a call.
    """
    special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    lasts = (_last_with_ink(tokenizer, ids) for trained, ids in encoded.stretches() if trained)
    return list(dict.fromkeys(last for last in lasts if last is not None and last in special))


def _last_with_ink(tokenizer: Any, ids: list[int]) -> int | None:
    return next((token for token in reversed(ids[-3:]) if tokenizer.decode([token]).strip()), None)


def _check_tools(tokenizer: Any, name: str) -> None:
    text = _render(tokenizer, _PROBE, [_PROBE_SCHEMA])
    dropped = [what for what, words in _PROBED.items() if not all(word in text for word in words)]
    if dropped:
        raise TemplateUnusable(
            f"{name}: its chat template leaves out {' and '.join(dropped)}, which the data has."
            " Export the data with --text, or give a tokenizer whose template knows tools: --tokenizer"
        )


def _by_marks(tokenizer: Any) -> Encoder | None:
    from trl.chat_template_utils import has_generation_markers

    if has_generation_markers(tokenizer.chat_template):
        template, how = tokenizer.chat_template, "the chat template's own generation marks"
    elif known := training_template(tokenizer):
        template, how = known, "TRL's training template of this family"
    else:
        return None

    def encode(messages: list[Message], tools: Tools) -> Encoded:
        found = _ask(
            tokenizer, messages, tools, chat_template=template, tokenize=True, return_dict=True,
            return_assistant_tokens_mask=True,
        )  # fmt: skip
        return Encoded.of(found["input_ids"], found["assistant_masks"])

    return Encoder(how, template, encode)


def _by_beginnings(tokenizer: Any, name: str, messages: list[Message], tools: Tools) -> Encoded:
    text = _render(tokenizer, messages, tools)
    spans: Spans = []
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = _render(tokenizer, messages[:place], tools, add_generation_prompt=True)
        until = _render(tokenizer, messages[: place + 1], tools)
        if not (until.startswith(before) and text.startswith(until)):
            raise TemplateUnusable(
                f"{name}: its chat template renders the beginning of a conversation otherwise once it goes on, so that"
                " the assistant's words cannot be told apart. Put {% generation %} ... {% endgeneration %} around them"
                " in the template, or set assistant_only_loss=false"
            )
        spans.append((len(before), len(before) + len(until[len(before) :].rstrip())))
    return _encoded(tokenizer, text, spans)


def _encoded(tokenizer: Any, text: str, spans: Sequence[tuple[int, int]] = ()) -> Encoded:
    """Tokens of a text; those that begin within a span are marked."""
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    left, mask = list(spans), []
    for start, end in found["offset_mapping"]:
        while left and start >= left[0][1]:
            left.pop(0)
        # Some tokenizers tell of a token of spaces alone only where it ends: at a span's beginning it was before it.
        mask.append(bool(left) and start >= left[0][0] and end > left[0][0])
    return Encoded.of(found["input_ids"], mask)


def _all_of(encoded: Encoded) -> Encoded:
    return Encoded(encoded.ids, b"\1" * len(encoded.ids))


def _render(tokenizer: Any, messages: list[Message], tools: Tools, **more: Any) -> str:
    return str(_ask(tokenizer, messages, tools, tokenize=False, **more))


def _ask(tokenizer: Any, messages: list[Message], tools: Tools, **more: Any) -> Any:
    from jinja2 import TemplateError

    try:
        return tokenizer.apply_chat_template(messages, tools=tools, **more)
    except (TemplateError, TypeError, KeyError, ValueError) as error:  # whatever a template does with a turn
        name = tokenizer.name_or_path or "the tokenizer"
        raise TemplateUnusable(f"{name}: its chat template refuses a conversation: {error}") from error


def _check_probe(tokenizer: Any, name: str, probe: Encoded, with_tools: bool) -> None:
    learned = "".join(tokenizer.decode(ids) for trained, ids in probe.stretches() if trained)
    if "Done." not in learned or "Hello." in learned or "probe_result" in learned:
        raise TemplateUnusable(
            f"{name}: the marks of its chat template are not around what the assistant says; trained would be"
            f" {learned[:200]!r}"
        )
    if with_tools and not all(word in learned for word in _PROBED["calls of tools"]):
        raise TemplateUnusable(
            f"{name}: the marks of its chat template leave out calls of tools, so that none would be learned; trained"
            f" would be {learned[:200]!r}. Put the calls between {{% generation %}} and {{% endgeneration %}} too, or"
            " export the data with --text"
        )


def _learns_to_stop(tokenizer: Any, probe: Encoded) -> bool:
    return bool(end_tokens(tokenizer, probe))


def _never_empty(encode: Callable[[list[Message], Tools], Encoded], name: str) -> Callable[..., Encoded]:
    def checked(messages: list[Message], tools: Tools) -> Encoded:
        encoded = encode(messages, tools)
        if not any(encoded.mask):
            raise TemplateUnusable(f"{name}: its chat template renders nothing of what the assistant says here")
        return encoded

    return checked
