"""Gate 10: not a copy. Near duplicates by data, what is asked of it, and the words of the statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.gates.datasets import source_name
from mlgym_synth.registry import TaskEntry
from mlgym_synth.task import InstanceData, TableData, TaskSpec

WORDS = 4
ALIKE = 0.92
"""Jaccard similarity of the statements' word runs from which on two texts are one."""
ALIKE_ON_SAME_DATA = 0.6


@dataclass(frozen=True, slots=True)
class Face:
    """What a task is compared by."""

    id: str
    dataset: str
    asked: str
    family: str
    words: frozenset[tuple[str, ...]]


def face_of(spec: TaskSpec, statement: str, dataset: str) -> Face:
    """The face of a task; `dataset` as the index names it."""
    return Face(spec.id, dataset, _asked(spec), spec.family, _runs(statement))


def copy_of(face: Face, others: Iterable[Face]) -> str | None:
    """Why the task is a copy of one of the others, or None."""
    for other in others:
        if other.id == face.id:
            continue
        same_data = other.dataset == face.dataset
        alike = _alike(face.words, other.words)
        if same_data and other.asked == face.asked and other.family == face.family:
            return f"{other.id} asks the same ({face.asked}) of the same data ({face.dataset})."
        if alike >= (ALIKE_ON_SAME_DATA if same_data and other.family == face.family else ALIKE):
            return f"its statement is {alike:.0%} that of {other.id}."
    return None


def neighbours(
    folder: TaskFolder, entries: Sequence[TaskEntry], *, of_all_collections: bool = False
) -> list[TaskEntry]:
    """The listed tasks that could be its original: on the same data, or programs of its family.

    Of a pair in one collection the later one is the copy; a task that is not listed comes after all there are.

    Args:
        folder: the task.
        entries: of one or several collections.
        of_all_collections: look into other collections too where the task is listed in one.
    """
    own = next((place for place, entry in enumerate(entries) if entry.sha256 == folder.sha256), None)
    earlier = list(entries)
    if own is not None:
        root = entries[own].root
        earlier = [entry for entry in entries[:own] if entry.root == root]
        earlier += [entry for entry in entries if of_all_collections and entry.root != root]
    dataset = _dataset_of(folder, entries)
    program = isinstance(folder.spec.data, InstanceData)
    near = (e for e in earlier if e.dataset == dataset or (program and e.family == folder.spec.family))
    return [entry for entry in near if entry.id != folder.spec.id]


def not_a_copy(folder: TaskFolder, entries: Sequence[TaskEntry], *, of_all_collections: bool = False) -> str | None:
    """Gate 10 for a task among listed ones: why it is a copy, or None. See `neighbours`.

    Raises:
        TaskInvalid: a neighbour's folder is broken.
    """
    faces = []
    for entry in neighbours(folder, entries, of_all_collections=of_all_collections):
        other = _folder(entry.folder)
        faces.append(face_of(other.spec, other.statement, entry.dataset))
    return copy_of(face_of(folder.spec, folder.statement, _dataset_of(folder, entries)), faces)


def _dataset_of(folder: TaskFolder, entries: Sequence[TaskEntry]) -> str:
    """As an index names it: by its own line, else by that of a task with the same source."""
    own = next((entry.dataset for entry in entries if entry.sha256 == folder.sha256), None)
    source = source_name(folder.spec)
    if own is not None or isinstance(folder.spec.data, InstanceData):
        return own or source
    ours = (entry for entry in entries if not entry.opener)
    same = (entry.dataset for entry in ours if source_name(_folder(entry.folder).spec) == source)
    return next(same, source)


@lru_cache(maxsize=2048)
def _folder(path: Path) -> TaskFolder:
    return load_task(path)


def _asked(spec: TaskSpec) -> str:
    if isinstance(spec.data, TableData):
        return spec.data.target
    if isinstance(spec.data, InstanceData):
        return f"{spec.data.referee} {sorted(spec.data.parameters.items())}"
    return ",".join(spec.data.hidden)


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9']+", text.lower())
    return frozenset(tuple(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1))


def _alike(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    if not one or not other or min(len(one), len(other)) < ALIKE_ON_SAME_DATA * max(len(one), len(other)):
        return 0.0
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
