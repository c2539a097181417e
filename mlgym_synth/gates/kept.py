"""Verdicts that are kept: one holds as long as neither task nor code nor runtime, which decided it, changes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import cache
from pathlib import Path

from mlgym_synth.cache import cache_root
from mlgym_synth.folder import TaskFolder
from mlgym_synth.gates.verify import GateResult, Verdict
from mlgym_synth.sandbox.runtime import fingerprint
from mlgym_synth.task import InstanceData, TaskSpec
from mlgym_synth.whole_file import write_whole

_ROOMS = (
    "gates", "grading", "data", "sandbox", "tools",
    "briefing.py", "env.py", "episode.py", "folder.py", "limits.py", "playable.py", "task.py",
)  # fmt: skip
_NO_VERDICT = ("copies.py", "datasets.py", "index.py", "kept.py", "many.py", "sketch.py", "workers.py")
"""Who gets which task, and what is looked at anew every time: which tasks share data, which is a copy (gate 10)."""


def keep(verdict: Verdict, folder: TaskFolder, sandbox: str) -> None:
    """Put a verdict into the cache, so that `verify_many` knows it as long as neither task nor code changes."""
    write_whole(_file_of(folder, sandbox), json.dumps(dataclasses.asdict(verdict)), durable=False)


def known(folder: TaskFolder, sandbox: str) -> Verdict | None:
    """The verdict that is kept of this task as it is, under the code as it is."""
    try:
        fields = json.loads(_file_of(folder, sandbox).read_text())
        return Verdict(**{**fields, "results": tuple(GateResult(**result) for result in fields["results"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def key_of(folder: TaskFolder, sandbox: str) -> str:
    """All that decides a verdict: task, code and runtime; what holds in one backend says nothing of another."""
    return hashlib.sha256(f"{folder.sha256}{judge_of(folder.spec, sandbox)}".encode()).hexdigest()[:24]


def judge_of(spec: TaskSpec, sandbox: str) -> str:
    """What decides a verdict beside the task: backend, code and runtime."""
    source = spec.data.source
    code = _code(isinstance(spec.data, InstanceData), source is not None and source.package == "huggingface")
    return f"{sandbox}{code}{fingerprint(spec.runtime)}"


def _file_of(folder: TaskFolder, sandbox: str) -> Path:
    return cache_root() / "verified" / f"{folder.spec.id}-{key_of(folder, sandbox)}.json"


@cache
def _code(programs: bool, hub: bool) -> str:
    """Hash of the sources that decide a verdict; those of programs and of the Hub only where they have a part in it."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for room in _ROOMS:
        for file in sorted((package / room).rglob("*.py")) if (package / room).is_dir() else [package / room]:
            program, of_hub = "programs" in file.relative_to(package).parts, file.name.startswith("hub")
            if file.name not in _NO_VERDICT and (programs or not program) and (hub or not of_hub):
                digest.update(file.read_bytes())
    return digest.hexdigest()
