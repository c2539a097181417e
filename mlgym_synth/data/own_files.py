"""A table that lies in the task's own folder, below `data/`: package `file`. No sandbox gets that folder.

`packaged.py` reads it here. Its content has no version, so whatever is kept of it is kept by its hash.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlgym_synth.data import frame_files
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.task import OWN_FILE, Source

if TYPE_CHECKING:
    import pandas as pd


def load(source: Source) -> pd.DataFrame:
    """The table.

    Raises:
        DatasetUnavailable: it is not there, or is no CSV or parquet file that can be read.
    """
    path = _path(source)
    try:
        return frame_files.read_frames({source.item: path})
    except ImportError as error:
        raise DatasetUnavailable(
            f"{path} needs {error.name} to be read. Run: pip install 'mlgym-synth[data,hub]', or save it as CSV."
        ) from error
    except (ValueError, OSError, RuntimeError) as error:
        why = " ".join(str(error).split())[:200]
        raise DatasetUnavailable(f"{path} cannot be read ({why}). Save it as UTF-8 CSV with a header.") from error


def content_hash(source: Source | None) -> str:
    """The sha256 of the table's bytes; empty for sources whose fields say it all.

    Raises:
        DatasetUnavailable: the table is not there.
    """
    if source is None or source.package != OWN_FILE:
        return ""
    path = _path(source)
    about = path.stat()
    return _hash(path, about.st_ino, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=256)
def _hash(path: Path, *changes: int) -> str:
    """Read again only when the file has changed: every reset asks."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _path(source: Source) -> Path:
    if source.folder is None:
        raise DatasetUnavailable(
            f"{source.item} lies in its task's own folder, and this task was not read from one: use `load_task`."
        )
    folder = source.folder.resolve()
    path = (folder / source.item).resolve()
    if not path.is_relative_to(folder / "data"):
        raise DatasetUnavailable(f"{folder / source.item} is a link out of the task. Put the file itself there.")
    if not path.is_file():
        raise DatasetUnavailable(f"{path} is missing. Put the task's table there, or correct data.source.item.")
    return path
