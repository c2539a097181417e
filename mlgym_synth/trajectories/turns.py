"""An episode as a conversation: the turns that a chat template renders. Exports write them, token counts measure them.

An action is told in one of two forms: as a tool call, answered by a tool turn, or as text, SWE-agent's way: the thought
and one fenced command. An action that is no call at all is text in both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlgym_synth.llm.acting import system_prompt
from mlgym_synth.tools import openai_schemas
from mlgym_synth.trajectories.model import Step, Trajectory, plain

Message = dict[str, Any]
_LARGEST_INT = 2**63


@dataclass(frozen=True, slots=True)
class Form:
    """How episodes are told.

    Attributes:
        text: actions as text, and as the model wrote it where it wrote text (`said.response`).
        reasoning: keep what was marked as reasoning, as `reasoning_content`.
        system: what a system turn in front says; None takes what the agent's model was told, if it was, in this form.
    """

    text: bool = False
    reasoning: bool = False
    system: str | None = None

    def messages(self, trajectory: Trajectory) -> list[Message]:
        """The turns, each with `role` and `content`; calls as `tool_calls`, answered by `tool`, else by `user`.

        As text they end with the assistant: nobody answers to what the last action did.
        """
        system = self._system_text(trajectory) if self.system is None else self.system
        turns: list[Message] = [{"role": "system", "content": system}] if system else []
        turns.append({"role": "user", "content": trajectory.statement})
        for step in trajectory.steps:
            call = None if self.text else read_call(step.action)
            said: Message = {"role": "assistant", "content": answer_text(step) if call is None else step.said.thought}
            if self.reasoning:  # also where there is none: readers want the same keys in all rows
                said["reasoning_content"] = step.said.reasoning
            if call is None:
                turns += [said, {"role": "user", "content": step.observation}]
            else:
                name, arguments = call
                said["tool_calls"] = [{"type": "function", "function": {"name": name, "arguments": arguments}}]
                turns += [said, {"role": "tool", "name": name, "content": step.observation}]
        return turns[:-1] if self.text and trajectory.steps else turns

    def _system_text(self, trajectory: Trajectory) -> str:
        """The model was told to act in the form that it played in, which the turns here may not be of."""
        told_the_other = trajectory.system == system_prompt(not self.text)
        return system_prompt(self.text) if told_the_other else trajectory.system

    def tools(self) -> list[dict[str, Any]]:
        """The function schemas that belong to the turns; none for text."""
        return [] if self.text else openai_schemas()


AS_CALLS = Form()


def read_call(action: object) -> tuple[str, dict[str, Any]] | None:
    """Tool and arguments of an action that has the form of a call, whether or not the tool takes them; else None."""
    action = _portable(action)
    if not isinstance(action, Mapping) or not action.keys() <= {"tool", "arguments"}:
        return None
    name, arguments = action.get("tool"), action.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = _portable(json.loads(arguments))
        except (ValueError, RecursionError):
            return None
    return (name, arguments) if isinstance(name, str) and isinstance(arguments, dict) else None


def command_text(action: object) -> str:
    """An action as a line of text: a bash command as it is, else the tool's name and its arguments as JSON."""
    call = read_call(action)
    if call is None:
        action = _portable(action)
        return action if isinstance(action, str) else json.dumps(action, ensure_ascii=False)
    name, arguments = call
    if name == "bash" and arguments.keys() == {"command"} and isinstance(arguments["command"], str):
        return arguments["command"]
    return f"{name} {json.dumps(arguments, ensure_ascii=False)}" if arguments else name


def answer_text(step: Step) -> str:
    """A step's action as a model writes it in text: what it did write, else the thought and the fenced command."""
    if step.said.response:
        return step.said.response
    command = command_text(step.action)
    if (call := read_call(step.action)) is not None:
        command = _fenced(command, "bash" if command == call[1].get("command") else "")
    elif isinstance(step.action, Mapping) and "malformed" in step.action:
        command = ""  # there the agent tells the env what was wrong; the model never wrote it
    return "\n\n".join(part for part in (step.said.thought, command) if part)


def _fenced(command: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"^ {,3}(`{3,})", command, re.MULTILINE)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{command}\n{fence}"


def _portable(value: object) -> Any:
    """A value as every JSON reader takes it: no NaN, no integer beyond 64 bits."""
    try:
        return json.loads(json.dumps(value), parse_constant=str, parse_int=_sized)
    except (TypeError, ValueError, RecursionError):
        return plain(value)


def _sized(digits: str) -> int | float:
    number = int(digits) if len(digits) < 25 else float(digits)
    return number if abs(number) < _LARGEST_INT else float(number)
