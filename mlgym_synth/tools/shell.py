"""The `bash` tool: one command in the sandbox's persistent shell."""

from __future__ import annotations

from typing import Any

from mlgym_synth.sandbox.base import ExecResult
from mlgym_synth.tools.base import Context, Parameter, Tool, ToolResult


def describe(result: ExecResult) -> str:
    """A command's result as an agent reads it: output, then what it should know besides. No times, no pids."""
    parts = [result.output.rstrip("\n")] if result.output.strip("\n") else []
    if result.note:
        parts.append(f"[{result.note}]")
    if result.exit_code:
        parts.append(f"[exit code {result.exit_code}]")
    return "\n".join(parts) or "[no output]"


def _bash(context: Context, arguments: dict[str, Any]) -> ToolResult:
    timeout_s = min(context.timeout_s, arguments.get("timeout_s", context.timeout_s))
    result = context.sandbox.exec(arguments["command"], timeout_s)
    return ToolResult(describe(result), result.exit_code, result.elapsed_s)


BASH = Tool(
    "bash",
    "Run a command in a persistent bash shell. Directory, variables and functions stay from call to call; there is"
    " no network. Output is cut in the middle when long. A command past its time limit is killed.",
    {
        "command": Parameter("string", "the command, may span lines"),
        "timeout_s": Parameter("number", "seconds after which to kill it", required=False, minimum=0.1),
    },
    _bash,
)
