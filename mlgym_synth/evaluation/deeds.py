"""What an agent did, as text to be searched: commands, code and the files they write. The audit reads trajectories so.

Nothing is run and nothing is parsed to the end: an action is cut into what the shell would run, what Python would run,
and what is data, since the same words mean something else in each.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from mlgym_synth.trajectories.model import Step, Trajectory

_HERE = re.compile(r"(?<!<)<<-?\s*(['\"]?)(?P<end>\w+)\1")
_FIRST_WORD = re.compile(r"\s*(\w+)")
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
_BEGINNING, _ENDING = 2000, 400
"""Characters of a line that are read: patterns may take the square of them, and where output goes stands at the end."""


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
        return _command(number, _argument(arguments, "command"))
    path = _argument(arguments, "path")
    if tool in ("create", "edit"):
        text = _argument(arguments, "content" if tool == "create" else "new")
        code, shell = _by_kind(path, text)
        names = _written(shell, code) | {base(path)}
        return Deed(number, tool, f"{tool} {path}\n{shell}", code, {path: text}, frozenset(names))
    looked_for = _argument(arguments, "pattern")
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


def _argument(arguments: dict[str, Any], name: str) -> str:
    """One of a call's arguments, with long lines shortened."""
    return "\n".join(map(_shortened, str(arguments.get(name, "")).split("\n")))


def _shortened(line: str) -> str:
    return line if len(line) <= _BEGINNING + _ENDING else f"{line[:_BEGINNING]} … {line[-_ENDING:]}"


def _command(number: int, command: str) -> Deed:
    rest, documents = _here_documents(command)
    files: dict[str, str] = {}
    codes: list[str] = []
    shells = [rest]
    for line, body in documents:
        target = _REDIRECT.search(line) or re.search(r"\btee\s+(\S+)", line)
        if target is not None:
            files[target[1]] = body
            code, shell = _by_kind(target[1], body)
        else:
            to_shell = re.search(r"\b(?:ba|z)?sh\b", line) is not None
            code, shell = ("", body) if to_shell else (body, "")
        codes.append(code)
        shells.append(shell)
    shell, code = without_comments("\n".join(shells)), without_comments("\n".join(codes))
    return Deed(number, "bash", shell, code, files, frozenset(_written(shell, code) | {base(path) for path in files}))


def _here_documents(command: str) -> tuple[str, list[tuple[str, str]]]:
    """A command without its here-documents, and each of these behind the line that it is for."""
    lines, rest, documents = command.split("\n"), list[str](), list[tuple[str, str]]()
    ends = _numbers_by_word(lines)
    number = 0
    while number < len(lines):
        line, number = lines[number], number + 1
        marks = [(mark, end) for mark in _HERE.finditer(line) if (end := _first_from(number, ends[mark["end"]]))]
        if marks:
            mark, end = marks[-1]
            line = line[: mark.start()] + line[mark.end() :]
            documents.append((line, "\n".join(lines[number:end])))
            lines[end] = _FIRST_WORD.sub("", lines[end], count=1)
            number = end
        rest.append(line)
    return "\n".join(rest), documents


def _numbers_by_word(lines: Sequence[str]) -> defaultdict[str, list[int]]:
    """Which lines begin with a word: searched for each mark anew, many marks would take the square of the text."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if (word := _FIRST_WORD.match(line)) is not None:
            numbers[word[1]].append(number)
    return numbers


def _first_from(number: int, numbers: Sequence[int]) -> int | None:
    """The first of ascending numbers that is not below `number`, which is above 0."""
    place = bisect_left(numbers, number)
    return numbers[place] if place < len(numbers) else None


def _by_kind(path: str, text: str) -> tuple[str, str]:
    """A file's text as code and as shell; data is neither."""
    lowered = path.lower()
    if lowered.endswith(_DATA):
        return "", ""
    return ("", without_comments(text)) if lowered.endswith(_SHELL) else (without_comments(text), "")


def without_comments(text: str) -> str:
    """Without what stands behind a `#` that is in no quotes, and without empty lines.

    A plan that is not carried out is no deed; and a pattern that skips space would begin at each empty line anew and
    run through all that follow.
    """
    return "\n".join(line for line in map(_uncommented, text.split("\n")) if line.strip())


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
