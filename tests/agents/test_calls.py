"""What an answer comes to: commands in text, calls of functions, and the corrections for all that is neither."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgym_synth.agents.calls import hear, read_text
from mlgym_synth.llm.replies import FunctionCall, Refused, Reply, Usage
from mlgym_synth.tools import TOOLS, ToolCall, parse_action

LS = {"tool": "bash", "arguments": {"command": "ls"}}
VIEW = {"tool": "view", "arguments": {"path": "a.py"}}


def said(text: str = "", *calls: tuple[str, str]) -> Reply:
    made = tuple(FunctionCall("", name, arguments) for name, arguments in calls)
    return Reply(text, "", Usage(1, 1, 0.0, 0.1, 1), "m", "stop", made)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Look.\n\n```bash\nls\n```", LS),
        ("Look.\n```sh\nls\n```\nThen think.", LS),
        ("```\nls\n```", LS),
        ("I write ```bash\nls\n```", LS),
        ("I write ```bash\nls\n``` and nothing after it.", LS),
        ("~~~bash\nls\n~~~", LS),
        ("```bash\r\nls\r\n```\r\n", LS),
        ("It holds\n```\na.py\n```\nso\n```bash\nls\n```", LS),
        ("Like this:\n```python\nx = 1\n```\n```bash\nls\n```", LS),
        ("```bash\nvalidate\n```", {"tool": "validate", "arguments": {}}),
        ("```\nsubmit()\n```", {"tool": "submit", "arguments": {}}),
        ('```\nview {"path": "a.py"}\n```', VIEW),
        ('```bash\nview {"path": "a.py"}\n```', VIEW),
        ('```view {"path": "a.py"}\n```', VIEW),
        ('```view\n{"path": "a.py"}\n```', VIEW),
        ("```validate\n```", {"tool": "validate", "arguments": {}}),
        ('```\nview\n{"path": "a.py"}\n```', VIEW),
        ('```bash\n{"tool": "view", "arguments": {"path": "a.py"}}\n```', VIEW),
        ('```json\n{"tool": "view", "arguments": {"path": "a.py"}}\n```', VIEW),
        ('```json\n{"name": "view", "parameters": {"path": "a.py"}}\n```', VIEW),
        ('```\n{"tool": "view", "arguments": {"path": "a.py"}}\n```', VIEW),
        ('{"tool": "view", "arguments": {"path": "a.py"}}', VIEW),
        ('Look.\n<tool_call>\n{"name": "view", "arguments": {"path": "a.py"}}\n</tool_call>', VIEW),
        ('<tool_call>{"name": "view", "arguments": {"path": "a.py"}}', VIEW),
        ("```bash\nsearch for files\n```", {"tool": "bash", "arguments": {"command": "search for files"}}),
        (
            "```bash\ncat > R.md <<'E'\n```python\nx\n```\nE\n```",
            {"tool": "bash", "arguments": {"command": "cat > R.md <<'E'\n```python\nx\n```\nE"}},
        ),
        (
            '```json\n{"tool": "create", "arguments": {"path": "a.py", "content": "x = 1\ny = 2\n"}}\n```',
            {"tool": "create", "arguments": {"path": "a.py", "content": "x = 1\ny = 2\n"}},
        ),
    ],
)
def test_one_block_is_an_action(text: str, action: dict[str, Any]) -> None:
    assert read_text(text).action == action
    assert isinstance(parse_action(action, TOOLS), ToolCall)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I would list the files.", "no fenced block"),
        ("", "no fenced block"),
        ("```\nls\n```\nand\n```\npwd\n```", "none of 2 blocks says that it is bash"),
        ("```bash\nls", "a code block does not end"),
        ("```bash\n\n```", "the block is empty"),
        ("```python\nprint(1)\n```", "a block of python is no command"),
        ("```search\nfor files\n```", "what stands behind 'search' should be a JSON object"),
        ('```json\n{"tool": "view", "arguments": {"path": "a.py"\n```', "cannot be read"),
        ('```json\n["view"]\n```', "is list"),
        ('```\nview {"path": \n```', "cannot be read"),
        ("<tool_call>\nls\n</tool_call>", "cannot be read"),
        ('{"a":' * 100_000, "cannot be read"),
        ("```json\n" + "[" * 100_000 + "\n```", "cannot be read"),
    ],
)
def test_anything_else_is_told_why(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read_text(text)
    correction = parse_action(hear(said(text), in_text=True).action, TOOLS)
    assert isinstance(correction, str)
    assert correction.startswith("This action was not run")
    assert "tool" in str(parse_action(hear(said(text), in_text=False).action, TOOLS))


@pytest.mark.parametrize(
    "behind",
    [
        "\nThe files are\n```\na.py\n```\nNow\n```bash\npwd\n```",
        "\nThen\n```bash\npwd\n```\nThen\n```json\n{}\n```",
        "\nThen\n```bash\npwd",
    ],
    ids=["a dialogue", "a plan", "cut off"],
)
def test_of_several_blocks_the_first_counts_and_the_turn_ends_with_it(behind: str) -> None:
    heard = hear(said(f"First look.\n```bash\nls\n```{behind}"), in_text=True)
    assert (heard.action, heard.thought) == (LS, "First look.")
    assert heard.text == "First look.\n```bash\nls\n```"
    assert "Only the first block was run" in heard.note


def test_a_call_without_a_fence_may_be_followed_by_anything() -> None:
    call = '{"tool": "view", "arguments": {"path": "a.py"}}'
    heard = hear(said(f"{call}\n{call}\n[step 2 of 12]"), in_text=True)
    assert (heard.action, heard.text) == (VIEW, call)
    assert "Only the first block was run" in heard.note


@pytest.mark.parametrize("text", ["I would look.", "", "```python\nx\n```", "```bash\nls", '```json\n{"tool"\n```'])
def test_a_correction_shows_the_form_that_was_asked_for(text: str) -> None:
    """Models do as they read: told of JSON, they write JSON from then on."""
    in_text = str(parse_action(hear(said(text), in_text=True).action, TOOLS))
    assert in_text.endswith("such as\n\n```bash\npython baseline.py\n```"), "what is read last is done first"
    assert "What can be called" in in_text
    assert '{"tool"' not in in_text
    assert "```" not in str(parse_action(hear(said(text), in_text=False).action, TOOLS))


def test_the_thought_is_the_text_beside_the_block() -> None:
    heard = hear(said("First look.\n```bash\nls\n```\nThen think."), in_text=True)
    assert (heard.thought, heard.call) == ("First look.\nThen think.", None)
    assert heard.text == "First look.\n```bash\nls\n```\nThen think."


@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        ('{"command": "ls"}', LS),
        ('{"command": "ls\n"}', {"tool": "bash", "arguments": {"command": "ls\n"}}),
        ("", {"tool": "bash", "arguments": {}}),
        ("null", {"tool": "bash", "arguments": {}}),
        ("{'command': 'ls'}", {"tool": "bash", "arguments": "{'command': 'ls'}"}),
        ('"ls"', {"tool": "bash", "arguments": '"ls"'}),
        ("[" * 100_000, {"tool": "bash", "arguments": "[" * 100_000}),
    ],
    ids=["object", "raw newline", "nothing", "null", "python", "string", "deep"],
)
def test_a_call_is_an_action_and_goes_back_as_a_valid_call(arguments: str, action: dict[str, Any]) -> None:
    heard = hear(said("Look.", ("bash", arguments)), in_text=False)
    assert heard.action == action
    assert heard.thought == "Look."
    parse_action(heard.action, TOOLS)
    assert heard.call is not None
    assert isinstance(json.loads(heard.call.arguments), dict)


@pytest.mark.parametrize(("name", "kept"), [("no such tool!", "no_such_tool_"), ("", "unnamed"), ("é" * 99, "_" * 64)])
def test_a_wrong_name_is_the_envs_to_correct(name: str, kept: str) -> None:
    heard = hear(said("", (name, "{}")), in_text=False)
    assert heard.action == {"tool": name, "arguments": {}}
    assert "there is no tool" in str(parse_action(heard.action, TOOLS))
    assert heard.call is not None
    assert heard.call.name == kept


def test_of_several_calls_the_first_counts_and_the_model_is_told() -> None:
    heard = hear(said("", ("bash", '{"command": "ls"}'), ("submit", "{}")), in_text=False)
    assert heard.action == LS
    assert "Only the first of 2 calls" in heard.note


@pytest.mark.parametrize("unit", ["<tool_call>", "```bash\n", '{"tool": ', "```\na\n```\n", "{"])
def test_a_text_as_long_as_an_endpoint_may_send_is_read(unit: str) -> None:
    with pytest.raises(Refused):
        read_text(unit * (500_000 // len(unit)))
