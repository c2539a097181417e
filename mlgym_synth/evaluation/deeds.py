"""What an agent did, as text to be searched: commands, code and the files they write. The audit reads trajectories so.

Nothing is run and nothing is parsed to the end: an action is cut into what the shell would run, what Python would run,
and what is data, since the same words mean something else in each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from mlgym_synth.trajectories.model import Step, Trajectory

_HERE_DOCUMENT = re.compile(
    r"(?P<head>[^\n]*)<<-?\s*(['\"]?)(?P<end>\w+)\2(?P<tail>[^\n]*)\n(?P<body>.*?)\n\s*(?P=end)\b", re.S
)
_REDIRECT = re.compile(r">>?\s*['\"]?([^\s'\"<>|;&()]+)")
_PUT = re.compile(r"\b(?:cp|mv|ln|tee|touch|install)\b([^\n;|&]*)")
_SAVED = re.compile(
    r"open\(\s*f?['\"]([^'\"]+)['\"]\s*,\s*['\"][wax]"
    r"|\.(?:to_csv|to_parquet|to_json|to_pickle|savetxt|savez|savez_compressed|save|write_text|dump)\(\s*f?['\"]([^'\"]+)['\"]"
    r"|Path\(\s*['\"]([^'\"]+)['\"]\s*\)\.write_"
    r"|\.dump\([^\n]*?,\s*['\"]([^'\"]+)['\"]"
)
_DATA = (".md", ".txt", ".csv", ".json", ".jsonl", ".yaml", ".yml", ".rst", ".log", ".tsv")
_SHELL = (".sh", ".bash")


@dataclass(frozen=True, slots=True)
class Deed:
    """One step.

    Attributes:
        number: of the step, from 1.
        tool: that ran, or empty.
        shell: what the shell would run, or the path that another tool was given.
        code: what some other interpreter would run.
        files: path -> text of the files that it writes, where the text stands in the action.
        names: base names of all files that it seems to write.
    """

    number: int
    tool: str
    shell: str = ""
    code: str = ""
    files: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """Both kinds of code: Python may also stand in a command line."""
        return f"{self.shell}\n{self.code}"


def deeds(trajectory: Trajectory) -> Iterator[Deed]:
    """Every step of an episode; actions that are no tool calls did nothing."""
    for number, step in enumerate(trajectory.steps, 1):
        yield _deed(number, step)


def base(path: str) -> str:
    """The last part of a path."""
    return PurePosixPath(path).name


def _deed(number: int, step: Step) -> Deed:
    tool, arguments = _call(step.action)
    if step.tool is None:
        return Deed(number, "")
    if tool == "bash":
        return _command(number, str(arguments.get("command", "")))
    path = str(arguments.get("path", ""))
    if tool in ("create", "edit"):
        text = str(arguments.get("content" if tool == "create" else "new", ""))
        code, shell = _by_kind(path, text)
        names = _written(shell, code) | {base(path)}
        return Deed(number, tool, f"{tool} {path}\n{shell}", code, {path: text}, frozenset(names))
    looked_for = str(arguments.get("pattern", ""))
    return Deed(number, tool, f"{tool} {path} {looked_for}".strip())


def _call(action: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(action, dict):
        return "", {}
    arguments = action.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return "", {}
    return str(action.get("tool", "")), arguments if isinstance(arguments, dict) else {}


def _command(number: int, command: str) -> Deed:
    files: dict[str, str] = {}
    codes: list[str] = []
    shells: list[str] = []

    def take_out(found: re.Match[str]) -> str:
        line, body = f"{found['head']}{found['tail']}", found["body"]
        target = _REDIRECT.search(line) or re.search(r"\btee\s+(\S+)", line)
        if target is not None:
            files[target[1]] = body
            code, shell = _by_kind(target[1], body)
        else:
            to_shell = re.search(r"\b(?:ba|z)?sh\b", line) is not None
            code, shell = ("", body) if to_shell else (body, "")
        codes.append(code)
        shells.append(shell)
        return line

    rest = _HERE_DOCUMENT.sub(take_out, command)
    shell, code = without_comments("\n".join([rest, *shells])), without_comments("\n".join(codes))
    return Deed(number, "bash", shell, code, files, frozenset(_written(shell, code) | {base(path) for path in files}))


def _by_kind(path: str, text: str) -> tuple[str, str]:
    """A file's text as code and as shell; data is neither."""
    lowered = path.lower()
    if lowered.endswith(_DATA):
        return "", ""
    return ("", without_comments(text)) if lowered.endswith(_SHELL) else (without_comments(text), "")


def without_comments(text: str) -> str:
    """Without what stands behind a `#` that is in no quotes; a plan that is not carried out is no deed."""
    return "\n".join(map(_uncommented, text.split("\n")))


def _uncommented(line: str) -> str:
    for found in re.finditer(r"(?:^|(?<=\s))#", line):
        before = line[: found.start()]
        if before.count("'") % 2 == 0 and before.count('"') % 2 == 0:
            return before
    return line


def _written(shell: str, code: str) -> set[str]:
    """Base names of the files that a step writes."""
    paths = [match[1] for match in _REDIRECT.finditer(shell)]
    for match in _PUT.finditer(shell):
        words = [word.strip("'\"") for word in match[1].split() if not word.startswith("-")]
        paths += words[-1:] if not match[0].startswith(("tee", "touch")) else words
    paths += [path for match in _SAVED.finditer(f"{shell}\n{code}") for path in match.groups() if path]
    return {base(path) for path in paths}
