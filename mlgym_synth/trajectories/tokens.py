"""How many tokens an episode has as a conversation, by whatever counts them: a tokenizer, a function, an estimate."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.trajectories.model import Trajectory
from mlgym_synth.trajectories.turns import AS_CALLS, Form, Message

CHARACTERS_PER_TOKEN = 4


class TokenizerUnavailable(MlgymSynthError):
    """A tokenizer that cannot be loaded, or whose chat template refuses a conversation; the message says why."""


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Counts the tokens of a trajectory; `name` says by what, for people."""

    name: str
    count: Callable[[Trajectory], int]


def estimate(form: Form = AS_CALLS) -> TokenCounter:
    """Four characters a token, tools included: good to about a third for English and code, and it needs nothing."""
    tools = len(json.dumps(form.tools())) if form.tools() else 0

    def count(trajectory: Trajectory) -> int:
        characters = tools + sum(map(len, _texts(form.messages(trajectory))))
        return -(-characters // CHARACTERS_PER_TOKEN)

    return TokenCounter(f"estimated at {CHARACTERS_PER_TOKEN} characters a token", count)


def by_text(count: Callable[[str], int], name: str, form: Form = AS_CALLS) -> TokenCounter:
    """Sum of what `count` gives for the text of every turn; a template's own marks and the tools are not counted."""
    return TokenCounter(name, lambda trajectory: sum(map(count, _texts(form.messages(trajectory)))))


def by_tokenizer(name: str, form: Form = AS_CALLS) -> TokenCounter:
    """A Hugging Face tokenizer, by folder or by name on the Hub.

    Raises:
        TokenizerUnavailable: transformers is not installed, or there is no such tokenizer; by `count`, as in
            `by_loaded`.
    """
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # it needs no PyTorch here, and says it misses it
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise TokenizerUnavailable(f"tokenizer {name!r}: {error}. pip install 'mlgym-synth[tokenizers]'") from error
    if (name.startswith((".", "/", "~")) or name.count("/") > 1) and not Path(name).expanduser().is_dir():
        raise TokenizerUnavailable(f"tokenizer {name!r}: no such folder")
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(Path(name).expanduser()) if Path(name).exists() else name)
    except Exception as error:  # the Hub's, the network's, the file's: dozens of kinds, one remedy
        reason = str(error).strip().partition("\n")[0]
        raise TokenizerUnavailable(
            f"tokenizer {name!r}: {reason} Give a folder with tokenizer.json, or a name on the Hub."
        ) from error
    return by_loaded(tokenizer, name, form)


def by_loaded(tokenizer: Any, name: str, form: Form = AS_CALLS) -> TokenCounter:
    """A tokenizer of transformers.

    What is counted is the whole conversation with its tools as the chat template renders it that a trainer takes (see
    `training_template`); the text of the turns where there is none.

    Raises:
        TokenizerUnavailable: by `count`, when the chat template refuses a conversation.
    """
    from jinja2 import TemplateError

    def length(text: str) -> int:
        text = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text to it
        return len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    if not tokenizer.chat_template:
        return by_text(length, f"{name}, which has no chat template: turns only", form)
    tools, template = form.tools() or None, training_template(tokenizer)

    def count(trajectory: Trajectory) -> int:
        turns = form.messages(trajectory)
        try:
            return length(tokenizer.apply_chat_template(turns, tools=tools, chat_template=template, tokenize=False))
        except TemplateError as error:
            raise TokenizerUnavailable(
                f"tokenizer {name!r}: its chat template refuses an episode of {trajectory.task_id}: {error}."
                " Give another tokenizer, or export as text."
            ) from error

    return TokenCounter(name, count)


def training_template(tokenizer: Any) -> str | None:
    """TRL's variant of a tokenizer's chat template, with marks around what the assistant says.

    It may render more than the original: Qwen3's leaves an empty block of thoughts in each turn, where the original
    drops all but the last. None, for the original, where that has marks, TRL does not know its family, or is not
    installed.
    """
    try:
        from trl.chat_template_utils import get_training_chat_template, has_generation_markers
    except ImportError:
        return None
    if has_generation_markers(tokenizer.chat_template):
        return None
    try:
        template: str | None = get_training_chat_template(tokenizer)
    except Exception:  # unknown to it, or it stumbles over the template
        return None
    return template


def _texts(messages: list[Message]) -> list[str]:
    """All that a template renders of some turns."""
    texts = []
    for message in messages:
        calls = [call["function"] for call in message.get("tool_calls", ())]
        texts += [message["content"], message.get("reasoning_content", "")]
        texts += [f"{call['name']} {json.dumps(call['arguments'], ensure_ascii=False)}" for call in calls]
    return [text for text in texts if text]
