"""A task's folder on disk: `task.yaml`, the statement, the workspace, the solution. Read, hashed and written here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mlgym_synth.errors import TaskInvalid
from mlgym_synth.task import TaskSpec

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class TaskFolder:
    """One task on disk; cheap to make, every file is read when asked for."""

    path: Path
    spec: TaskSpec

    @cached_property
    def statement(self) -> str:
        """The text an agent gets (`README.md`)."""
        return _read_text(self.path / "README.md")

    @cached_property
    def workspace(self) -> dict[str, bytes]:
        """Files the agent finds at reset, besides the data: relative path -> content."""
        return _read_tree(self.path / "workspace")

    @cached_property
    def solution(self) -> dict[str, bytes]:
        """The reference solution; it runs as `python solution.py` in a workspace, and never enters an agent's."""
        return _read_tree(self.path / "solution")

    @cached_property
    def grader(self) -> dict[str, bytes]:
        """The task's own evaluator, where it has one; runs in a grader sandbox and never enters an agent's."""
        return _read_tree(self.path / "grader")

    @cached_property
    def sha256(self) -> str:
        """Of all files of the folder, names and contents."""
        digest = hashlib.sha256()
        for name, content in sorted(_read_tree(self.path).items()):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()


def load_task(path: Path | str) -> TaskFolder:
    """Read a task's folder.

    Raises:
        TaskInvalid: no `task.yaml`, no YAML, or fields that break the format; names file, field and fix.
    """
    folder = Path(path)
    file = folder / "task.yaml"
    try:
        fields = yaml.load(_read_text(file), Loader=_Loader)
    except yaml.YAMLError as error:
        raise TaskInvalid(f"{file}: not YAML: {' '.join(str(error).split())}. Fix the syntax at that line.") from error
    if not isinstance(fields, dict):
        raise TaskInvalid(f"{file}: holds {type(fields).__name__}, not a mapping of fields. Start it with `id: ...`.")
    spec = parse_spec(fields, file, folder)
    if spec.id != folder.resolve().name:
        raise TaskInvalid(f"{file}: id: is {spec.id!r}, but the folder is {folder.name!r}. Make them equal.")
    return TaskFolder(folder, spec)


def parse_spec(fields: dict[str, Any], file: Path | str, folder: Path | None = None) -> TaskSpec:
    """Validate the fields of a `task.yaml`; `file` is what messages name, `folder` where the task's own data is."""
    try:
        return TaskSpec.model_validate(fields, context=None if folder is None else {"folder": folder})
    except ValidationError as error:
        raise TaskInvalid("\n".join(_explain(file, item) for item in error.errors())) from error


def dump_spec(spec: TaskSpec) -> str:
    """The text of `task.yaml`: fields in the order of `TaskSpec`, defaults left out."""
    fields = spec.model_dump(mode="json", exclude_defaults=True)
    for part in ("data", "submission"):  # the discriminators are defaults, and must stay
        fields[part] = {"kind": getattr(spec, part).kind, **fields[part]}
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=110)


def _explain(file: Path | str, item: Any) -> str:
    field = ".".join(str(part) for part in item["loc"]) or "(whole file)"
    if item["type"] == "extra_forbidden":
        return f"{file}: {field}: no such field. Remove it or check its spelling."
    if item["type"] == "missing":
        return f"{file}: {field}: missing. Add it."
    shown = repr(item["input"])
    given = f" (it is {shown if len(shown) <= 80 else shown[:77] + '...'})" if item["loc"] else ""
    return f"{file}: {field}: {item['msg']}{given}. Correct this value."


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TaskInvalid(f"{file}: missing. Every task has this file.") from None
    except UnicodeDecodeError as error:
        raise TaskInvalid(f"{file}: not UTF-8 at byte {error.start}. Save it as UTF-8.") from error


def _read_tree(root: Path) -> dict[str, bytes]:
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }


def main() -> None:
    """Write the JSON schema of `task.yaml` beside this module: `python -m mlgym_synth.folder`."""
    schema = json.dumps(TaskSpec.model_json_schema(), indent=1)
    Path(__file__).with_name("task.schema.json").write_text(schema + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
