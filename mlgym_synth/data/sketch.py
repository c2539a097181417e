"""Whether two frames hold the same data, whatever they are called: small sketches of which values stand side by side.

A sketch is a sample of hashes of unordered pairs of values from one row (numbers in one spelling). The hash decides
what is kept (FracMinHash, Irber et al. 2022), so the sketches of two frames share what the frames share, whatever
their sizes, names and orders of rows and columns.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import Counter
from itertools import combinations
from pathlib import Path

from mlgym_synth.cache import cache_root
from mlgym_synth.data.canonical import canonical
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.task import Source

FORMAT = 2
KEPT = 32
"""One in so many hashes is kept."""
MOST_ROWS, MOST_COLUMNS = 4000, 24
SHORTEST_PAIR = 8
"""Characters of a pair from which on meeting it twice is no accident."""
MOST_COMMON = 3
"""One value of a pair is met at most so often: codes, years and names of countries are the same everywhere."""
LEAST_SHARED, LEAST_SHARE = 8, 0.08

Sketch = frozenset[int]


def overlap(one: Sketch, other: Sketch) -> bool:
    """Whether one frame holds a part of the other that cannot be accident."""
    shared = len(one & other)
    return shared >= LEAST_SHARED and shared >= LEAST_SHARE * min(len(one), len(other))


def sketch_of(source: Source) -> Sketch:
    """The sketch of a source's frame, from the cache if it was made before.

    Raises:
        DatasetUnavailable: the frame cannot be had.
    """
    key = hashlib.sha256(f"{FORMAT}\0{source.model_dump_json()}".encode()).hexdigest()[:32]
    file = cache_root() / "sketches" / f"{key}.json"
    try:
        return frozenset(json.loads(file.read_text()))
    except (OSError, ValueError):
        pass
    made = _sketch(source)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
    with os.fdopen(handle, "w") as stream:
        json.dump(sorted(made), stream)
    Path(scratch).replace(file)
    return made


def _sketch(source: Source) -> Sketch:
    columns = canonical(load_frame(source))
    columns.pop("rownames", None)
    chosen = sorted(columns.values(), key=lambda column: -len(set(column.text.tolist())))[:MOST_COLUMNS]
    spelled = [_spelled(column.text.tolist()[:MOST_ROWS]) for column in chosen]
    seen = Counter(value for column in spelled for value in column)
    rare = {value for value, count in seen.items() if count <= MOST_COMMON}
    counts: Counter[str] = Counter()
    for row in zip(*spelled, strict=True):
        present = sorted({value for value in row if value})
        pairs = (pair for pair in combinations(present, 2) if pair[0] in rare or pair[1] in rare)
        counts.update(f"{a}\0{b}" for a, b in pairs if len(a) + len(b) >= SHORTEST_PAIR)
    hashes = (_hash(pair) for pair, count in counts.items() if count <= MOST_COMMON)
    return frozenset(value for value in hashes if value % KEPT == 0)


def _spelled(texts: list[str]) -> list[str]:
    """Numbers with nine significant digits, so that other roundings and types do not matter."""
    made = []
    for text in texts:
        try:
            made.append(f"{float(text):.9g}")
        except ValueError:
            made.append(text.strip().lower())
    return made


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
