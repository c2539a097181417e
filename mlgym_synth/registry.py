"""The index of tasks and their Gymnasium ids. Read when `mlgym_synth` is imported, so it imports next to nothing.

An index is one JSON object a line. Only ids are read up front; a line is parsed when its task is asked for, so that an
index of 100,000 costs what is used of it.
"""

from __future__ import annotations

import fnmatch
import importlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from mlgym_synth.errors import TaskInvalid, TaskNotFound
from mlgym_synth.ids import NAMESPACE, SUITES, bare, gym_id, hint, is_glob

GYM_IDS_AT_ONCE = 10_000
"""An index of at most so many tasks is put into Gymnasium's registry when it is read; of a larger one, each task when
`make` opens it."""

PIECE = 1 << 16
"""Bytes that are turned into lower case at a time."""

_LINE = re.compile(rb'^\{"id": "([^"\\\x80-\xff]+)", .*\}$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """One line of `index.jsonl`, and the root it was found below. What `tasks list` shows without opening a task."""

    id: str
    path: str
    family: str
    metric: str
    direction: str
    dataset: str
    split: str
    sha256: str
    baseline: float | None
    reference: float | None
    verified: bool
    root: Path
    opener: str = ""
    """Tasks of other suites: `module:function` that takes this entry and opens it. A folder of ours has none."""

    @property
    def folder(self) -> Path:
        """The task's folder."""
        return self.root / self.path

    @property
    def address(self) -> str:
        """What `SynthEnv` takes: the folder of a task of ours, the id of one of another suite."""
        return self.id if self.opener else str(self.folder)

    @property
    def gym_id(self) -> str:
        """The Gymnasium id, `synth/task-0001`; one of another suite, `mlgym/blotto`, is its own."""
        return gym_id(self.id)


class _Index:
    """One `registry/index.jsonl`: its ids at once, its lines when they are asked for.

    Args:
        root: what paths are relative to.
        text: the index of a suite that has no such file.
        absent: tasks of that suite that cannot be played here, and why.

    Raises:
        TaskInvalid: a line that cannot be read (names file and line), or an id that occurs twice.
    """

    def __init__(self, root: Path, text: str | None = None, absent: Mapping[str, str] | None = None) -> None:
        self.root, self.file = root, root / "registry" / "index.jsonl" if text is None else root
        self.absent = dict(absent or {})
        if text is not None:
            self._text = text.encode()
        else:
            self._text = self.file.read_bytes() if self.file.is_file() else b""
        names = _LINE.findall(self._text)
        if len(names) != self._text.count(b"\n") or self._text[-1:] not in (b"", b"\n"):
            # Broken, or not as `index_line` writes it: parsed now, to name the line or to put it right.
            lines = enumerate(self._text.splitlines(), 1)
            self._text = b"".join(self._rewritten(line, number) for number, line in lines)
            names = _LINE.findall(self._text)
        self.names: list[str] = b"\n".join(names).decode().split("\n") if names else []
        if len(set(self.names)) < len(self.names):
            twice = next(name for name, times in Counter(self.names).items() if times > 1)
            number = self.names.index(twice, self.names.index(twice) + 1) + 1
            raise TaskInvalid(f"{self.file}:{number}: id {twice!r} occurs twice. Remove one of the lines.")

    def lines(self, part: str = "", any_case: bool = False) -> Iterator[bytes]:
        """Every line that holds this text, in the order of the file."""
        end = -1
        for at in self._places(part.lower().encode(), lowered=True) if any_case else self._places(part.encode()):
            if at > end:  # else it is in the line that was the last
                end = self._text.index(b"\n", at)
                yield self._text[self._text.rfind(b"\n", 0, at) + 1 : end]

    def _places(self, needle: bytes, lowered: bool = False) -> Iterator[int]:
        """Where this text begins; lower case is made piece by piece, since that of a whole index takes long."""
        text, size = self._text, PIECE if lowered else max(1, len(self._text))
        for start in range(0, len(text), size):
            piece = text[start : start + size + len(needle)].lower() if lowered else text
            at = piece.find(needle)
            while 0 <= at < len(piece):
                yield start + at
                # The empty text is everywhere: once a line will do.
                at = piece.find(needle, at + 1) if needle else piece.index(b"\n", at) + 1

    def find(self, name: str) -> TaskEntry | None:
        """The entry of an id, if there is one."""
        line = next(self.lines(f'{{"id": {json.dumps(name)}, '), None)
        return None if line is None else self.entry(line)

    def entry(self, line: bytes) -> TaskEntry:
        """The entry that a line holds.

        Raises:
            TaskInvalid: it holds none.
        """
        try:
            return TaskEntry(root=self.root, **self._fields(line))
        except TypeError as error:
            raise self._invalid(line, error) from error

    def _rewritten(self, line: bytes, number: int) -> bytes:
        rewritten = index_line(self._fields(line, number)).encode()
        if _LINE.match(rewritten) is None:
            raise self._invalid(line, ValueError("no id in plain letters, or nothing beside it"), number)
        return rewritten

    def _fields(self, line: bytes, number: int | None = None) -> dict[str, Any]:
        try:
            fields = json.loads(line)
            return {"id": fields.pop("id"), **fields}
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise self._invalid(line, error, number) from error

    def _invalid(self, line: bytes, error: Exception, number: int | None = None) -> TaskInvalid:
        number = number or self._text[: self._text.index(line)].count(b"\n") + 1
        how = f"Remove this line; if it was a task's, `mlgym-synth verify --record {self.root}/envs/ID` writes it anew."
        if self.root == shipped_root():
            how = "Get the file back with `git checkout`, or install the package again."
        return TaskInvalid(f"{self.file}:{number}: {error}. {how}")


_indexes: dict[Path, _Index] = {}


def shipped_root() -> Path:
    """Where `envs/` and `registry/` lie: inside the installed package, or at the top of a checkout."""
    packaged = Path(__file__).parent / "_shipped"
    return packaged if packaged.is_dir() else Path(__file__).parents[1]


def index_line(fields: dict[str, Any]) -> str:
    """One line of `index.jsonl`; `fields` begin with `id`."""
    return json.dumps(fields, sort_keys=False) + "\n"


def read_index(root: Path) -> Iterator[TaskEntry]:
    """The tasks below `root`, as `registry/index.jsonl` lists them; no index, no tasks.

    Raises:
        TaskInvalid: a line that cannot be read, or an id that occurs twice; names file and line.
    """
    index = _Index(root)
    yield from map(index.entry, index.lines())


def register(directory: str | Path) -> list[str]:
    """Register the tasks below a directory that holds `registry/index.jsonl`, and return their Gymnasium ids.

    Of an index of more than `GYM_IDS_AT_ONCE` tasks, `gym.make` knows those that `mlgym_synth.make` has opened.

    Raises:
        TaskInvalid: no index there, or an id that is taken by another folder.
    """
    root = Path(directory).resolve()
    if not (root / "registry" / "index.jsonl").is_file():
        raise TaskInvalid(f"{root}: no registry/index.jsonl. Give the folder that `synthesize --out` wrote.")
    return _add(_Index(root))


def registered_roots() -> list[Path]:
    """The folders whose tasks are registered, the shipped ones first."""
    return list(_indexes)


def unregister(directory: str | Path) -> None:
    """Forget the tasks below a directory; one that is not registered is no error."""
    index = _indexes.pop(Path(directory).resolve(), None)
    for name in index.names if index is not None else ():
        gym.registry.pop(gym_id(name), None)


def register_suite(root: Path, entries: Iterable[Mapping[str, Any]], absent: Mapping[str, str]) -> list[str]:
    """Register tasks that are not folders of ours, and return their Gymnasium ids; what `root` gave before is gone.

    Args:
        root: where the suite lies; `TaskEntry.root` of all of them.
        entries: the other fields of `TaskEntry`, `opener` among them; ids begin with the suite's name and a slash.
        absent: ids that cannot be played here, and why: `find` says so.

    Raises:
        TaskInvalid: an id that is taken.
    """
    unregister(root)
    return _add(_Index(root.resolve(), "".join(index_line(dict(entry)) for entry in entries), absent))


def register_from(suite: str, root: str | Path) -> None:
    """Register what a folder holds of a suite by its name; a process that starts fresh calls it.

    Raises:
        TaskInvalid: nothing of that suite is there.
    """
    module, _, function = SUITES[suite].partition(":")
    getattr(importlib.import_module(module), function)(root)


def register_shipped() -> None:
    """Register the tasks that come with this package."""
    _add(_Index(shipped_root()))


def _add(index: _Index) -> list[str]:
    for other in _indexes.values():
        if other.root != index.root and (taken := set(other.names).intersection(index.names)):
            name = min(taken)
            raise TaskInvalid(
                f"{index.file}: id {name!r} is taken by {other.file}. Make the tasks of one of the two with other ids, "
                "`mlgym-synth synthesize --prefix NAME`. Of tasks by hand, rename the folders and the id in task.yaml, "
                "then `mlgym-synth verify --record FOLDER ...` writes the index."
            )
    _indexes[index.root] = index
    if len(index.names) <= GYM_IDS_AT_ONCE:
        for name in index.names:
            _tell_gymnasium(name)
    return [gym_id(name) for name in index.names]


def _tell_gymnasium(name: str) -> None:
    # Straight into the registry: `gym.register` looks at all ids before it adds one, quadratic in their number.
    gym.registry[gym_id(name)] = EnvSpec(
        id=gym_id(name),
        entry_point="mlgym_synth.env:SynthEnv",
        vector_entry_point="mlgym_synth.vector:SynthVectorEnv",
        nondeterministic=True,  # seconds enter `info`
        kwargs={"task": gym_id(name)},  # not the bare id, since a folder of that name may lie here
    )


def find(task: str) -> TaskEntry:
    """The entry of an id, `task-0001`, `synth/task-0001` or `mlgym_synth:synth/task-0001`.

    Raises:
        TaskNotFound: with the ids that are near it.
    """
    name = bare(task)
    for index in _indexes.values():
        if (entry := index.find(name)) is not None:
            return entry
        if name in index.absent:
            raise TaskNotFound(f"{name} cannot be played here: {index.absent[name]}")
    raise TaskNotFound(f"No task {task!r} among {count()}. {hint(name, _names())}")


def count() -> int:
    """How many tasks are registered."""
    return sum(len(index.names) for index in _indexes.values())


def _names() -> list[str]:
    return [name for index in _indexes.values() for name in index.names]


def select(
    patterns: Iterable[str] = ("*",),
    *,
    split: str = "all",
    family: str | Iterable[str] = (),
    metric: str | None = None,
    dataset: str | None = None,
    limit: int | None = None,
    first: str | Path | None = None,
) -> list[TaskEntry]:
    """Entries that match, in the order of the index, and of indexes in the order they were registered in.

    Args:
        patterns: ids, or globs of them, with or without `synth/`; any of them. `synth/*` is all of ours, `*` all.
        split: `train`, `heldout` or `all`.
        family: any of these; all if empty.
        metric: only this one.
        dataset: a part of the data set's name, in any case.
        limit: the first so many.
        first: a registered folder whose tasks come before all others.

    Raises:
        TaskNotFound: a pattern that matches no id.
    """
    families = [family] if isinstance(family, str) else list(family)
    wanted = {"family": families, "metric": [metric] if metric else [], "split": [] if split == "all" else [split]}
    wanted = {name: values for name, values in wanted.items() if values}
    chosen = _chosen(patterns)
    # What stands in the line of every task that matches: only such lines are parsed.
    needles = [[f'"{name}": {json.dumps(value)}'.encode() for value in values] for name, values in wanted.items()]
    narrowest = next((either[0] for either in needles if len(either) == 1), b"")
    found: list[TaskEntry] = []
    leading = None if first is None else Path(first).resolve()
    for index in sorted(_indexes.values(), key=lambda index: index.root != leading):
        for line in index.lines(dataset, any_case=True) if dataset else index.lines(narrowest.decode()):
            if not all(any(needle in line for needle in either) for either in needles):
                continue
            if chosen is not None and _id_in(line) not in chosen:
                continue
            entry = index.entry(line)
            if any(getattr(entry, name) not in values for name, values in wanted.items()):
                continue
            if (dataset or "").lower() in entry.dataset.lower():
                found.append(entry)
            if len(found) == limit:
                return found
    return found


def _id_in(line: bytes) -> str:
    start = len(b'{"id": "')
    return line[start : line.index(b'"', start)].decode()


def _chosen(patterns: Iterable[str]) -> set[str] | None:
    """The ids that any of the patterns matches; None for all."""
    patterns = list(patterns)
    others = any("/" in name for index in _indexes.values() for name in index.names[:1])
    if "*" in patterns or (not others and f"{NAMESPACE}/*" in patterns):
        return None
    chosen: set[str] = set()
    for pattern in patterns:
        glob = bare(pattern)
        hits = _matches(glob, ours=glob != pattern) if is_glob(glob) else [find(glob).id]
        if not hits:
            raise TaskNotFound(f"No task matches {pattern!r} among {count()}. {hint(glob, _names())}")
        chosen.update(hits)
    return chosen


def _matches(glob: str, ours: bool) -> list[str]:
    """Ids that match; with `ours`, none of another suite."""
    names = [name for index in _indexes.values() for name in fnmatch.filter(index.names, glob)]
    return [name for name in names if not ours or "/" not in name]


def make(task: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """`gym.make` for any registered task, by any form of its id.

    Raises:
        TaskNotFound: with the ids that are near it.
    """
    entry = find(task)
    if entry.gym_id not in gym.registry:
        _tell_gymnasium(entry.id)
    return gym.make(entry.gym_id, **kwargs)
