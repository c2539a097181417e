"""Actions: whatever an agent sends becomes a tool call or a correction that says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from mlgym_synth.tools import TOOLS, ToolCall, openai_schemas, parse_action
from mlgym_synth.tools.base import MAX_ARGUMENT_CHARS


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        (None, "an action is a mapping, not NoneType"),
        ("ls", "an action is a mapping, not str"),
        ([], "an action is a mapping, not list"),
        ({}, "the key 'tool' is missing"),
        ({"tool": "bash", "args": {}}, "unknown key 'args'"),
        ({"tool": "python"}, "there is no tool 'python'"),
        ({"tool": 3}, "there is no tool 3"),
        ({"tool": 10**5000}, "there is no tool a value of type int"),
        ({"tool": "bash"}, "missing argument 'command'"),
        ({"tool": "bash", "arguments": None}, "arguments are NoneType"),
        ({"tool": "bash", "arguments": "{half"}, "arguments are not JSON"),
        ({"tool": "bash", "arguments": "[1]"}, "arguments are list"),
        ({"tool": "bash", "arguments": "[" * 100_000}, "arguments are not JSON"),
        ({"malformed": "the answer calls no tool"}, "not run: the answer calls no tool.\n"),
        ({"malformed": "x" * 10_000}, "not run: xxx"),
        ({"malformed": 3}, "unknown key 'malformed'"),
        ({"tool": "bash", "arguments": {"command": 1}}, "argument 'command' must be a string, not int"),
        ({"tool": "bash", "arguments": {"command": "ls", "cwd": "/"}}, "unknown argument 'cwd'"),
        ({"tool": "bash", "arguments": {"command": "ls", "timeout_s": 0}}, "must be at least 0.1"),
        ({"tool": "bash", "arguments": {"command": "ls", "timeout_s": float("nan")}}, "must be at least 0.1"),
        ({"tool": "bash", "arguments": {"command": "ls", "timeout_s": float("inf")}}, "and finite"),
        ({"tool": "bash", "arguments": {"command": "ls", "timeout_s": True}}, "must be a number, not bool"),
        ({"tool": "view", "arguments": {"path": "a", "start": 1.5}}, "must be a whole number"),
        ({"tool": "view", "arguments": {"path": "a", "start": float("nan")}}, "must be a whole number"),
        ({"tool": "view", "arguments": {"path": "a", "start": float("inf")}}, "argument 'start' must be"),
        (
            {"tool": "view", "arguments": '{"path": "a", "start": 1' + "0" * 400 + "}"},
            "argument 'start' must lie between",
        ),
        ({"tool": "view", "arguments": {"path": "a", "start": -(10**5000)}}, "argument 'start' must lie between"),
        ({"tool": "bash", "arguments": {"command": "ls", "timeout_s": 10**400}}, "argument 'timeout_s' must lie"),
        ({"tool": "submit", "arguments": {"file": "a"}}, "unknown argument 'file'"),
        ({"tool": "bash", "arguments": {"command": "x" * (MAX_ARGUMENT_CHARS + 1)}}, "at most 16,777,216 are taken"),
        ({"tool": "y" * 10_000_000}, "there is no tool 'yyy"),
        ({"tool": "bash", "arguments": {"x" * 10_000_000: 1}}, "unknown argument 'xxx"),
    ],
)
def test_malformed_action_is_corrected(action: Any, wrong: str) -> None:
    answer = parse_action(action, TOOLS)
    assert isinstance(answer, str)
    assert answer.startswith("This action was not run: ")
    assert wrong in answer
    assert len(answer) < 1000
    assert "\nWhat can be called:\n  " in answer


@pytest.mark.parametrize("action", ["ls", {}, {"tool": "bash", "args": {}}])
def test_what_is_no_action_at_all_is_told_its_form(action: Any) -> None:
    assert '{"tool": NAME, "arguments": {NAME: VALUE, ...}}' in str(parse_action(action, TOOLS))


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ({"tool": "submit"}, {}),
        ({"tool": "bash", "arguments": {"command": "ls"}}, {"command": "ls"}),
        ({"tool": "bash", "arguments": '{"command": "ls", "timeout_s": 2}'}, {"command": "ls", "timeout_s": 2}),
        ({"tool": "view", "arguments": {"path": "a", "start": 2.0, "end": None}}, {"path": "a", "start": 2.0}),
        ({"tool": "create", "arguments": {"path": "a", "content": "x" * 10_000_000}}, None),
    ],
)
def test_valid_action_is_a_call(action: Any, arguments: dict[str, Any] | None) -> None:
    call = parse_action(action, TOOLS)
    assert isinstance(call, ToolCall)
    assert call.tool.name == action["tool"]
    assert arguments is None or call.arguments == arguments


def test_schemas_are_what_chat_completions_take() -> None:
    schemas = {s["function"]["name"]: s for s in openai_schemas()}
    assert list(schemas) == ["bash", "view", "create", "edit", "search", "validate", "submit"]
    assert schemas["bash"] == {
        "type": "function",
        "function": {
            "name": "bash",
            "description": TOOLS["bash"].description,
            "parameters": {
                "type": "object",
                "properties": {
                    "command": {"type": "string", "description": "the command, may span lines"},
                    "timeout_s": {
                        "type": "number",
                        "description": "seconds after which to kill it",
                        "minimum": 0.1,
                    },
                },
                "required": ["command"],
                "additionalProperties": False,
            },
        },
    }
    assert schemas["submit"]["function"]["parameters"]["properties"] == {}
