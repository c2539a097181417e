"""The Hugging Face Hub as a catalogue of data sets and as a source of frames.

Synthesis searches, inspects and samples, which reads heads of files by range; `packaged.py` downloads what a task pins.
Every fault of the Hub or of the way there becomes a `DatasetUnavailable`, once.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from mlgym_synth.cache import built_once, cache_root, locked
from mlgym_synth.data import frame_files, hub_tables
from mlgym_synth.data.hub_requests import PATIENCE, Patience, ask, ask_json
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.task import HUB, Source

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")

REMEDY = "pip install 'mlgym-synth[hub]'"

MAX_BYTES = 512 * 1024 * 1024  # that one source may download
CHUNK = 8 * 1024 * 1024  # that one request asks for, so that a broken connection costs little


@dataclass(frozen=True, slots=True)
class HubFile:
    """A data file, its bytes, and the hash that the Hub keeps: sha256 of large files, git's blob hash of others."""

    path: str
    size: int
    sha256: str | None = None
    git_sha1: str | None = None


@dataclass(frozen=True, slots=True)
class HubDataset:
    """A data set of the Hub at one commit. `search` leaves files, splits and columns empty."""

    id: str
    revision: str
    licence: str | None = None
    size_bytes: int | None = None
    gated: bool = False
    private: bool = False
    disabled: bool = False
    tags: tuple[str, ...] = ()
    files: tuple[HubFile, ...] = ()
    splits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)

    def source(self, split: str | None = None) -> Source:
        """What a task names to get this split, the first by default; raises `DatasetUnavailable` if there is none."""
        return Source(package=HUB, item=self.id, version=self.revision, files=self.split_files(split))

    def file(self, path: str) -> HubFile:
        """The file of this path; raises `DatasetUnavailable` if there is none."""
        for file in self.files:
            if file.path == path:
                return file
        few = _few([file.path for file in self.files])
        raise DatasetUnavailable(f"{_named(self.id, self.revision)} has no file {path!r}. Take some of {few}.")

    def split_files(self, split: str | None = None) -> tuple[str, ...]:
        """The files of a split, as in `source`."""
        name = next(iter(self.splits), None) if split is None else split
        if name is None or name not in self.splits:
            raise DatasetUnavailable(f"{_named(self.id)} has no split {name!r}. Take one of {_few(list(self.splits))}.")
        return self.splits[name]


def search(query: str, *, task: str | None = None, limit: int = 20, patience: Patience = PATIENCE) -> list[HubDataset]:
    """At most `limit` data sets that match words and a task category of the Hub, the most downloaded first.

    Raises:
        DatasetUnavailable: the Hub does not answer.
    """
    parameters = {"search": query, "sort": "downloads", "direction": "-1", "limit": str(limit)}
    if task is not None:
        parameters["filter"] = f"task_categories:{task}"
    found = ask_json(f"The search for {query!r} on the Hugging Face Hub", "/api/datasets", parameters, patience, list)
    return [_dataset(item) for item in found[:limit] if isinstance(item, dict) and "id" in item]


def inspect(dataset: str, revision: str | None = None, *, patience: Patience = PATIENCE) -> HubDataset:
    """What a data set holds, at the commit that `revision` (a branch, tag or commit; None: `main`) is now.

    Raises:
        DatasetUnavailable: it cannot be had, or holds no parquet or CSV file; says why and what to do.
    """
    found, card = _look_up(dataset, revision, patience)
    if not found.files:
        raise DatasetUnavailable(f"{_named(dataset)} holds no parquet or CSV file. Take another data set.")
    paths = tuple(file.path for file in found.files)
    with _content(dataset, revision, "README.md"):
        splits = hub_tables.splits_of_card(card, paths) or hub_tables.splits_of_names(paths)
    found = replace(found, splits=splits)
    first = found.file(found.split_files()[0])
    with _content(found.id, found.revision, first.path):
        columns = hub_tables.column_types(first.path, _reader(found, first, patience), first.size)
    return replace(found, columns=columns)


