"""Whether two frames hold the same data, whatever they are called: small sketches of which values stand side by side.

A sketch is a sample of hashes of sets of values from one row (numbers in one spelling): of two values, and, for tables
of short numbers, of four. The hash of a set's longest value decides whether it is kept (after FracMinHash, Irber et al.
2022), so the sketches of two frames share what the frames share, whatever their sizes, names and orders of rows and
columns; and sets that are not kept need not be made.

Sets that any two frames may have by accident say nothing, and are left out: an id beside a common word, short numbers,
years, a number beside its own logarithm or square.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from mlgym_synth.cache import cache_root
from mlgym_synth.data import own_files
from mlgym_synth.data.canonical import canonical
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.task import Source
from mlgym_synth.whole_file import write_whole

FORMAT = 4
KEPT = 8
"""Of a frame with at most `ROWS` rows, one value in so many keeps its sets; with twice as many rows, one in twice so
many, which are among those."""
ROWS, MOST_ROWS = 8192, 1 << 19
"""The order of rows beyond the latter does matter."""
MOST_HASHES = 2048
"""Of a sample; what has more keeps less."""
DIGITS = 6
"""Significant digits of a number: other roundings and types of the same data do not matter."""
MOST_COMMON = 3
"""A set is met at most so often, and one value of a pair: codes, years and countries are the same everywhere."""
_YEAR = re.compile("(19|20)[0-9][0-9]")
BITS = 16
"""Of a set's hash, its longest value's."""
LEAST_SHARED, LEAST_SHARE = 12, 0.02
"""Of the packaged tables, two of one origin mostly share 20% and more of the smaller sample, and 4% at least; all
others 4% at most, and fewer sets. What has all its columns transformed, or coarse categories alone, escapes."""


@dataclass(frozen=True, slots=True)
class _Sets:
    """Which sets of values of a row are looked at: how many values, of the most telling columns, and how much in all.

    `characters` are the significant digits and letters from which on meeting a set twice is no accident.
    """

    values: int
    columns: int
    characters: int


SETS = (_Sets(2, columns=24, characters=8), _Sets(4, columns=8, characters=9))


@dataclass(frozen=True, slots=True)
class Sample:
    """Hashes (32 bits) of sets whose longest value's own hash is a multiple of `kept`; they end with its bits."""

    kept: int
    hashes: frozenset[int]

    def coarser(self, kept: int) -> Sample:
        """What keeping less would have kept."""
        if kept == self.kept:
            return self
        return Sample(kept, frozenset(value for value in self.hashes if value % kept == 0))


Sketch = tuple[Sample, ...]
"""A sample of each of `SETS`."""


def overlap(one: Sketch, other: Sketch) -> bool:
    """Whether one frame holds a part of the other that cannot be accident."""
    return any(map(_shared, one, other))


def _shared(one: Sample, other: Sample) -> bool:
    kept = max(one.kept, other.kept)
    a, b = one.coarser(kept).hashes, other.coarser(kept).hashes
    return len(a & b) >= max(LEAST_SHARED, LEAST_SHARE * min(len(a), len(b)))


def packed(sketch: Sketch) -> list[tuple[int, str]]:
    """As JSON takes it, four bytes a hash."""
    return [(s.kept, base64.b64encode(array("I", sorted(s.hashes)).tobytes()).decode()) for s in sketch]


def unpacked(fields: Iterable[tuple[int, str]]) -> Sketch:
    """The inverse of `packed`."""
    return tuple(Sample(kept, frozenset(array("I", base64.b64decode(hashes)))) for kept, hashes in fields)


def sketch_of(source: Source) -> Sketch:
    """The sketch of a source's frame, from the cache if it was made before.

    Raises:
        DatasetUnavailable: the frame cannot be had.
    """
    text = f"{FORMAT}\0{source.model_dump_json()}{own_files.content_hash(source)}"
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    file = cache_root() / "sketches" / f"{key}.json"
    try:
        return unpacked(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        pass
    made = _sketch(source)
    write_whole(file, json.dumps(packed(made)), durable=False)
    return made


def _sketch(source: Source) -> Sketch:
    columns = canonical(load_frame(source))
    columns.pop("rownames", None)
    telling = sorted(columns.values(), key=lambda column: -len(set(column.text.tolist())))
    spelled = [_spelled(column.text.tolist()[:MOST_ROWS]) for column in telling[: max(s.columns for s in SETS)]]
    kept = KEPT
    while max(map(len, spelled), default=0) * KEPT > ROWS * kept:
        kept *= 2
    return tuple(_at_most(MOST_HASHES, _sample(spelled[: sets.columns], sets, kept)) for sets in SETS)


def _at_most(most: int, sample: Sample) -> Sample:
    while len(sample.hashes) > most:
        sample = sample.coarser(2 * sample.kept)
    return sample


def _sample(columns: list[list[str]], sets: _Sets, kept: int) -> Sample:
    seen = Counter(value for column in columns for value in column)
    rare = {value for value, count in seen.items() if count <= MOST_COMMON}
    characters = {value: _characters(value, value in rare) for value in seen}
    chosen = {value for value in seen if _hash(value) % kept == 0}
    counts: Counter[tuple[str, ...]] = Counter()
    for row in zip(*columns, strict=True):
        if chosen.isdisjoint(row):
            continue
        present = sorted({value for value in row if characters[value]}, key=_longest_first)
        for place, longest in enumerate(present):
            if longest in chosen:
                counts.update((longest, *others) for others in combinations(present[place + 1 :], sets.values - 1))
    hashes = (
        _hash("\0".join(found)) % (1 << BITS) << BITS | _hash(found[0]) % (1 << BITS)
        for found, count in counts.items()
        if count <= MOST_COMMON
        and sum(characters[value] for value in found) >= sets.characters
        and (sets.values > 2 or not rare.isdisjoint(found))  # of two values one has to be rare; four are, together
        and not _one_follows(found)
    )
    return Sample(kept, frozenset(hashes))


def _longest_first(value: str) -> tuple[int, str]:
    return -len(value), value


def _spelled(texts: list[str]) -> list[str]:
    return [text.strip().lower() if (value := _number(text)) is None else f"{value:.{DIGITS}g}" for text in texts]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _characters(value: str, rare: bool) -> int:
    """How much of a value could not have been otherwise by accident: `white` and 1990 are everybody's."""
    if _YEAR.fullmatch(value):
        return 1
    if _number(value) is not None:
        return len(value.partition("e")[0].replace(".", "").replace("-", "").strip("0"))
    return len(value) if rare else 0


def _one_follows(values: tuple[str, ...]) -> bool:
    """Whether a pair is a number and its own logarithm or square, or a date and its year, as in everybody's tables."""
    if len(values) == 2 and values[1] in values[0] and _number(values[0]) is None:
        return True
    known = [number for value in values if (number := _number(value)) is not None]
    if len(values) > 2 or len(known) < 2:
        return False
    made = [f(x) for x in known if x > 0 for f in (math.log, math.log10, math.log1p, lambda x: x * x)]
    return any(math.isclose(one, other, rel_tol=1e-4) for one in made for other in known)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
