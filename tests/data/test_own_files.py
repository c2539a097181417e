"""A table in the task's own folder: found there and nowhere else, known by its content, never served stale."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from sklearn.datasets import load_diabetes

from mlgym_synth.data.packaged import load_frame
from mlgym_synth.data.sketch import sketch_of
from mlgym_synth.data.store import prepare
from mlgym_synth.errors import DatasetUnavailable, TaskInvalid
from mlgym_synth.folder import dump_spec, load_task, parse_spec
from mlgym_synth.gates.datasets import Datasets, source_name
from mlgym_synth.task import Source
from tests.data.specs import spec_of, table

ITEM = "data/patients.csv"


def patients() -> pd.DataFrame:
    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return frame


def a_task(folder: Path, frame: pd.DataFrame | None = None, item: str = ITEM) -> Path:
    """A task's folder on a table of its own."""
    spec = spec_of(table(Source(package="file", item=item), "target")).model_copy(update={"id": folder.name})
    file = folder / item
    file.parent.mkdir(parents=True)
    (folder / "task.yaml").write_text(dump_spec(spec))
    frame = patients() if frame is None else frame
    frame.to_csv(file, index=False) if item.endswith(".csv") else frame.to_parquet(file)
    return folder


@pytest.mark.parametrize("item", [ITEM, "data/deeper/patients.parquet"])
def test_it_is_read_from_the_folder(tmp_path: Path, item: str) -> None:
    source = load_task(a_task(tmp_path / "mine", item=item)).spec.data.source
    assert source is not None
    pd.testing.assert_frame_equal(load_frame(source), patients())


def test_yaml_keeps_no_path_of_this_machine(tmp_path: Path) -> None:
    folder = load_task(a_task(tmp_path / "mine"))
    assert str(tmp_path) not in dump_spec(folder.spec)
    assert parse_spec(yaml.safe_load(dump_spec(folder.spec)), "again", folder.path) == folder.spec


def test_another_content_is_another_preparation(tmp_path: Path, cache: Path) -> None:
    folder = a_task(tmp_path / "mine")
    before = prepare(load_task(folder).spec)
    patients().sample(frac=1, random_state=0).to_csv(folder / ITEM, index=False)
    assert prepare(load_task(folder).spec).sha256 != before.sha256

    spec = load_task(folder).spec
    pinned = spec.model_copy(update={"data": spec.data.model_copy(update={"sha256": before.sha256})})
    with pytest.raises(DatasetUnavailable, match="verify --record"):
        prepare(pinned)


def test_two_tables_of_one_name_are_two_data_sets(tmp_path: Path, cache: Path) -> None:
    one = load_task(a_task(tmp_path / "one")).spec
    noise = patients().apply(lambda column: column.sample(frac=1, random_state=1).to_numpy() * 1.37 + 0.011)
    other = load_task(a_task(tmp_path / "other", noise)).spec
    again = load_task(a_task(tmp_path / "again", item="data/renamed.csv")).spec
    datasets = Datasets()
    assert datasets.add(one).startswith("file:data/patients.csv@")
    assert source_name(one) != source_name(other)
    assert datasets.name_of(other) != datasets.name_of(one)
    assert datasets.name_of(again) == datasets.name_of(one)
    assert one.data.source is not None
    assert other.data.source is not None
    assert sketch_of(one.data.source) != sketch_of(other.data.source)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    folder = a_task(tmp_path / "mine")
    (folder / ITEM).unlink()
    with pytest.raises(DatasetUnavailable, match=r"mine/data/patients\.csv is missing\. Put the task's table there"):
        prepare(load_task(folder).spec)
    with pytest.raises(DatasetUnavailable, match="not read from one"):
        load_frame(Source(package="file", item=ITEM))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00a", b'a,b\n1,2,3,"'])
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    folder = a_task(tmp_path / "mine")
    (folder / ITEM).write_bytes(content)
    with pytest.raises(DatasetUnavailable, match=r"patients\.csv cannot be read \(.+\)\. Save it as UTF-8 CSV"):
        prepare(load_task(folder).spec)


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_link_out_of_the_task_is_refused(tmp_path: Path, linked: str) -> None:
    folder, secret = a_task(tmp_path / "mine"), tmp_path / "elsewhere" / "patients.csv"
    secret.parent.mkdir()
    patients().to_csv(secret, index=False)
    (folder / ITEM).unlink()
    if linked == "file":
        (folder / ITEM).symlink_to(secret)
    else:
        (folder / "data").rmdir()
        (folder / "data").symlink_to(secret.parent)
    with pytest.raises(DatasetUnavailable, match="link out of the task"):
        prepare(load_task(folder).spec)


@pytest.mark.parametrize(
    "item", ["patients.csv", "workspace/patients.csv", "data/../x.csv", "/data/x.csv", "data/x.pkl", "data/a+b.csv"]
)
def test_it_lies_below_data(item: str) -> None:
    with pytest.raises(ValueError, match=r"`item` is a path like `data/mine\.csv`"):
        Source(package="file", item=item)


def test_a_version_is_refused(tmp_path: Path) -> None:
    folder = a_task(tmp_path / "mine")
    text = (folder / "task.yaml").read_text()
    (folder / "task.yaml").write_text(text.replace("    package: file\n", "    package: file\n    version: '1'\n"))
    with pytest.raises(TaskInvalid, match=r"takes no `version`: `data\.sha256` pins the content"):
        load_task(folder)
