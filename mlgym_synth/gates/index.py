"""`registry/`: index, splits and what data sets are recognised by, made from the folders of tasks.

New data is compared with the shipped sketches, which takes no time and needs none of the shipped data.

    index.jsonl      a task a line
    splits/          train.txt and heldout.txt, an id a line
    sketches.jsonl   {"source": ..., "format": ..., "sketch": ...}; in the shipped registry only
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mlgym_synth.data.sketch import FORMAT, Sketch, packed, unpacked
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.gates.datasets import Datasets, split_of
from mlgym_synth.registry import TaskEntry, index_line, read_index, shipped_root
from mlgym_synth.task import Source, TaskSpec
from mlgym_synth.whole_file import write_whole

SKETCHES = "sketches.jsonl"


def write_index(root: Path, verified: Mapping[str, bool] | None = None) -> None:
    """Write `registry/index.jsonl` and `registry/splits/` from the folders of `root/envs`.

    About a tenth is held out, chosen by a hash of the data set, so that no data set is on both sides. Data sets that
    the shipped index or this one names keep their names.

    Args:
        root: holds `envs/`; `registry/` is made.
        verified: task id -> whether all gates passed; of a task not named here, what the index said of it before holds,
            as long as its folder has not changed.

    Raises:
        TaskInvalid: a folder that cannot be read.
        DatasetUnavailable: a data set cannot be had, and so not be compared with the others.
    """
    before = {entry.id: entry for entry in read_index(root)}
    datasets = known_datasets(root)
    lines, splits = [], {"train": "", "heldout": ""}
    for file in sorted((root / "envs").glob("[!.]*/task.yaml")):  # `.` begins what is being written
        folder = load_task(file.parent)
        passed = (verified or {}).get(folder.spec.id, _was_verified(before.get(folder.spec.id), folder))
        entry = entry_of(folder, datasets.add(folder.spec), passed)
        lines.append(index_line(entry))
        splits[entry["split"]] += folder.spec.id + "\n"
    for split, names in splits.items():
        write_whole(root / "registry" / "splits" / f"{split}.txt", names)
    if root.resolve() == shipped_root():
        _write_sketches(root, datasets)
    write_whole(root / "registry" / "index.jsonl", "".join(lines))


def known_datasets(root: Path) -> Datasets:
    """The data sets that indexes have named: the shipped one, and that of this folder."""
    if root.resolve() == shipped_root():
        return Datasets(_named(root), _sketches(root))
    return Datasets((*_shipped(), *_named(root)), _sketches(shipped_root()))


def famous(source: Source) -> tuple[bool, bool]:
    """Whether data is well known, and whether it overlaps MLGym's, as the shipped tasks say that share data with it.

    Raises:
        DatasetUnavailable: it cannot be had.
    """
    names = set(_shipped_datasets().near(source))
    alike = [spec for spec, name in _shipped() if name in names]
    return any(spec.well_known for spec in alike), any(spec.mlgym_overlap for spec in alike)


@cache
def _shipped_datasets() -> Datasets:
    """For looking things up only: a collection adds to the one that it has."""
    return Datasets(_shipped(), _sketches(shipped_root()))


@cache
def _shipped() -> tuple[tuple[TaskSpec, str], ...]:
    return _named(shipped_root())


def _write_sketches(root: Path, datasets: Datasets) -> None:
    lines = [
        json.dumps({"source": source, "format": FORMAT, "sketch": packed(sketch)}) + "\n"
        for source in datasets.sources()
        if (sketch := datasets.sketch(source)) is not None
    ]
    write_whole(root / "registry" / SKETCHES, "".join(sorted(lines)))


def _sketches(root: Path) -> dict[str, Sketch]:
    file = root / "registry" / SKETCHES
    if not file.is_file():
        return {}
    fields = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {each["source"]: unpacked(each["sketch"]) for each in fields if each["format"] == FORMAT}


def _named(root: Path) -> tuple[tuple[TaskSpec, str], ...]:
    """Tasks that are as their line of the index has them; of a changed one the data may be other data."""
    named = []
    for entry in read_index(root):
        try:
            folder = load_task(entry.folder)
        except TaskInvalid:  # whoever lists the folders says so
            continue
        if folder.sha256 == entry.sha256:
            named.append((folder.spec, entry.dataset))
    return tuple(named)


def entry_of(folder: TaskFolder, dataset: str, verified: bool) -> dict[str, Any]:
    """The fields of one line of the index."""
    spec = folder.spec
    return {
        "id": spec.id,
        "path": f"envs/{spec.id}",
        "family": spec.family,
        "metric": spec.metric.name,
        "direction": spec.metric.direction,
        "baseline": None if spec.baseline is None else spec.baseline.test.score,
        "reference": None if spec.reference is None else spec.reference.test.score,
        "dataset": dataset,
        "sha256": folder.sha256,
        "split": split_of(dataset),
        "verified": verified,
    }


def _was_verified(entry: TaskEntry | None, folder: TaskFolder) -> bool:
    return entry is not None and entry.verified and entry.sha256 == folder.sha256
