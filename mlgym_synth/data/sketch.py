"""Whether two frames hold the same data, whatever they are called: small sketches of which values stand side by side.

A sketch is a sample of hashes of sets of values from one row (numbers in one spelling): of two values, and, for tables
of short numbers, of four. The hash decides what is kept (FracMinHash, Irber et al. 2022), so the sketches of two frames
share what the frames share, whatever their sizes, names and orders of rows and columns.

Sets that any two frames may have by accident say nothing, and are left out: an id beside a common word, short numbers,
a number beside its own logarithm or square.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from mlgym_synth.cache import cache_root
from mlgym_synth.data.canonical import canonical
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.task import Source

FORMAT = 3
KEPT = 8
"""One in so many hashes is kept."""
MOST_ROWS = 4000
DIGITS = 6
"""Significant digits of a number: other roundings and types of the same data do not matter."""
MOST_COMMON = 3
"""A set is met at most so often, and one value of a pair: codes, years and countries are the same everywhere."""
LEAST_SHARED, LEAST_SHARE = 8, 0.03
"""Of the packaged tables, two of one origin share 4% and more of the smaller sketch, all others 2% at most."""


@dataclass(frozen=True, slots=True)
class _Sets:
    """Which sets of values of a row are looked at: how many values, of the most telling columns, and how much in all.

    `characters` are the significant digits and letters from which on meeting a set twice is no accident.
    """

    values: int
    columns: int
    characters: int


SETS = (_Sets(2, columns=24, characters=8), _Sets(4, columns=8, characters=9))
Sketch = tuple[frozenset[int], ...]
"""The hashes that were kept, of each of `SETS`."""


def overlap(one: Sketch, other: Sketch) -> bool:
    """Whether one frame holds a part of the other that cannot be accident."""
    return any(
        len(a & b) >= max(LEAST_SHARED, LEAST_SHARE * min(len(a), len(b))) for a, b in zip(one, other, strict=True)
    )


def sketch_of(source: Source) -> Sketch:
    """The sketch of a source's frame, from the cache if it was made before.

    Raises:
        DatasetUnavailable: the frame cannot be had.
    """
    key = hashlib.sha256(f"{FORMAT}\0{source.model_dump_json()}".encode()).hexdigest()[:32]
    file = cache_root() / "sketches" / f"{key}.json"
    try:
        return tuple(map(frozenset, json.loads(file.read_text())))
    except (OSError, ValueError):
        pass
    made = _sketch(source)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
    with os.fdopen(handle, "w") as stream:
        json.dump([sorted(hashes) for hashes in made], stream)
    Path(scratch).replace(file)
    return made


def _sketch(source: Source) -> Sketch:
    columns = canonical(load_frame(source))
    columns.pop("rownames", None)
    telling = sorted(columns.values(), key=lambda column: -len(set(column.text.tolist())))
    spelled = [_spelled(column.text.tolist()[:MOST_ROWS]) for column in telling[: max(s.columns for s in SETS)]]
    return tuple(_hashes(spelled[: sets.columns], sets) for sets in SETS)


def _hashes(columns: list[list[str]], sets: _Sets) -> frozenset[int]:
    seen = Counter(value for column in columns for value in column)
    rare = {value for value, count in seen.items() if count <= MOST_COMMON}
    characters = {value: _characters(value, value in rare) for value in seen}
    counts: Counter[tuple[str, ...]] = Counter()
    for row in zip(*columns, strict=True):
        present = sorted({value for value in row if characters[value]})
        for chosen in combinations(present, sets.values):
            # Of two values one has to be rare; four are, together.
            if sum(map(characters.__getitem__, chosen)) >= sets.characters and (
                sets.values > 2 or not rare.isdisjoint(chosen)
            ):
                counts[chosen] += 1
    hashes = ((_hash(chosen), chosen) for chosen, count in counts.items() if count <= MOST_COMMON)
    return frozenset(value for value, chosen in hashes if value % KEPT == 0 and not _one_follows(chosen))


def _spelled(texts: list[str]) -> list[str]:
    return [text.strip().lower() if (value := _number(text)) is None else f"{value:.{DIGITS}g}" for text in texts]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _characters(value: str, rare: bool) -> int:
    """How much of a value could not have been otherwise by accident: `white` is a word of everybody's."""
    if _number(value) is not None:
        return len(value.partition("e")[0].replace(".", "").replace("-", "").strip("0"))
    return len(value) if rare else 0


def _one_follows(values: tuple[str, ...]) -> bool:
    """Whether a pair is a number and its own logarithm or square, as they stand in everybody's tables."""
    known = [number for value in values if (number := _number(value)) is not None]
    if len(values) > 2 or len(known) < 2:
        return False
    made = [f(x) for x in known if x > 0 for f in (math.log, math.log10, math.log1p, lambda x: x * x)]
    return any(math.isclose(one, other, rel_tol=1e-4) for one in made for other in known)


def _hash(values: tuple[str, ...]) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(values).encode(), digest_size=8).digest(), "big")
