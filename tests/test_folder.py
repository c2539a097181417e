"""Task folders: what is read, and what a broken `task.yaml` is answered with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgym_synth import registry
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.folder import dump_spec, load_task, parse_spec
from mlgym_synth.task import TaskSpec

SHIPPED = registry.select()


@pytest.fixture
def fields() -> dict[str, Any]:
    text = (SHIPPED[0].folder / "task.yaml").read_text()
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda e: e.id)
def test_shipped_task_survives_a_round_trip(entry: registry.TaskEntry) -> None:
    folder = load_task(entry.folder)
    assert parse_spec(yaml.safe_load(dump_spec(folder.spec)), "task.yaml") == folder.spec
    assert folder.sha256 == entry.sha256, "the index is older than the folder: write it anew"
    assert "baseline.py" in folder.workspace
    assert "solution.py" in folder.solution
    assert folder.spec.submission.file not in folder.workspace


def test_spec_is_frozen(fields: dict[str, Any]) -> None:
    spec = parse_spec(fields, "task.yaml")
    with pytest.raises(ValueError, match="frozen"):
        setattr(spec, "title", "other")  # noqa: B010  # what mypy would refuse


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"familly": "x"}, r"t/task.yaml: familly: no such field"),
        ({"family": "cooking"}, r"t/task.yaml: family: Input should be 'tabular-classification'"),
        ({"max_steps": 0}, r"t/task.yaml: max_steps: .*greater than or equal to 1 \(it is 0\)"),
        ({"limits": {"memory_mib": "much"}}, r"t/task.yaml: limits.memory_mib: .*valid integer"),
        ({"metric": {"name": "vibes", "direction": "maximize"}}, r"metric.name 'vibes' is none of accuracy"),
        ({"id": "Task 1"}, r"t/task.yaml: id: "),
        ({"data": {"kind": "magic"}}, r"t/task.yaml: data: .*'magic'"),
    ],
)
def test_broken_field_is_named_with_file_and_fix(fields: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskInvalid, match=message):
        parse_spec(fields | change, "t/task.yaml")


def test_missing_field_is_named(fields: dict[str, Any]) -> None:
    del fields["licence"]
    with pytest.raises(TaskInvalid, match=r"t/task.yaml: licence: missing. Add it."):
        parse_spec(fields, "t/task.yaml")


def test_program_submission_needs_instances(fields: dict[str, Any]) -> None:
    fields["submission"] = {"kind": "program", "function": "f", "signature": "f()"}
    with pytest.raises(TaskInvalid, match="goes with data of kind `instances`"):
        parse_spec(fields, "t/task.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "task.yaml: missing"),
        ("a: [1", "not YAML"),
        ("- 1\n- 2\n", "holds list, not a mapping"),
        ("", "holds NoneType, not a mapping"),
    ],
)
def test_unreadable_file_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "task.yaml").write_text(text)
    with pytest.raises(TaskInvalid, match=message):
        load_task(tmp_path)


def test_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_bytes(b"id: \xff\n")
    with pytest.raises(TaskInvalid, match="not UTF-8 at byte 4"):
        load_task(tmp_path)


def test_folder_must_bear_the_id(tmp_path: Path, fields: dict[str, Any]) -> None:
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(fields, allow_unicode=True))
    with pytest.raises(TaskInvalid, match="Make them equal"):
        load_task(tmp_path)


def test_published_schema_is_the_code() -> None:
    published = json.loads((Path(registry.__file__).parent / "task.schema.json").read_text())
    assert published == TaskSpec.model_json_schema(), "write it anew: python -m mlgym_synth.folder"


def test_schema_refuses_unknown_fields() -> None:
    assert TaskSpec.model_json_schema()["additionalProperties"] is False
