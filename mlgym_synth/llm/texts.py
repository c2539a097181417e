"""Reading what stands in an answer's text: a JSON object, fenced blocks, files with names.

Authors and agents call it. Models are sloppy in known ways (prose around the JSON, fences without names), so reading
is lenient; what still cannot be read is `Refused`, an attempt that counts. Every function is linear in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mlgym_synth.llm.replies import Refused, split_reasoning

Model = TypeVar("Model", bound=BaseModel)

NOT_JSON = "not JSON"
_FENCED_JSON = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n\s*(?=\{)", re.M)
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})([^`]*)")
_NAME = r"/?(?:[\w.-]+/)*[\w.-]*\.[A-Za-z]\w{0,4}"
_WORD = r"(?:(?:file ?(?:name)?|path|title)\s*[:=]?)?"
_HEADING = re.compile(rf"[\s#*`>-]*(?:\d+[.)]\s*)?[*`]*{_WORD}[\s*`]*({_NAME})[\s*`:]*", re.I)
_COMMENT = re.compile(rf"\s*(?:#|//|--|%|<!--|/\*)\s*{_WORD}\s*`?({_NAME})`?\s*(?:-->|\*/)?\s*", re.I)
_STARTS = 200  # braces tried before a text is given up: each error costs a pass over the text
_LONGEST_NAMING_LINE = 200  # characters; the patterns above are only tried on lines that may well be a name


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        info: what stands behind the opening fence.
        lines: between the fences, with the opening fence's indent taken off.
        before: the last line before it that is not blank and not of another block.
        start, end: numbers of the two lines with the fences.
    """

    info: str
    lines: list[str]
    before: str
    start: int
    end: int


def parse_object(text: str, schema: type[Model]) -> Model:
    """The first complete JSON object in a text, as a `schema`.

    Raises:
        Refused: `not JSON`, `truncated: ...`, or the fields that are wrong.
    """
    found = _first_object(split_reasoning(text)[0])
    try:
        return schema.model_validate_json(found)  # JSON mode: a strict schema still takes lists for tuples
    except ValidationError as error:
        found_wrong = error.errors(include_url=False, include_context=False, include_input=False)[:5]
        problems = [f"{'.'.join(map(str, each['loc'])) or 'object'}: {each['msg']}" for each in found_wrong]
        more = error.error_count() - len(problems)
        raise Refused("; ".join(problems)[:1000] + (f"; and {more} more" if more else "")) from None


def extract_code(text: str, asked: Sequence[str] = ()) -> dict[str, str]:
    """The files in an answer: fenced blocks that have a name in the info string, the first line or the line before.

    Args:
        text: the answer.
        asked: names of the files that were asked for. Small models forget to write them down: where as many blocks
            have no name as names are missing, they are taken in the order that was asked for.

    Returns:
        file name -> text, or `{"": text}` for a single block without a name. Blocks without a name beside named ones
        (shell commands, sample output) are left out; of two blocks with one name the last counts.

    Raises:
        Refused: no code block, several without names, an unclosed fence, a name that leaves its folder.
    """
    files = [_file(block) for block in blocks(split_reasoning(text)[0])]
    named = {name: code for name, code in files if name}
    for name in named:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise Refused(f"file name {name!r} leaves the folder")
    named = {str(PurePosixPath(name)): code for name, code in named.items()}
    missing = [name for name in asked if name not in {PurePosixPath(known).name for known in named}]
    nameless = [code for name, code in files if not name]
    if missing and len(missing) == len(nameless):
        return named | dict(zip(missing, nameless, strict=True))
    if named:
        return named
    if len(files) != 1:
        raise Refused("several code blocks without file names" if files else "no code block")
    return {"": files[0][1]}


def _first_object(text: str) -> str:
    fenced = None if text.startswith("{") else _FENCED_JSON.search(text)
    decoder = json.JSONDecoder(strict=False)  # models write raw newlines into strings
    start = text.find("{", fenced.end() if fenced else 0)
    for _ in range(_STARTS):
        if start < 0:
            break
        try:
            return json.dumps(decoder.raw_decode(text, start)[0])
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
                # Not one of the complete objects inside of it: that would be a part passed off as the whole.
                raise Refused("truncated: the JSON does not end") from None
            start = text.find("{", max(error.pos, start + 1))
        except (ValueError, RecursionError):  # a number of 5,000 digits, a nest of 1,000 brackets
            break
    raise Refused(NOT_JSON)


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a text, in order; blocks inside of a block are its content.

    Raises:
        Refused: a fence that is not closed.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    before, at = "", 0
    while at < len(lines):
        opening = _FENCE.fullmatch(lines[at])
        if not opening:
            before = lines[at] if lines[at].strip() else before
            at += 1
            continue
        end = _closing(lines, at, opening)
        indent = len(opening[1])
        code = [line[indent:] if not line[:indent].strip() else line for line in lines[at + 1 : end]]
        yield Block(opening[3].strip(), code, before, at, end)
        before, at = "", end + 1


def _file(block: Block) -> tuple[str, str]:
    """Name ("" if it has none) and text of the file in a block."""
    code, before = block.lines, block.before
    first = _COMMENT.fullmatch(code[0]) if code and len(code[0]) < _LONGEST_NAMING_LINE else None
    heading = _HEADING.fullmatch(before) if len(before) < _LONGEST_NAMING_LINE else None
    name = _info_name(block.info) or (first[1] if first else heading[1] if heading else "")
    return name, "\n".join(code[1:] if first and first[1] == name else code) + "\n"


def _closing(lines: list[str], at: int, opening: re.Match[str]) -> int:
    """The line that ends a block; a fence with an info string inside of it opens one more (a README's examples)."""
    indent, fence, depth = len(opening[1]), opening[2], 1
    for end in range(at + 1, len(lines)):
        match = _FENCE.fullmatch(lines[end])
        if match and match[2].startswith(fence) and len(match[1]) <= indent + 3:
            depth += 1 if match[3].strip() else -1
            if depth == 0:
                return end
    raise Refused("truncated: a code block does not end")


def _info_name(info: str) -> str:
    words = re.split(r"[\s:=\"'{}]+", info[:_LONGEST_NAMING_LINE])
    return next((word for word in words if re.fullmatch(_NAME, word)), "")
