"""Reads what `mlgym-synth export --format trl` wrote, line by line, and says where it is something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlgym_synth.training.errors import DataInvalid

Message = dict[str, Any]
_ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation, and where it is from.

    Attributes:
        where: file and line.
        messages: turns with `role`, `content`, and `tool_calls` whose arguments are mappings.
        tools: function schemas; None where it has none.
        task_id, split: of the task, None if the row does not say.
    """

    where: str
    messages: list[Message]
    tools: list[dict[str, Any]] | None
    task_id: str | None
    split: str | None


@dataclass(slots=True)
class ExportFile:
    """A file of an export, by content."""

    file: Path
    sha256: str
    rows: int


@dataclass(slots=True)
class Reader:
    """Iterates over the conversations of some files; once it is through, `sources` tells what they were.

    Raises:
        DataInvalid: by iteration; a file that is not there or empty, or a line that is no conversation.
    """

    files: Sequence[Path]
    sources: list[ExportFile] = field(default_factory=list)

    def __iter__(self) -> Iterator[Row]:
        self.sources = []
        seen: dict[str, Path] = {}
        for file in self.files:
            digest, rows = hashlib.sha256(), 0
            for row in _rows(file, digest):
                rows += 1
                yield row
            if not rows:
                raise DataInvalid(f"{file}: is empty. Check what `mlgym-synth export` said that its filters removed.")
            if (twin := seen.setdefault(digest.hexdigest(), file)) is not file:
                raise DataInvalid(f"{file}: has the same content as {twin}. Give each export once.")
            self.sources.append(ExportFile(file, digest.hexdigest(), rows))


def _rows(file: Path, digest: Any) -> Iterator[Row]:
    if file.is_dir():
        how = f" {file}" if (file / "ledger.sqlite").is_file() else " DIR, of what `rollout --out DIR` wrote,"
        raise DataInvalid(f"{file}: is a folder. Export first: mlgym-synth export{how} --format trl --out FILE")
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                digest.update(line)
                if line.strip():
                    yield _row(f"{file}:{number}", line)
    except OSError as error:
        raise DataInvalid(f"{file}: {error.strerror}") from error


def _row(where: str, line: bytes) -> Row:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{where}: not UTF-8. Is it a file of `mlgym-synth export --format trl`?") from error
    except (ValueError, RecursionError) as error:
        cut = " The line is not whole: was the file copied to the end?" if not line.endswith(b"\n") else ""
        raise DataInvalid(f"{where}: not JSON: {error}.{cut}") from error
    if isinstance(row, dict) and "conversations" in row and "messages" not in row:
        raise DataInvalid(
            f"{where}: is ShareGPT (`conversations`), which has no tool calls. Export it again with --format trl."
        )
    if not isinstance(row, dict) or not isinstance(row.get("messages"), list) or not row["messages"]:
        raise DataInvalid(f"{where}: has no `messages`. Give a file of `mlgym-synth export --format trl`.")
    messages = [_message(where, place, message) for place, message in enumerate(row["messages"])]
    if not any(message["role"] == "assistant" for message in messages):
        raise DataInvalid(f"{where}: `messages` has no turn of the assistant, so there is nothing to learn from it")
    tools = row.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(map(_is_schema, tools))):
        raise DataInvalid(f"{where}: `tools` must be a list of function schemas, as `mlgym-synth export` writes them")
    return Row(where, messages, tools or None, _text_or_none(row.get("task_id")), _text_or_none(row.get("split")))


def _message(where: str, place: int, message: Any) -> Message:
    at = f"{where}: `messages[{place}]`"
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        role = message.get("role") if isinstance(message, dict) else message
        raise DataInvalid(f"{at}: role must be one of {', '.join(_ROLES)}, and is {str(role)[:40]!r}")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise DataInvalid(f"{at}: `tool_calls` must be a list")
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise DataInvalid(f"{at}: a tool call must have `function` with a `name`")
        if not isinstance(function.get("arguments"), dict):
            kind = type(function.get("arguments")).__name__
            raise DataInvalid(f"{at}: arguments of {function['name']!r} must be a mapping, and are {kind}")
    content = message.get("content")
    if not isinstance(content, str) and not (content is None and calls):
        raise DataInvalid(f"{at}: `content` must be text, and is {type(content).__name__}")
    if not isinstance(message.get("reasoning_content", ""), str):
        raise DataInvalid(f"{at}: `reasoning_content` must be text")
    return {**message, "content": content or ""}


def _is_schema(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
