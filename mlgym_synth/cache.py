"""The cache folder on this machine, and how many processes share it: one lock a key, content published whole.

Prepared data, agents' runtimes and verification results live here; all of it can be deleted and comes back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path


def cache_root() -> Path:
    """`MLGYM_SYNTH_CACHE`, else `mlgym-synth` in `XDG_CACHE_HOME` or `~/.cache`; made if missing."""
    configured = os.environ.get("MLGYM_SYNTH_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = Path(configured) if configured else Path(base) / "mlgym-synth"
    root.mkdir(parents=True, exist_ok=True)
    return root.resolve()


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on `file` (made if missing); the kernel drops it when the holder dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def built_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Return `folder`, built by `build(empty temporary folder)` if it is not there; whole or absent, never half.

    Any number of processes may call this at once: one builds, the others wait for it.
    """
    if folder.is_dir():
        return folder
    with locked(folder.with_name(folder.name + ".lock")):
        if folder.is_dir():
            return folder
        scratch = Path(tempfile.mkdtemp(prefix=folder.name + ".", suffix=".tmp", dir=folder.parent))
        try:
            build(scratch)
            scratch.rename(folder)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    return folder
