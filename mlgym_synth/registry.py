"""The index of tasks and their Gymnasium ids. Read when `mlgym_synth` is imported, so it imports next to nothing."""

from __future__ import annotations

import difflib
import fnmatch
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from mlgym_synth.errors import TaskInvalid, TaskNotFound

NAMESPACE = "synth"


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """One line of `index.jsonl`, with `folder` resolved. What `tasks list` shows without opening a task."""

    id: str
    folder: Path
    family: str
    metric: str
    direction: str
    dataset: str
    split: str
    sha256: str
    baseline: float | None
    reference: float | None
    verified: bool

    @property
    def gym_id(self) -> str:
        """The Gymnasium id, `synth/task-0001`."""
        return f"{NAMESPACE}/{self.id}"


_entries: dict[str, TaskEntry] = {}


def shipped_root() -> Path:
    """Where `envs/` and `registry/` lie: inside the installed package, or at the top of a checkout."""
    packaged = Path(__file__).parent / "_shipped"
    return packaged if packaged.is_dir() else Path(__file__).parents[1]


def index_line(fields: dict[str, Any]) -> str:
    """One line of `index.jsonl`."""
    return json.dumps(fields, sort_keys=False) + "\n"


def read_index(root: Path) -> Iterator[TaskEntry]:
    """The tasks below `root`, as `registry/index.jsonl` lists them; no index, no tasks.

    Raises:
        TaskInvalid: a line that cannot be read; names file, line and what is wrong.
    """
    file = root / "registry" / "index.jsonl"
    if not file.is_file():
        return
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            fields = json.loads(line)
            fields["folder"] = root / fields.pop("path")
            yield TaskEntry(**fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TaskInvalid(f"{file}:{number}: {error}. Correct this line, or write the index anew.") from error


def register(directory: str | Path) -> list[str]:
    """Register the tasks below a directory that holds `registry/index.jsonl`, and return their Gymnasium ids.

    Raises:
        TaskInvalid: no index there, or an id that is taken by another folder.
    """
    root = Path(directory).resolve()
    if not (root / "registry" / "index.jsonl").is_file():
        raise TaskInvalid(f"{root}: no registry/index.jsonl. Give the folder that `synthesize --out` wrote.")
    return _add(read_index(root))


def register_shipped() -> None:
    """Register the tasks that come with this package."""
    _add(read_index(shipped_root()))


def _add(entries: Iterable[TaskEntry]) -> list[str]:
    added = []
    for entry in entries:
        known = _entries.get(entry.id)
        if known is not None and known.folder != entry.folder:
            raise TaskInvalid(f"{entry.folder}: id {entry.id!r} is taken by {known.folder}. Rename one of them.")
        _entries[entry.id] = entry
        # Straight into the registry: `gym.register` looks at all ids before it adds one, quadratic in their number.
        gym.registry[entry.gym_id] = EnvSpec(
            id=entry.gym_id,
            entry_point="mlgym_synth.env:SynthEnv",
            vector_entry_point="mlgym_synth.vector:SynthVectorEnv",
            nondeterministic=True,  # seconds enter `info`
            kwargs={"task": str(entry.folder)},
        )
        added.append(entry.gym_id)
    return added


def find(task: str) -> TaskEntry:
    """The entry of an id, `task-0001`, `synth/task-0001` or `mlgym_synth:synth/task-0001`.

    Raises:
        TaskNotFound: with the ids that are near it.
    """
    name = task.removeprefix("mlgym_synth:").removeprefix(f"{NAMESPACE}/")
    if name in _entries:
        return _entries[name]
    stem, number = _numbered(name)
    near = [known for known in _entries if _numbered(known) == (stem, number)] if number else []
    near = near or difflib.get_close_matches(name, _entries, n=3)
    hint = f"Did you mean {' or '.join(f'{NAMESPACE}/{n}' for n in near)}?" if near else "See `mlgym-synth tasks list`."
    raise TaskNotFound(f"No task {task!r} among {len(_entries)}. {hint}")


def _numbered(name: str) -> tuple[str, str]:
    """`task-001` -> (`task-`, `1`): the same for all ways to pad the number."""
    stem = name.rstrip("0123456789")
    return stem, name[len(stem) :].lstrip("0")


def select(patterns: Iterable[str] = ("*",), *, split: str = "all") -> list[TaskEntry]:
    """Entries whose id matches any of the patterns (globs with or without `synth/`), in the order of the index.

    Raises:
        TaskNotFound: a pattern that matches nothing.
    """
    chosen: dict[str, TaskEntry] = {}
    for pattern in patterns:
        glob = pattern.removeprefix("mlgym_synth:").removeprefix(f"{NAMESPACE}/")
        hits = fnmatch.filter(_entries, glob) if set(glob) & set("*?[") else [find(glob).id]
        if not hits:
            raise TaskNotFound(f"No task matches {pattern!r} among {len(_entries)}. See `mlgym-synth tasks list`.")
        chosen.update((name, _entries[name]) for name in hits)
    return [entry for name, entry in _entries.items() if name in chosen and split in ("all", entry.split)]


def make(task: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """`gym.make` for any registered task, by any form of its id.

    Raises:
        TaskNotFound: with the ids that are near it.
    """
    return gym.make(find(task).gym_id, **kwargs)
