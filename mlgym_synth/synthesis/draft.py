"""A task as its author wrote it: complete files, nothing measured, and no id but `draft`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mlgym_synth.folder import TaskFolder, dump_spec, load_task, parse_spec
from mlgym_synth.task import TaskSpec


class Unsuitable(Exception):
    """The data cannot carry the task that was proposed; the message says what is missing."""


@dataclass(frozen=True)
class Draft:
    """What every author makes: the same files as a task's folder, as text.

    Attributes:
        spec: the task; `id` is a placeholder, `data.sha256`, `baseline` and `reference` are not known yet.
        statement: `README.md`.
        workspace: file name -> text; has `baseline.py`.
        solution: file name -> text; has `solution.py`.
        grader: file name -> text; `evaluate.py` where no declared metric does.
    """

    spec: TaskSpec
    statement: str
    workspace: Mapping[str, str]
    solution: Mapping[str, str]
    grader: Mapping[str, str] = field(default_factory=dict)

    def files(self, task_id: str) -> dict[str, str]:
        """Path inside the task's folder -> text, with the id it is to have."""
        made = {"task.yaml": dump_spec(self.spec.model_copy(update={"id": task_id})), "README.md": self.statement}
        for folder in ("workspace", "solution", "grader"):
            made |= {f"{folder}/{name}": text for name, text in getattr(self, folder).items()}
        return made

    def write(self, folder: Path) -> TaskFolder:
        """Write the files; what was in the folder is gone. The folder's name becomes the id."""
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in self.files(folder.name).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_task(folder)

    def dumps(self) -> str:
        """The draft as JSON, for the ledger."""
        return json.dumps(self.files("draft"), ensure_ascii=False)

    @classmethod
    def loads(cls, text: str) -> Draft:
        """The inverse of `dumps`.

        Raises:
            TaskInvalid: `task.yaml` breaks the format.
        """
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, files: Mapping[str, str]) -> Draft:
        """The draft that these files are; the inverse of `files`.

        Raises:
            TaskInvalid: `task.yaml` breaks the format.
        """
        parts: dict[str, dict[str, str]] = {"workspace": {}, "solution": {}, "grader": {}}
        for name, content in files.items():
            room, _, rest = name.partition("/")
            if room in parts:
                parts[room][rest] = content
        return cls(parse_spec(yaml.safe_load(files["task.yaml"]), "draft"), files["README.md"], **parts)
