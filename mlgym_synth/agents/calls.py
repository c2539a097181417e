"""From what a model answered to an action: a call of a function, or a command in the text. `LLMAgent` calls it.

In text an action is one fenced block: bash, or a tool's name followed by its arguments as a JSON object. JSON objects
that say tool and arguments themselves are taken too, and names that stand where a block has its language, because
models write what they were trained on. What cannot be read becomes an action that the env answers with a correction;
nothing here raises for what a model wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlgym_synth.agents.base import Action
from mlgym_synth.llm.replies import FunctionCall, Refused, Reply
from mlgym_synth.llm.texts import Block, blocks
from mlgym_synth.tools import TOOLS

NO_CALL = "the answer calls no tool"
FORM = "Write a sentence, and below it a block and nothing more, such as\n\n```bash\npython baseline.py\n```"
ONE_CALL = "[Only the first of {count} calls was run; make one call an answer.]"
ONE_BLOCK = "[Only the first block was run; write one block an answer, and nothing after it.]"
_SHELL = ("bash", "sh", "shell", "console")
_OBJECT = ("json", "tool", "tool_call")
_OPENED_LATE = re.compile(r"(?<=\S)[ \t]+(```\w+)[ \t]*$", re.M)
_CLOSED_EARLY = re.compile(r"^(```)[ \t]+(?=\S+[ \t]+\S)", re.M)
_NAMED = re.compile(r"(\w+)\s*(?:\(\s*\))?\s*")
_OPEN, _CLOSE = "<tool_call>", "</tool_call>"  # what servers without a parser for it leave in the text
_JSON = json.JSONDecoder(strict=False)  # models write raw newlines into strings
_LONGEST_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Heard:
    """What an answer comes to.

    Attributes:
        action: for the env.
        text: what the assistant's turn says in the context, the call aside.
        call: the function that was called, as it can be sent back; None where the action was read out of text.
        thought: the text beside the action.
        note: what the model should know of how it was understood; stands before the next observation.
    """

    action: Action
    text: str
    call: FunctionCall | None = None
    thought: str = ""
    note: str = ""


def malformed(reason: str) -> Action:
    """An action that the env answers with this reason and how to do better."""
    return {"malformed": reason}


def hear(reply: Reply, in_text: bool) -> Heard:
    """Read an answer; `in_text` says which form was asked for, but either is taken."""
    if reply.calls:
        return _heard_call(reply)
    try:
        return read_text(reply.text)
    except Refused as refused:
        return Heard(malformed(f"{refused.reason}. {FORM}" if in_text else NO_CALL), reply.text)


def hear_refused(refused: Refused, in_text: bool) -> Heard:
    """What is left of an answer that could not be used: empty, refused, too long, or cut off behind its command."""
    text = refused.reply.text if refused.reply else ""
    reason = f"the answer could not be used ({refused.reason})"
    if not in_text:
        return Heard(malformed(reason), text)
    try:
        return read_text(text)
    except Refused:
        return Heard(malformed(f"{reason}. {FORM}"), text)


def read_text(text: str) -> Heard:
    """The action in a text.

    Of several blocks the first counts, and the turn ends with it: what stands behind it was made up before the command
    was run.

    Raises:
        Refused: there is none, or it cannot be read.
    """
    if _OPEN in text:
        thought, _, rest = text.partition(_OPEN)
        return Heard(_object_action(rest.partition(_CLOSE)[0]), text, thought=thought.strip())
    text = _CLOSED_EARLY.sub(r"\1\n", _OPENED_LATE.sub(r"\n\1", text))  # fences in a line with prose
    found, unfinished = _blocks(text)
    commands = [block for block in found if _kind(block) in (*_SHELL, *_OBJECT, *TOOLS)]
    nameless = [block for block in found if not block.info]
    if not commands and len(nameless) == 1:
        commands = nameless
    if not commands and text.lstrip().startswith("{"):
        return _bare_object(text.strip())
    if not commands:
        raise Refused(unfinished or _why_none(found))
    block = commands[0]
    lines = text.replace("\r\n", "\n").split("\n")
    before, behind = lines[: block.start], lines[block.end + 1 :]
    if len(commands) == 1 and not unfinished:
        return Heard(_block_action(block), text, thought="\n".join([*before, *behind]).strip())
    kept = "\n".join(lines[: block.end + 1])
    return Heard(_block_action(block), kept, thought="\n".join(before).strip(), note=ONE_BLOCK)


def _blocks(text: str) -> tuple[list[Block], str]:
    """The complete blocks, and what is wrong behind them."""
    found: list[Block] = []
    try:
        for block in blocks(text):
            found.append(block)  # what is complete stays, also where the last is not
    except Refused as refused:
        return found, refused.reason
    return found, ""


def _why_none(found: Sequence[Block]) -> str:
    if not found:
        return "the answer has no fenced block with a command"
    named = next((block.info for block in found if block.info), "")
    return f"a block of {named[:20]} is no command" if named else f"none of {len(found)} blocks says that it is bash"


def _bare_object(text: str) -> Heard:
    """A call that is written down without a fence; more of them may follow."""
    try:
        end = _JSON.raw_decode(text)[1]
    except (ValueError, RecursionError):
        end = len(text)  # `_object_action` says what is wrong
    return Heard(_object_action(text[:end]), text[:end], note=ONE_BLOCK if text[end:] else "")


def _heard_call(reply: Reply) -> Heard:
    call = reply.calls[0]
    arguments = _object(call.arguments)
    action = {"tool": call.name, "arguments": call.arguments if arguments is None else arguments}
    # Endpoints refuse a conversation with a call that is no valid one, so what goes back is.
    kept = FunctionCall(
        call.id,
        re.sub(r"[^a-zA-Z0-9_-]", "_", call.name[:64]) or "unnamed",
        json.dumps({"malformed": call.arguments[:_LONGEST_SHOWN]} if arguments is None else arguments),
    )
    note = ONE_CALL.format(count=len(reply.calls)) if len(reply.calls) > 1 else ""
    return Heard(action, reply.text, kept, reply.text, note)


def _block_action(block: Block) -> Action:
    text = "\n".join(block.lines).strip()
    if info_names_tool := _kind(block) in TOOLS and _kind(block) not in _SHELL:  # where a language stands
        text = f"{block.info}\n{text}".strip()
    if not text:
        raise Refused("the block is empty")
    if _kind(block) in _OBJECT or text.startswith('{"tool"') or (not block.info and text.startswith("{")):
        return _object_action(text)
    named = _NAMED.match(text)
    if named and named[1] in TOOLS:
        rest = text[named.end() :]
        if not rest or rest.startswith("{"):
            return {"tool": named[1], "arguments": _parsed(rest or "{}")}
    if info_names_tool:
        raise Refused(f"what stands behind {_kind(block)!r} should be a JSON object")
    return {"tool": "bash", "arguments": {"command": "\n".join(block.lines)}}


def _object_action(text: str) -> Action:
    """`{"tool": ..., "arguments": ...}`, or the same in other words that models are trained on."""
    fields = _parsed(text)
    for usual, other in (("tool", "name"), ("arguments", "parameters")):
        if usual not in fields and other in fields:
            fields[usual] = fields.pop(other)
    return fields


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = _JSON.decode(text.strip())
    except (ValueError, RecursionError) as error:
        raise Refused(f"what should be a JSON object cannot be read ({error})") from None
    if not isinstance(value, dict):
        raise Refused(f"what should be a JSON object is {type(value).__name__}")
    return value


def _object(text: str) -> dict[str, Any] | None:
    """The arguments of a call; nothing at all stands for none, None for what is no object."""
    try:
        value = _JSON.decode(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def _kind(block: Block) -> str:
    return (block.info.lower().split() or [""])[0]
