"""The forms of a task's id, and what to say of one that nobody knows. Imports next to nothing, as the registry."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

NAMESPACE = "synth"
SUITES = {"mlgym": "mlgym_synth.evaluation.mlgym:register"}
"""Suites of others: the function that registers what a folder holds of one."""

MOST_COMPARED = 10_000
"""So many ids are looked at for one that is spelled alike."""

_WHERE_LISTED = "See `mlgym-synth tasks list`."
_WHERE_OWN = "Tasks of your own are found with --registry DIR (in Python after `mlgym_synth.register(DIR)`)."
_WHERE_SUITES = (
    "Tasks of that suite are in a checkout of MLGym: `rollout` and `benchmark` take it as --mlgym-root PATH, "
    "`tasks list --suite mlgym --mlgym-root PATH` shows it, Python has mlgym_synth.evaluation.mlgym.register."
)


def bare(name: str) -> str:
    """`task-0001` of `synth/task-0001` and `mlgym_synth:synth/task-0001`."""
    return name.removeprefix("mlgym_synth:").removeprefix(f"{NAMESPACE}/")


def gym_id(name: str) -> str:
    """The Gymnasium id of a bare one; one of another suite, `mlgym/blotto`, is its own."""
    return name if "/" in name else f"{NAMESPACE}/{name}"


def is_glob(name: str) -> bool:
    """Whether it may match many ids."""
    return bool(set(name) & set("*?["))


def hint(name: str, known: Sequence[str]) -> str:
    """How to come to what may have been meant by a bare id or a glob that is not among the known ones."""
    if _is_path(name):
        return _of_path(name)
    near = [] if is_glob(name) else _near(name, known)
    if not near and name.partition("/")[0] in SUITES:
        return _WHERE_SUITES
    first = f"Did you mean {' or '.join(map(gym_id, near))}?" if near else _WHERE_LISTED
    return first if any(other.startswith(_numbered(name)[0]) for other in near) else f"{first} {_WHERE_OWN}"


def _near(name: str, known: Sequence[str]) -> list[str]:
    stem, number = _numbered(name)
    same = [other for other in known if other.startswith(stem) and _numbered(other) == (stem, number)] if number else []
    return same or difflib.get_close_matches(name, known[:MOST_COMPARED], n=3)


def _numbered(name: str) -> tuple[str, str]:
    """`task-001` -> (`task-`, `1`): the same for all ways to pad the number."""
    stem = name.rstrip("0123456789")
    return stem, name[len(stem) :].lstrip("0")


def _is_path(name: str) -> bool:
    first, slash, _ = name.partition("/")
    if slash or name in (".", ".."):
        return first not in SUITES and not is_glob(first)
    return any((Path(name) / inside).is_file() for inside in ("task.yaml", "registry/index.jsonl"))


def _of_path(name: str) -> str:
    folder = Path(name)
    if (folder / "registry" / "index.jsonl").is_file():
        return f"That folder holds many tasks: give --registry {name}, and which of its ids."
    if (folder / "task.yaml").is_file():
        return (
            "That is a task's folder: `demo` and `verify` take it, others take ids (of one's own with --registry DIR)."
        )
    if folder.is_dir():
        return "That folder holds no task.yaml. Give the folder of one task, or an id of `mlgym-synth tasks list`."
    if folder.exists():
        return "That is a file. Give the folder that holds the task.yaml."
    return "There is no such folder. Give one that holds a task.yaml, or an id of `mlgym-synth tasks list`."
