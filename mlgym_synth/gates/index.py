"""`registry/`: the index and the splits, made from the folders of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.gates.datasets import Datasets, split_of
from mlgym_synth.registry import TaskEntry, index_line, read_index


def write_index(root: Path, verified: Mapping[str, bool] | None = None) -> None:
    """Write `registry/index.jsonl` and `registry/splits/` from the folders of `root/envs`.

    About a tenth is held out, chosen by a hash of the data set, so that no data set is on both sides.

    Args:
        root: holds `envs/`; `registry/` is made.
        verified: task id -> whether all gates passed; of a task not named here, what the index said of it before holds,
            as long as its folder has not changed.

    Raises:
        TaskInvalid: a folder that cannot be read.
        DatasetUnavailable: a data set cannot be had, and so not be compared with the others.
    """
    before = {entry.id: entry for entry in read_index(root)}
    datasets = Datasets()
    lines, splits = [], {"train": "", "heldout": ""}
    for file in sorted((root / "envs").glob("*/task.yaml")):
        folder = load_task(file.parent)
        passed = (verified or {}).get(folder.spec.id, _was_verified(before.get(folder.spec.id), folder))
        entry = entry_of(folder, datasets.name_of(folder.spec), passed)
        lines.append(index_line(entry))
        splits[entry["split"]] += folder.spec.id + "\n"
    (root / "registry" / "splits").mkdir(parents=True, exist_ok=True)
    for split, names in splits.items():
        (root / "registry" / "splits" / f"{split}.txt").write_text(names, encoding="utf-8")
    (root / "registry" / "index.jsonl").write_text("".join(lines), encoding="utf-8")


def entry_of(folder: TaskFolder, dataset: str, verified: bool) -> dict[str, Any]:
    """The fields of one line of the index."""
    spec = folder.spec
    return {
        "id": spec.id,
        "path": f"envs/{folder.path.name}",
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
