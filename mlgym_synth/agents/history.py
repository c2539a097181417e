"""The conversation so far, as messages that fit a model's context.

Turns are kept in one form and rendered in either: calls of functions, or text. `fitted` shortens them by small
functions, the gentlest first. Each takes as much as it must in coarse steps and from the oldest on, so that from one
request to the next only the end of the conversation changes: an endpoint's prompt cache holds for the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlgym_synth.llm.replies import FunctionCall

Message = dict[str, Any]
Fits = Callable[[Sequence["Turn"]], bool]
Processor = Callable[[Sequence["Turn"], Fits], Sequence["Turn"]]

KEPT_WHOLE = 5
"""Last turns whose observations are never elided."""
CHUNK = 5
"""Turns that are elided or left out at a time."""
LADDER = (8000, 4000, 2000)
"""Characters that a long observation is cut to, one step after the other."""
SHORT_LADDER = (2000, 1000, 500, 250, 100)
"""The same for all texts, where that was not enough."""
_PER_MESSAGE = 20  # characters that stand for a message's frame


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer and what came of it.

    Attributes:
        number: from 0.
        text: what the assistant said, the call aside.
        call: with arguments that are a JSON object; None where the action stands in the text, or there is none.
        observation: what the env answered.
        missed: how many answers in a row held no action, up to this one; 0 where it holds one.
    """

    number: int
    text: str
    call: FunctionCall | None
    observation: str
    missed: int = 0


def with_turn(turns: Sequence[Turn], turn: Turn) -> list[Turn]:
    """Append a turn. Of identical turns only the last is kept; consecutive answers without an action collapse into one.

    A model that reads the same three times says it a fourth time, at any temperature, and one that reads its own prose
    where a command should stand writes prose.
    """
    if not turns:
        return [turn]
    *earlier, last = turns
    if last.missed and turn.missed:
        return [*earlier, replace(turn, number=last.number, text="", missed=last.missed + 1)]
    if _content(last) == _content(turn):
        return [*earlier, replace(turn, number=last.number)]
    return [*turns, turn]


def _content(turn: Turn) -> tuple[str, str | None, str]:
    """A turn without what counts up: its number, the call's id and the step at the end of the observation."""
    call = None if turn.call is None else f"{turn.call.name} {turn.call.arguments}"
    return turn.text, call, turn.observation.rpartition("\n[step ")[0] or turn.observation


def render(system: str, statement: str, turns: Sequence[Turn], in_text: bool) -> list[Message]:
    """The conversation as chat messages."""
    gone = turns[0].number if turns else 0
    note = f"\n\n[The first {gone} answers and observations are left out here.]" if gone else ""
    messages: list[Message] = [{"role": "system", "content": system}, {"role": "user", "content": statement + note}]
    for turn in turns:
        if turn.missed > 1:
            told = f"[{turn.missed} answers in a row held no action.]\n{turn.observation}"
            messages[-1]["content"] = f"{messages[-1]['content']}\n\n{told}"
            continue
        if turn.call is None or in_text:
            messages += [
                {"role": "assistant", "content": _as_text(turn)},
                {"role": "user", "content": turn.observation},
            ]
            continue
        identity = turn.call.id or f"call{turn.number:05d}"  # nine letters and digits, which Mistral's insist on
        function = {"name": turn.call.name, "arguments": turn.call.arguments}
        calls = [{"id": identity, "type": "function", "function": function}]
        messages += [
            {"role": "assistant", "content": turn.text or None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": identity, "content": turn.observation},
        ]
    return messages


def characters(messages: Sequence[Message]) -> int:
    """How long a conversation is."""
    return sum(
        len(message["content"] or "")
        + sum(len(call["function"]["arguments"]) + _PER_MESSAGE for call in message.get("tool_calls", ()))
        + _PER_MESSAGE
        for message in messages
    )


def fitted(turns: Sequence[Turn], fits: Fits) -> Sequence[Turn]:
    """Shorten the turns until they fit, or nothing is left to shorten."""
    for process in PROCESSORS:
        if fits(turns):
            break
        turns = process(turns, fits)
    return turns


def elide_observations(turns: Sequence[Turn], fits: Fits) -> Sequence[Turn]:
    """Old observations become one line."""
    free = max(0, len(turns) - KEPT_WHOLE)
    for count in (*range(CHUNK, free, CHUNK), free):
        shorter = [*map(_elided, turns[:count]), *turns[count:]]
        if fits(shorter):
            break
    return shorter


def cut_observations(turns: Sequence[Turn], fits: Fits) -> Sequence[Turn]:
    """Very long observations lose their middle."""
    for most in LADDER:
        shorter = [replace(turn, observation=cut(turn.observation, most)) for turn in turns]
        if fits(shorter):
            break
    return shorter


def drop_turns(turns: Sequence[Turn], fits: Fits) -> Sequence[Turn]:
    """The oldest turns go altogether."""
    free = max(0, len(turns) - KEPT_WHOLE)
    for count in (*range(CHUNK, free, CHUNK), free):
        if fits(turns[count:]):
            break
    return turns[count:]


def cut_everything(turns: Sequence[Turn], fits: Fits) -> Sequence[Turn]:
    """What is left, answers and arguments of calls included, becomes as short as it must."""
    for most in SHORT_LADDER:
        shorter = [_cut_turn(turn, most) for turn in turns]
        if fits(shorter):
            break
    return shorter


PROCESSORS: tuple[Processor, ...] = (elide_observations, cut_observations, drop_turns, cut_everything)


def cut(text: str, most: int) -> str:
    """A text without its middle if it is longer than `most` characters; head and tail say the most."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters left out]\n{text[-half:]}"


def _elided(turn: Turn) -> Turn:
    lines = turn.observation.count("\n") + 1
    stub = f"[old output left out: {lines} lines]"
    return replace(turn, observation=stub) if len(stub) < len(turn.observation) else turn


def _cut_turn(turn: Turn, most: int) -> Turn:
    call = turn.call
    if call is not None:
        values = {name: cut(x, most) if isinstance(x, str) else x for name, x in json.loads(call.arguments).items()}
        call = replace(call, arguments=json.dumps(values))
    return replace(turn, text=cut(turn.text, most), call=call, observation=cut(turn.observation, most))


def _as_text(turn: Turn) -> str:
    if turn.call is None:
        return turn.text or "[no answer]"  # some templates take no empty turn
    arguments = json.loads(turn.call.arguments)
    if turn.call.name == "bash" and arguments.keys() == {"command"}:
        return f"{turn.text}\n\n```bash\n{arguments['command']}\n```".strip()
    return f"{turn.text}\n\n```\n{turn.call.name} {turn.call.arguments}\n```".strip()
