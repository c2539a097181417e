"""Text that others wrote, made fit to be read: nothing in it is hidden, moves the cursor or turns the direction.

Agents print what they like. Colours (ANSI CSI sequences) go, since they say nothing here; every other control character
is shown by its number, as Python writes it, so that a page tells all that a model was shown. Escaping is the page's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_CHARS = 60_000
"""Of one text on a page: a file that an agent wrote may have millions."""

_COLOURS = re.compile(r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]")
# Controls but tab and newline, lone surrogates, what turns the direction of text, what has no width (but the two that
# Persian, Indic scripts and emoji need), and the tag characters, in which a prompt can be hidden.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\b[a-z0-9][a-z0-9-]{0,40}-\d{4,}\b|[-+]?\d[\d.,e+-]*")


def readable(text: str) -> str:
    """The text with nothing unseen in it; newlines and tabs stay."""
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\\r\n")  # a progress bar: each state on a line of its own
    return _UNSEEN.sub(_shown, text)


def kind_of(reason: str) -> str:
    """A reason without what differs from one case to the next: numbers, tasks' ids, and what stands in quotes."""
    return _VARYING.sub("#", reason)[:120]


def counted(number: int, noun: str) -> str:
    """`1 task`, `1,200 tasks`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def not_compared(tasks: Sequence[str]) -> str:
    """Which tasks a benchmark leaves out; of many, some."""
    named = ", ".join(tasks[:8]) + (" ..." if len(tasks) > 8 else "")
    return f"{counted(len(tasks), 'task')} not compared, since not every agent has finished an episode: {named}"


def bounded(text: str, most: int = MOST_CHARS) -> str:
    """The text, or its begin and end and a line that says how much is left out between them."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters are left out of this page]\n{text[-half:]}"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text in three parts that make up the whole: what is shown, what is folded, what is shown again."""

    head: str
    folded: str = ""
    tail: str = ""


def excerpt(text: str, first: int, last: int, width: int = 100) -> Excerpt:
    """Fold the middle of a long text.

    Args:
        text: any.
        first: lines that are shown before the fold.
        last: lines that are shown after it.
        width: characters that count as a line, so that a text of few long lines folds too.
    """
    lines, most = text.split("\n"), first + last + 4  # a fold of fewer than four lines saves nothing
    if len(lines) <= most and len(text) <= most * width:
        return Excerpt(text)
    head = _whole_lines("".join(f"{line}\n" for line in lines[:first])[: first * width])
    rest = text[len(head) :]
    tail = "\n".join(rest.split("\n")[-last:])[-last * width :]
    return Excerpt(head, rest[: len(rest) - len(tail)], tail)


def _whole_lines(head: str) -> str:
    """Up to its last newline, unless it has none."""
    return head[: head.rfind("\n") + 1] or head


def _shown(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode()
