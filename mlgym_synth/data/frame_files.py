"""Parquet and CSV files on disk as frames. What goes wrong with their content is a `ValueError` or `OSError` here.

`hub.py` and `own_files.py` call this. pyarrow and pandas are imported when a file is read.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def read_frames(files: dict[str, Path]) -> pd.DataFrame:
    """One frame of whole files (name -> where it is on disk), in order; lists and structs become JSON text.

    Raises:
        ValueError, OSError: content is not what its file's name says, a column holds raw bytes, or columns differ.
    """
    import pandas as pd

    frames = {name: _read_frame(path, name) for name, path in files.items()}
    first, names = next((name, list(frame.columns)) for name, frame in frames.items())
    for name, frame in frames.items():
        if set(frame.columns) != set(names):
            raise ValueError(f"{name} has other columns than {first}")
    return (
        pd.concat([frame[names] for frame in frames.values()], ignore_index=True) if len(frames) > 1 else frames[first]
    )


def _read_frame(path: Path, name: str) -> pd.DataFrame:
    if is_csv(name):
        return read_csv(path.read_bytes())
    import pyarrow as pa
    import pyarrow.parquet as pq

    # ParquetFile, not read_table: that one takes `key=value` folders on the way for columns.
    with pq.ParquetFile(path) as file:
        table = file.read(use_threads=False)
    if len(set(table.column_names)) < table.num_columns:
        raise ValueError("two columns have the same name")
    for i, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.float64()))
        elif pa.types.is_nested(field.type) or "binary" in str(field.type):
            try:
                texts = [None if v is None else json.dumps(v, default=plain) for v in table.column(i).to_pylist()]
            except TypeError as error:
                raise ValueError(f"column {field.name!r} holds {field.type}, which is no table data") from error
            table = table.set_column(i, field.name, pa.array(texts, pa.string()))
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def read_csv(content: bytes, rows: int | None = None) -> pd.DataFrame:
    """The first `rows` (None: all) of a CSV with a header, in UTF-8, its separator found out."""
    import pandas as pd

    # pandas 3.1 reads floats exactly and deprecates the option; without it, 2 may be off by one in the last digit.
    exact = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO(content),
        sep=separator(content),
        nrows=rows,
        encoding="utf-8-sig",
        low_memory=False,  # else a column's type may differ from chunk to chunk
        index_col=False,
        **exact,  # type: ignore[call-overload]
    )
    return frame


def separator(content: bytes) -> str:
    """Comma, semicolon or tab: what the header has most of."""
    header = content.split(b"\n", 1)[0]
    return max(",;\t", key=lambda mark: header.count(mark.encode()))


def is_csv(name: str) -> bool:
    """Whether the file's name says CSV."""
    return name.lower().endswith(".csv")


def plain(value: Any) -> str:
    """What JSON has no form for, as text; raises `TypeError` for bytes."""
    if isinstance(value, bytes):
        raise TypeError("bytes")
    return value.isoformat() if isinstance(value, dt.date | dt.datetime | dt.time) else str(value)
