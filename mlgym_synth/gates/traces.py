"""How sealed values look when they turn up where they must not: in a statement, a program, a file of the sandbox.

Gate 1 reads the task's own texts with this, gate 8 what can be read inside a sandbox.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.data.prepared import Prepared

BITS = 32.0
"""Labels that agree in a row are no accident once their surprise exceeds this many bits."""
LONG_ROW = 40
"""Characters from which on a row of inputs can be told from any other text."""
_WINDOW = (4, 400)
_HEAD = 4
_ROWS = 50
_DIGITS = 5
"""Significant digits from which on a number can be told from any other."""
_MOST_DIGITS = 9
_FEWEST_CELLS = 10
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_WORD = re.compile(r"[^\s,;|:=\[\](){}\"'`]+")
_OPENERS = ((b"\x1f\x8b", gzip.decompress), (b"BZh", bz2.decompress), (b"\xfd7zXZ", lzma.decompress))


@dataclass(frozen=True)
class Traces:
    """What to look for; made once for a task.

    Attributes:
        runs: every run of `width` labels that follow one another in the sealed truth and say enough to be told apart.
        width: labels in a run; 0 for programs.
        phrases: labels of several words, longest first.
        rows: texts of evaluation inputs, or of hidden instances without white space.
        cells: one long number from each of many evaluation rows: a file with half of them holds those rows.
    """

    runs: frozenset[tuple[str, ...]]
    width: int
    phrases: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[str, ...]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """All words of sealed labels."""
        return frozenset(word for run in self.runs for word in run)

    @cached_property
    def heads(self) -> frozenset[tuple[str, ...]]:
        """How runs begin: few windows of a text pass this, and it is cheap."""
        return frozenset(run[:_HEAD] for run in self.runs)

    def labels_in(self, text: str) -> str | None:
        """The first run of sealed labels in a text, alone, alternating with ids, or between other words."""
        words = _words(text, self.phrases) if self.width else []
        known = [word for word in words if word in self.vocabulary]
        if len(known) < max(self.width, 1):  # nearly every file of a sandbox
            return None
        for every in (words, words[::2], words[1::2], known):
            for start, head in enumerate(_windows(every, min(self.width, _HEAD))):
                if head in self.heads and (run := tuple(every[start : start + self.width])) in self.runs:
                    return " ".join(run)
        return None

    def rows_in(self, text: str) -> str | None:
        """The first evaluation row (or hidden instance) in a text; or that half of a sample of their values is."""
        text = text if self.width else "".join(text.split())
        for row in self.rows:
            if row in text:
                return row
        found = sum(cell in text for cell in self.cells)
        if len(self.cells) >= _FEWEST_CELLS and 2 * found >= len(self.cells):
            return f"{found} of {len(self.cells)} values, such as {self.cells[0]}"
        return None

    def any_in(self, text: str) -> str | None:
        """What `rows_in` or else `labels_in` finds."""
        return self.rows_in(text) or self.labels_in(text)


def traces_of(prepared: Prepared) -> Traces:
    """What would give away the sealed half of this data."""
    sealed = prepared.sealed
    if sealed.instances is not None:
        hidden = ("".join(json.dumps(one).split()) for part in sealed.instances.values() for one in part)
        return Traces(frozenset(), 0, (), tuple(text for text in hidden if len(text) > LONG_ROW // 2), ())
    assert sealed.truth is not None
    lines = prepared.public.tables["test"].lines
    longest = (max((_digits(cell) for cell in line.split(",")), key=len) for line in lines[:_ROWS])
    cells = tuple(dict.fromkeys(cell for cell in longest if cell))
    rows = tuple(line for line in lines[:_ROWS] if len(line) > LONG_ROW)
    return Traces(*_runs(sealed.truth), rows, cells)


def texts_of(content: bytes) -> Iterator[str]:
    """A file as text: unpacked where it is packed, arrays as lines of comma-separated numbers."""
    for magic, unpack in _OPENERS:
        if content.startswith(magic):
            try:
                content = unpack(content)
            except (OSError, EOFError, lzma.LZMAError, zlib.error):
                return
    if content.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    yield from texts_of(archive.read(name))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error):
            return
    elif content.startswith(b"\x93NUMPY"):
        yield _array_text(content)
    else:
        yield content.decode("utf-8", "replace")


def _array_text(content: bytes) -> str:
    try:
        array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError):
        return ""
    rows = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(1, -1)
    return "\n".join(",".join(_plain(str(value)) for value in row) for row in rows.tolist())


def _runs(truth: NDArray[Any]) -> tuple[frozenset[tuple[str, ...]], int, tuple[str, ...]]:
    texts = [str(value) for value in truth.tolist()]
    phrases = tuple(sorted({text for text in texts if len(_WORD.findall(text)) > 1}, key=len, reverse=True))
    labels = _words("\n".join(texts), phrases)
    names, counts = np.unique(labels, return_counts=True)
    bits = dict(zip(names.tolist(), (-np.log2(counts / len(labels))).tolist(), strict=True))

    def surprise(run: Sequence[str]) -> float:  # repeats count for nothing: in ordered rows they are to be expected
        return float(sum((bits[label] for last, label in pairwise(run) if label != last), start=bits[run[0]]))

    width = math.ceil(BITS * len(labels) / max(surprise(labels), 1.0))
    width = min(max(width, _WINDOW[0]), _WINDOW[1], len(labels))
    runs = frozenset(run for run in _windows(labels, width) if surprise(run) >= 0.6 * BITS)
    return (runs, width, phrases) if runs else (frozenset([tuple(labels)]), len(labels), phrases)


def _words(text: str, phrases: tuple[str, ...]) -> list[str]:
    for phrase in phrases:  # a label is one word, or the words of one would count as a surprise each
        text = text.replace(phrase, "_".join(_WORD.findall(phrase)))
    return [_plain(word) for word in _WORD.findall(text)]


def _windows(words: Sequence[str], width: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i : i + width]) for i in range(len(words) - width + 1))


def _digits(cell: str) -> str:
    """How a number begins however it is printed (`12.5` of `12.50`); nothing for other cells and for round numbers."""
    if _NUMBER.fullmatch(cell) is None:
        return ""
    start = cell.rstrip("0").rstrip(".") if "." in cell else cell
    return start[:_MOST_DIGITS] if len(start.strip("-0").replace(".", "")) >= _DIGITS else ""


@lru_cache(maxsize=1 << 16)
def _plain(word: str) -> str:
    """One spelling for each number: `5`, `5.0` and `5.` are the same; other words as they are, in lower case."""
    try:
        return f"{float(word):.12g}"
    except ValueError:
        return word.lower()
