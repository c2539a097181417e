"""Parquet and CSV files of the Hub: columns and first rows, read from their heads by range, and splits by their names.

`hub.py` calls this. What goes wrong with a file's content is a `ValueError` or `OSError` here; `hub.py` names the data
set. pyarrow and pandas are imported when a file is read.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlgym_synth.data.frame_files import is_csv, plain, read_csv, separator

if TYPE_CHECKING:
    import pandas as pd

Read = Callable[[int, int], bytes]
"""From a first byte up to, not including, a last one."""

BLOCK = 128 * 1024
"""What is asked for at once: a footer comes in one request, a row group's head in a few."""

HEAD = 256 * 1024
"""How much of a CSV is read to know its columns and first rows."""

TYPED_ROWS = 500
LONGEST_TEXT = 200
LONGEST_LIST = 20


class RangedFile(io.RawIOBase):
    """A remote file that pyarrow can seek in; blocks that were read once are kept."""

    def __init__(self, read: Read, size: int) -> None:
        self._read, self._size, self._at = read, size, 0
        self._blocks: dict[int, bytes] = {}

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move, as in any file."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes from the position; missing blocks come in one request."""
        stop = self._size if size is None or size < 0 else min(self._size, self._at + size)
        if stop <= self._at:
            return b""
        wanted = range(self._at // BLOCK, (stop - 1) // BLOCK + 1)
        if missing := [block for block in wanted if block not in self._blocks]:
            content = self._read(missing[0] * BLOCK, min((missing[-1] + 1) * BLOCK, self._size))
            for i, block in enumerate(range(missing[0], missing[-1] + 1)):
                self._blocks[block] = content[i * BLOCK : (i + 1) * BLOCK]
        start, self._at = self._at - wanted[0] * BLOCK, stop
        joined = b"".join(self._blocks[block] for block in wanted)
        return joined[start : start + stop - wanted[0] * BLOCK - start]


def column_types(name: str, read: Read, size: int) -> dict[str, str]:
    """Column -> type, from a parquet footer or the head of a CSV; classes that are numbers have their names with them.

    Raises:
        ValueError, OSError: the content is not what the file's name says.
    """
    if is_csv(name):
        frame = _csv_head(read(0, min(size, HEAD)), size, TYPED_ROWS)
        return {str(column): _pandas_type(frame[column]) for column in frame.columns}
    schema = _parquet(read, size).schema_arrow
    classes = _class_names(schema.metadata or {})
    return {f.name: f"{f.type}{f' ({classes[f.name]})' if f.name in classes else ''}" for f in schema}


def head_rows(name: str, read: Read, size: int, rows: int) -> list[dict[str, Any]]:
    """The first rows as JSON values, long texts and lists cut, bytes only counted.

    Raises:
        ValueError, OSError: the content is not what the file's name says.
    """
    if is_csv(name):
        made = _csv_head(read(0, min(size, HEAD)), size, rows).to_dict("records")
    else:
        file = _parquet(read, size)
        made = []
        if file.num_row_groups:
            batches = file.iter_batches(batch_size=rows, row_groups=[0], use_threads=False)
            made = next((batch.to_pylist() for batch in batches), [])
    return [{str(key): _shown(value) for key, value in row.items()} for row in made[:rows]]


def splits_of_card(card: dict[str, Any], files: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Splits that the README's YAML declares; those of a further configuration as `configuration/split`.

    Raises:
        ValueError, TypeError, AttributeError: the YAML has another form than the Hub's.
    """
    splits: dict[str, tuple[str, ...]] = {}
    for i, config in enumerate(card.get("configs") or []):
        declared = config.get("data_files") or []
        if isinstance(declared, dict):
            declared = [{"split": split, "path": path} for split, path in declared.items()]
        elif isinstance(declared, str) or all(isinstance(item, str) for item in declared):
            declared = [{"split": "train", "path": declared}]
        for item in (d for d in declared if isinstance(d, dict)):
            wanted = item.get("path") or []
            patterns = [wanted] if isinstance(wanted, str) else [str(pattern) for pattern in wanted]
            held = tuple(f for f in files if any(_matches(f, pattern) for pattern in patterns))
            name = str(item.get("split", "train"))
            if held:
                splits[name if i == 0 else f"{config.get('config_name', i)}/{name}"] = held
    return splits


def _matches(file: str, pattern: str) -> bool:
    """The Hub's globs: `*` and `?` stay within a folder, `**/` is any number of folders, none among them."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern.removeprefix("./"))
    regex = {"**/": r"(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    made = [part if part.startswith("[") else regex.get(part, re.escape(part)) for part in parts]
    return re.fullmatch("".join(made), file) is not None


_KEYWORDS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation"}
_KEYWORDS |= {"val": "validation", "dev": "validation", "test": "test", "testing": "test", "eval": "test"}


def splits_of_names(files: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Splits as path names tell them, train first; a file that says nothing is a split of its own."""
    splits: dict[str, tuple[str, ...]] = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        stem = name.rsplit(".", 1)[0]
        if shard := re.fullmatch(r"(.+?)-\d{5}-of-\d{5}(-[0-9a-f]+)?", stem):
            split = shard[1]
        else:
            words = re.split(r"[^a-z]+", f"{stem}/{folder}".lower())
            split = next((_KEYWORDS[word] for word in words if word in _KEYWORDS), stem)
        # `data/train-...` is split train; `english/train-...` is another table than `german/train-...`.
        inner = [part for part in folder.split("/") if part and part != "data" and part.lower() not in _KEYWORDS]
        name = "/".join([*inner, split])
        splits[name] = (*splits.get(name, ()), file)
    return dict(sorted(splits.items(), key=lambda item: not item[0].endswith("train")))


def _parquet(read: Read, size: int) -> Any:
    import pyarrow.parquet as pq

    # With a buffer, pyarrow reads the pages it needs, else whole column chunks.
    return pq.ParquetFile(RangedFile(read, size), buffer_size=BLOCK)


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, str]:
    """What `datasets` notes in a footer of columns of classes: column -> `0=neg, 1=pos`."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        named = {name: f["names"] for name, f in features.items() if isinstance(f, dict) and "names" in f}
        return {name: ", ".join(f"{i}={text}" for i, text in enumerate(names[:50])) for name, names in named.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _csv_head(content: bytes, size: int, rows: int) -> pd.DataFrame:
    complete = None
    if len(content) < size:
        content = content[: content.rfind(b"\n") + 1]
        # The cut may lie within a quoted field: the last record that is seen is not trusted.
        records = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator(content))
        complete = sum(1 for record in records if record) - 2
        if complete < 1:
            raise ValueError(f"its first row does not end within {HEAD} bytes")
    return read_csv(content, min(rows, complete) if complete is not None else rows)


def _pandas_type(series: pd.Series[Any]) -> str:
    kind = str(series.dtype)
    return "string" if kind in ("object", "str") else kind


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): _shown(item) for key, item in list(value.items())[:LONGEST_LIST]}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value[:LONGEST_LIST]]
    return _shown(str(plain(value)))
