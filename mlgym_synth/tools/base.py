"""What a tool is, and how an action becomes a tool call or a correction. The env calls `parse_action` on every step."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlgym_synth.limits import Limits
from mlgym_synth.sandbox.base import Sandbox

MAX_ARGUMENT_CHARS = 16 << 20
"""Longer string arguments are refused with a correction."""
MAX_WHOLE = 2**53
"""Larger whole numbers too: there is no use for them, and Python's go on until no float can hold them."""
MAX_REASON_CHARS = 300
"""Of why an action is malformed, as much is told."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool call did: the text for the agent, bash's exit code if there was one, seconds it ran."""

    observation: str
    exit_code: int | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Context:
    """What a tool runs in: the sandbox, its limits, and the seconds this call may take."""

    sandbox: Sandbox
    limits: Limits
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool; `type` is a JSON schema type."""

    type: str
    description: str
    required: bool = True
    minimum: float | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool an agent may call. `run` is None for the two that the env answers itself (`validate`, `submit`)."""

    name: str
    description: str
    parameters: dict[str, Parameter]
    run: Callable[[Context, dict[str, Any]], ToolResult] | None = None

    def schema(self) -> dict[str, Any]:
        """The tool as an OpenAI function schema."""
        properties = {
            name: {k: v for k, v in dataclasses.asdict(p).items() if k != "required" and v is not None}
            for name, p in self.parameters.items()
        }
        required = [name for name, p in self.parameters.items() if p.required]
        arguments = {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": arguments},
        }

    def usage(self) -> str:
        """The call in one line, for humans and corrections: `view(path, start?, end?)`."""
        return f"{self.name}({', '.join(n if p.required else n + '?' for n, p in self.parameters.items())})"

    def fault(self, arguments: Mapping[str, Any]) -> str | None:
        """What is wrong with these arguments, or None."""
        for name in arguments:
            if name not in self.parameters:
                return f"unknown argument {_clip(name)}"
        for name, parameter in self.parameters.items():
            if name not in arguments:
                if parameter.required:
                    return f"missing argument {name!r}"
                continue
            if (fault := _value_fault(arguments[name], parameter)) is not None:
                return f"argument {name!r} {fault}"
        return None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A valid action: the tool and arguments that fit its schema."""

    tool: Tool
    arguments: dict[str, Any]


def parse_action(action: object, tools: Mapping[str, Tool]) -> ToolCall | str:
    """Turn an action into a tool call, or into the text that tells the agent how to correct it.

    Args:
        action: `{"tool": name, "arguments": {...}}`; arguments may also be the JSON text of an object, as models
            give them. `{"malformed": why}` is for an agent that could not read what its model said: the correction
            says why. Anything at all is accepted here.
        tools: the tools that exist, by name.
    """
    if not isinstance(action, Mapping):
        return _misshapen(f"an action is a mapping, not {type(action).__name__}", tools)
    if action.keys() == {"malformed"} and isinstance(action["malformed"], str):
        return _correction(action["malformed"][:MAX_REASON_CHARS], tools)
    extra = [key for key in action if key not in ("tool", "arguments")]
    if "tool" not in action or extra:
        wrong = f"unknown key {_clip(extra[0])}" if extra else "the key 'tool' is missing"
        return _misshapen(wrong, tools)
    name, arguments = action["tool"], action.get("arguments", {})
    if not isinstance(name, str) or name not in tools:
        return _correction(f"there is no tool {_clip(name)}", tools)
    tool = tools[name]
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            return _correction(f"arguments are not JSON ({error})", {name: tool})
    if not isinstance(arguments, Mapping):
        return _correction(f"arguments are {type(arguments).__name__}, not a mapping", {name: tool})
    if (fault := tool.fault(arguments)) is not None:
        return _correction(fault, {name: tool})
    return ToolCall(tool, {k: v for k, v in arguments.items() if v is not None})


def _value_fault(value: object, parameter: Parameter) -> str | None:
    if value is None and not parameter.required:
        return None
    if parameter.type == "string":
        if not isinstance(value, str):
            return f"must be a string, not {type(value).__name__}"
        if len(value) > MAX_ARGUMENT_CHARS:
            return f"has {len(value):,} characters; at most {MAX_ARGUMENT_CHARS:,} are taken"
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"must be a number, not {type(value).__name__}"
    if isinstance(value, int) and abs(value) > MAX_WHOLE:
        return f"must lie between -{MAX_WHOLE} and {MAX_WHOLE}"
    if parameter.type == "integer" and not (math.isfinite(value) and float(value).is_integer()):
        return f"must be a whole number, not {value}"
    if parameter.minimum is not None and not parameter.minimum <= value < float("inf"):
        return f"must be at least {parameter.minimum:g} and finite, not {value}"
    return None


def _misshapen(wrong: str, tools: Mapping[str, Tool]) -> str:
    return _correction(f'{wrong}; actions have the form {{"tool": NAME, "arguments": {{NAME: VALUE, ...}}}}', tools)


def _correction(wrong: str, tools: Mapping[str, Tool]) -> str:
    """Says nothing of how an action is written down: models write calls or commands, and do as they read here."""
    calls = "What can be called:\n" + "\n".join(f"  {tool.usage()}" for tool in tools.values())
    if wrong.endswith("```"):  # what is read last is done first: then the example that the reason ends with
        return f"This action was not run. {calls}\nWhat was wrong: {wrong}"
    return f"This action was not run: {wrong}.\n{calls}"


def _clip(value: object) -> str:
    try:
        text = repr(value[:60]) + "..." if isinstance(value, str) and len(value) > 60 else repr(value)
    except Exception:  # an agent's own, or Python's: a number of more than 4,300 digits has no text
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
