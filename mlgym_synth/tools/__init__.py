"""What an agent can do: tools with a name, a JSON schema and a run; no tool knows scores."""

from __future__ import annotations

from typing import Any

from mlgym_synth.tools.base import Context, Tool, ToolCall, ToolResult, parse_action
from mlgym_synth.tools.files import CREATE, EDIT, SEARCH, VIEW
from mlgym_synth.tools.shell import BASH

VALIDATE = Tool(
    "validate",
    "Score the submission file on the validation half of the hidden rows or instances. A limited number of times.",
    {},
)
SUBMIT = Tool(
    "submit",
    "Hand in the submission file. It is scored once on the test half, and the episode ends.",
    {},
)
TOOLS: dict[str, Tool] = {tool.name: tool for tool in (BASH, VIEW, CREATE, EDIT, SEARCH, VALIDATE, SUBMIT)}


def openai_schemas() -> list[dict[str, Any]]:
    """All tools as OpenAI function schemas, for the `tools` of a chat completion."""
    return [tool.schema() for tool in TOOLS.values()]


__all__ = ["TOOLS", "Context", "Tool", "ToolCall", "ToolResult", "openai_schemas", "parse_action"]