def sample(
    dataset: HubDataset, rows: int = 5, split: str | None = None, *, patience: Patience = PATIENCE
) -> list[dict[str, Any]]:
    """The first rows of a split (the first split by default) as JSON values, long texts cut; reads little.

    Raises:
        DatasetUnavailable: the rows cannot be had, or there is no such split.
    """
    if not dataset.files:
        dataset = inspect(dataset.id, dataset.revision or None, patience=patience)
    first = dataset.file(dataset.split_files(split)[0])
    with _content(dataset.id, dataset.revision, first.path):
        return hub_tables.head_rows(first.path, _reader(dataset, first, patience), first.size, rows)


def download(source: Source, *, max_bytes: int = MAX_BYTES, patience: Patience = PATIENCE) -> pd.DataFrame:
    """The frame of a source of package `huggingface`: its files one after the other, each fetched once and verified.

    Raises:
        DatasetUnavailable: the files cannot be had whole, as they were committed, within `max_bytes`.
    """
    cached = {path: _cached(source, path) for path in source.files}
    if not all(map(_whole, cached.values())):
        _fetch(source, cached, max_bytes, patience)
    with _content(source.item, source.version, ", ".join(source.files)):
        return frame_files.read_frames({path: folder / "content" for path, folder in cached.items()})


def _fetch(source: Source, cached: dict[str, Path], max_bytes: int, patience: Patience) -> None:
    """Bring what is not whole in the cache."""
    found, _ = _look_up(source.item, source.version, patience)
    files = {path: found.file(path) for path in source.files}
    if (total := sum(file.size for file in files.values())) > max_bytes:
        raise DatasetUnavailable(
            f"{_named(source.item)}: the files have {total:,} bytes, more than the limit of {max_bytes:,}."
            " Take a smaller split or fewer files."
        )
    for path, folder in cached.items():
        # A lock of its own, beside the one in `built_once`: nobody removes what another has just brought.
        with locked(folder.with_name(folder.name + ".repair.lock")):
            if not _whole(folder):
                shutil.rmtree(folder, ignore_errors=True)
                built_once(folder, partial(_bring, found, files[path], patience))


