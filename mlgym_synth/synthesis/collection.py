"""The folder that tasks go into: numbers them, keeps copies out, writes folders whole and the index beside them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.gates.copies import Face, copy_of, face_of
from mlgym_synth.gates.datasets import split_of
from mlgym_synth.gates.index import entry_of, known_datasets, write_index
from mlgym_synth.gates.kept import judge_of, keep
from mlgym_synth.registry import index_line, read_index, shipped_root
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.examine import Examined
from mlgym_synth.synthesis.ledger import accounts
from mlgym_synth.task import InstanceData

OWN = "own"
"""What ids begin with where nothing else is said: the shipped tasks are called `task-`, and no two may share an id."""


def _withheld_programs() -> list[Face]:
    """The shipped held-out tasks whose instances are drawn: of these a data set's name says the seed, and no more."""
    entries = [entry for entry in read_index(shipped_root()) if entry.split == "heldout"]
    folders = [(entry, load_task(entry.folder)) for entry in entries]
    return [
        face_of(folder.spec, folder.statement, entry.dataset)
        for entry, folder in folders
        if isinstance(folder.spec.data, InstanceData)
    ]


class Collection:
    """`envs/` and `registry/` below one folder, while a run adds to them.

    Args:
        out: the folder; made if missing.
        sandbox: the backend that verdicts are from.
        prefix: what ids begin with.

    Raises:
        TaskInvalid: a task that lies there cannot be read.
        DatasetUnavailable: its data cannot be had, and so not be compared.
    """

    def __init__(self, out: Path, sandbox: str, prefix: str = OWN) -> None:
        self._out, self._sandbox, self._prefix = out, sandbox, prefix
        self._faces: list[Face] = []
        (out / "envs").mkdir(parents=True, exist_ok=True)
        (out / "registry" / "splits").mkdir(parents=True, exist_ok=True)
        for split in ("train", "heldout"):
            (out / "registry" / "splits" / f"{split}.txt").touch()
        folders = [load_task(file.parent) for file in sorted((out / "envs").glob("[!.]*/task.yaml"))]
        if {folder.spec.id: folder.sha256 for folder in folders} != {e.id: e.sha256 for e in read_index(out)}:
            write_index(out)  # a run was killed between a line and its folder, or a folder is somebody's own
        self._datasets = known_datasets(out)
        for folder in folders:
            self._faces.append(face_of(folder.spec, folder.statement, self._datasets.name_of(folder.spec)))
        self._withheld = [] if out.resolve() == shipped_root() else _withheld_programs()
        numbered = re.compile(rf"{re.escape(prefix)}-(\d+)")
        # Another run of this collection may have decided on a task whose folder it has still to write.
        decided = [settled.task_id for account in accounts(out) for settled in account.candidates if settled.task_id]
        ids = [*(face.id for face in self._faces), *decided]
        self._next = max((int(match[1]) for each in ids if (match := numbered.fullmatch(each))), default=0) + 1

    def __contains__(self, task_id: str) -> bool:
        return (self._out / "envs" / task_id / "task.yaml").is_file()

    def next_id(self) -> str:
        """The id that the next task gets: no holes."""
        return f"{self._prefix}-{self._next:04d}"

    def copy_in(self, files: dict[str, str]) -> str | None:
        """Why a task with these files would be a copy of one that is there (gate 10), or None.

        One that has a part of the training data and a part of what is held out is none of either; nor may a train task
        ask for a program that a held-out task which comes with this package asks for, with whatever instances.
        """
        draft = Draft.of(files)
        face = face_of(draft.spec, draft.statement, self._datasets.name_of(draft.spec))
        others = self._faces if split_of(face.dataset) == "heldout" else [*self._faces, *self._withheld]
        return copy_of(face, others) or self._datasets.across(draft.spec)

    def dataset_of(self, files: dict[str, str]) -> str:
        """The name of the task's data set, equal to that of every task which shares data."""
        return self._datasets.name_of(Draft.of(files).spec)

    def add(self, task_id: str, examined: Examined) -> TaskFolder:
        """Write a task's folder, whole or not at all, its line of the index, and its verdict into the cache."""
        scratch = self._out / "envs" / ".tmp" / task_id
        shutil.rmtree(scratch.parent, ignore_errors=True)
        for name, text in Draft.of(examined.files).files(task_id).items():
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self._list(load_task(scratch))  # before the folder: a line without one is taken back, and the task added again
        target = self._out / "envs" / task_id
        scratch.replace(target)
        scratch.parent.rmdir()
        folder = load_task(target)
        dataset = self._datasets.name_of(folder.spec)
        self._faces.append(face_of(folder.spec, folder.statement, dataset))
        self._next = max(self._next, int(task_id.removeprefix(f"{self._prefix}-")) + 1)
        if examined.judge == judge_of(folder.spec, self._sandbox):  # else it is of a run before code or backend changed
            keep(examined.verdict(task_id, folder.sha256), folder, self._sandbox)
        return folder

    def _list(self, folder: TaskFolder) -> None:
        entry = entry_of(folder, self._datasets.add(folder.spec), verified=True)
        with (self._out / "registry" / "index.jsonl").open("a", encoding="utf-8") as index:
            index.write(index_line(entry))
        with (self._out / "registry" / "splits" / f"{entry['split']}.txt").open("a", encoding="utf-8") as names:
            names.write(folder.spec.id + "\n")
