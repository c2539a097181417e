"""File tools: view, create, edit, search. They work inside the sandbox, under the agent's uid, beside its shell."""

from __future__ import annotations

from typing import Any

from mlgym_synth.errors import FileRefused
from mlgym_synth.tools.base import Context, Parameter, Tool, ToolResult

VIEW_LINES = 200
"""Lines that `view` shows when no `end` is given."""
EDIT_BYTES = 8 << 20
"""Largest file that `edit` changes."""

_VIEW = r"""
if [ -d "$1" ]; then LC_ALL=C ls -1Ap -- "$1"; exit 0; fi
if [ ! -e "$1" ]; then echo "no such file: $1"; exit 1; fi
if [ ! -f "$1" ] || [ ! -r "$1" ]; then echo "not a readable file: $1"; exit 1; fi
LC_ALL=C awk -v a="$2" -v b="$3" 'NR >= a && NR <= b { printf "%6d\t%s\n", NR, substr($0, 1, 2000) }
    END { if (NR > b || a > 1) printf "[lines %d to %d of %d]\n", a, (NR < b ? NR : b), NR }' < "$1"
"""


def _view(context: Context, arguments: dict[str, Any]) -> ToolResult:
    start = int(arguments.get("start", 1))
    end = int(arguments.get("end", start + VIEW_LINES - 1))
    if end < start:
        return ToolResult(f"`end` ({end}) lies before `start` ({start}).")
    argv = ["/bin/sh", "-c", _VIEW, "view", arguments["path"], str(start), str(end)]
    try:
        result = context.sandbox.run(argv, context.timeout_s)
    except FileRefused as refusal:
        return ToolResult(f"Not shown: {refusal}")
    return ToolResult(result.output.rstrip("\n") or "[empty]", result.exit_code, result.elapsed_s)


def _create(context: Context, arguments: dict[str, Any]) -> ToolResult:
    content = _encoded(arguments["content"])
    return _write(context, arguments["path"], content, f"Wrote {arguments['path']} ({len(content)} bytes).")


def _edit(context: Context, arguments: dict[str, Any]) -> ToolResult:
    path, old, new = arguments["path"], _encoded(arguments["old"]), _encoded(arguments["new"])
    if not old:
        return ToolResult("`old` is empty. Give the exact text to replace.")
    try:
        text = context.sandbox.read_file(path, EDIT_BYTES)
    except FileRefused as refusal:
        return ToolResult(f"Not edited: {refusal}")
    found = text.count(old)
    if found != 1:
        where = "does not occur in" if not found else f"occurs {found} times in"
        return ToolResult(f"Not edited: `old` {where} {path}. Give text that occurs exactly once.")
    return _write(context, path, text.replace(old, new), f"Edited {path}.")


def _search(context: Context, arguments: dict[str, Any]) -> ToolResult:
    argv = ["grep", "-rnHIE", "-D", "skip", "-m", "50", "-e", arguments["pattern"], "--", arguments.get("path", ".")]
    try:
        result = context.sandbox.run(argv, context.timeout_s)
    except FileRefused as refusal:
        return ToolResult(f"Not searched: {refusal}")
    shown = "\n".join(line[:500] for line in result.output.splitlines())
    if result.exit_code == 1 and not shown:
        shown = "[no match]"
    return ToolResult(shown, result.exit_code, result.elapsed_s)


def _write(context: Context, path: str, content: bytes, done: str) -> ToolResult:
    try:
        context.sandbox.write_files({path: content})
    except FileRefused as refusal:
        return ToolResult(f"Not written: {refusal}")
    return ToolResult(done)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8 form


_PATH = Parameter("string", "a path; relative ones start in the workspace")
VIEW = Tool(
    "view",
    f"Show a file with line numbers ({VIEW_LINES} lines unless told otherwise), or list a folder.",
    {
        "path": _PATH,
        "start": Parameter("integer", "first line, from 1", required=False, minimum=1),
        "end": Parameter("integer", "last line", required=False, minimum=1),
    },
    _view,
)
CREATE = Tool(
    "create",
    "Write a file, replacing what was there; folders are made.",
    {"path": _PATH, "content": Parameter("string", "the whole text")},
    _create,
)
EDIT = Tool(
    "edit",
    "Replace a text that occurs exactly once in a file.",
    {
        "path": _PATH,
        "old": Parameter("string", "the exact text to replace"),
        "new": Parameter("string", "the text to put in its place"),
    },
    _edit,
)
SEARCH = Tool(
    "search",
    "Search files below a path for an extended regular expression; prints file:line:text.",
    {
        "pattern": Parameter("string", "an extended regular expression, as `grep -E` takes it"),
        "path": Parameter("string", "file or folder, the workspace by default", required=False),
    },
    _search,
)