def _bring(dataset: HubDataset, file: HubFile, patience: Patience, scratch: Path) -> None:
    """Download a file by ranges and verify it; nothing stays if it is not what was committed."""
    read = _reader(dataset, file, patience)
    sha256, git_sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with (scratch / "content").open("wb") as out:
        for start in range(0, file.size, CHUNK):
            content = read(start, min(start + CHUNK, file.size))
            out.write(content)
            sha256.update(content)
            git_sha1.update(content)
    made = sha256.hexdigest()
    if file.sha256 not in (None, made) or (file.sha256 is None and file.git_sha1 not in (None, git_sha1.hexdigest())):
        raise DatasetUnavailable(
            f"{_named(dataset.id, dataset.revision)}: {file.path} came with another hash than the Hub has on record;"
            " nothing was kept. Try again; if it stays so, take another revision."
        )
    about = {"dataset": dataset.id, "revision": dataset.revision, "file": file.path, "size": file.size, "sha256": made}
    (scratch / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def _cached(source: Source, path: str) -> Path:
    return cache_root() / "hub" / hashlib.sha256(f"{source.item}\0{source.version}\0{path}".encode()).hexdigest()[:32]


def _whole(folder: Path) -> bool:
    """Whether the cached file is there and still what was verified."""
    try:
        about = json.loads((folder / "about.json").read_bytes())
        with (folder / "content").open("rb") as content:
            return bool(hashlib.file_digest(content, "sha256").hexdigest() == about["sha256"])
    except (OSError, ValueError, KeyError):
        return False


def _look_up(dataset: str, revision: str | None, patience: Patience) -> tuple[HubDataset, dict[str, Any]]:
    """A data set with its data files, and the YAML part of its README."""
    if not _NAME.fullmatch(dataset) or ".." in dataset:
        raise DatasetUnavailable(f"{dataset!r} is no name of a Hugging Face dataset. Give it as owner/name.")
    path = f"/api/datasets/{dataset}" + (f"/revision/{quote(revision, safe='')}" if revision else "")
    made = ask_json(_named(dataset, revision), path, {"blobs": "true"}, patience, dict)
    with _content(dataset, revision, "its description"):
        found = replace(_dataset({**made, "id": dataset}), files=(files := _files(made)))
        card = dict(made.get("cardData") or {})
    if found.disabled:
        raise DatasetUnavailable(f"{_named(dataset)} is disabled on the Hub. Take another data set.")
    if not _COMMIT.fullmatch(found.revision) or (_COMMIT.fullmatch(revision or "") and found.revision != revision):
        raise DatasetUnavailable(
            f"{_named(dataset, revision)}: the Hub answers with commit {found.revision or 'unknown'}."
            " Pin a commit that it still has; `inspect` names the present one."
        )
    return replace(found, size_bytes=sum(file.size for file in files)), card


def _files(item: dict[str, Any]) -> tuple[HubFile, ...]:
    files = []
    for sibling in item.get("siblings") or []:
        path, lfs = sibling["rfilename"], sibling.get("lfs") or {}
        if path.lower().endswith((".parquet", ".csv")):
            blob = None if lfs else sibling.get("blobId")
            files.append(HubFile(path, int(sibling.get("size") or lfs.get("size") or 0), lfs.get("sha256"), blob))
    return tuple(sorted(files, key=lambda file: file.path))


def _dataset(item: dict[str, Any]) -> HubDataset:
    tags = tuple(str(tag) for tag in item.get("tags") or ())
    licences = [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    card = item.get("cardData")
    declared = (card.get("license") if isinstance(card, dict) else None) or licences
    return HubDataset(
        id=str(item["id"]),
        revision=str(item.get("sha") or ""),
        licence=(declared if isinstance(declared, str) else ", ".join(map(str, declared))) or None,
        size_bytes=item.get("usedStorage"),
        gated=bool(item.get("gated")),
        private=bool(item.get("private")),
        disabled=bool(item.get("disabled")),
        tags=tags,
    )


def _reader(dataset: HubDataset, file: HubFile, patience: Patience) -> hub_tables.Read:
    """Reads ranges of a file at the data set's commit."""
    subject = f"{_named(dataset.id, dataset.revision)}: {file.path}"
    path = f"/datasets/{dataset.id}/resolve/{dataset.revision}/{quote(file.path)}"

    def read(start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}

        def content(response: Any) -> bytes:
            commits = {r.headers.get("X-Repo-Commit", dataset.revision) for r in (*response.history, response)}
            if commits != {dataset.revision}:
                raise DatasetUnavailable(f"{subject}: the Hub answers with another commit. Pin one that it still has.")
            ranged, body = response.status_code == 206, response.content
            total = response.headers.get("Content-Range", "").rpartition("/")[2] if ranged else str(len(body))
            if total not in ("", "*", str(file.size)):
                raise ValueError(f"truncated or changed: it has {total} bytes, not {file.size} as on record")
            made: bytes = body if ranged else body[start:stop]  # a server may ignore the range and send all
            if len(made) != stop - start:
                raise ValueError(f"truncated: {len(made)} of {stop - start} bytes came")
            return made

        return ask(subject, path, {}, headers, patience, content)

    return read


@contextmanager
def _content(dataset: str, revision: str | None, path: str) -> Iterator[None]:
    """Name the file in faults of its content."""
    subject = f"{_named(dataset, revision)}: {path}"
    try:
        yield
    except ImportError as error:
        raise DatasetUnavailable(f"{subject} needs {error.name} to be read. Run: {REMEDY}") from error
    except (ValueError, OSError, KeyError, TypeError, AttributeError, RuntimeError, csv.Error) as error:
        why = " ".join(str(error).split())[:200]
        raise DatasetUnavailable(f"{subject} cannot be read ({why}). Take another file or data set.") from error


def _named(dataset: str, revision: str | None = None) -> str:
    return f"Hugging Face dataset {dataset}" + (f" at {revision[:12]}" if revision else "")


def _few(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" ... ({len(names)} in all)" if len(names) > 8 else "") or "none"
