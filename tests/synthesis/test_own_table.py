"""`mlgym-synth tasks new`: a table of one's own becomes a task that a person can read and the gates can try."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

from mlgym_synth.cli import main
from mlgym_synth.folder import load_task
from mlgym_synth.synthesis import own_table
from mlgym_synth.task import TableData


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Real patients, with a number of each that says nothing, and a text."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame.insert(0, "Patient No.", np.arange(7000, 7000 + len(frame)))
    frame["seen by"] = [f"Doctor {number} of the clinic" for number in range(len(frame))]
    frame.to_csv(tmp_path / "diabetes study.csv", index=False)
    return tmp_path / "diabetes study.csv"


def test_a_table_becomes_a_task(patients: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, words = tmp_path / "my" / "envs" / "my-0001", tmp_path / "words.yaml"
    words.write_text("bmi: body mass index in kg/m2\n")
    command = ["tasks", "new", str(folder), "--table", str(patients), "--target", "target", "--drop", "Patient No."]
    assert main([*command, "--row", "one patient", "--metric", "mae", "--meanings", str(words)]) == 0
    said = capsys.readouterr().out
    assert "tabular-regression, mae (minimize)" in said
    assert "no features (row numbers, identifiers, names, texts, or one value only): seen_by" in " ".join(said.split())
    assert f"mlgym-synth verify --record {folder}" in " ".join(said.split())

    task = load_task(folder)
    assert isinstance(task.spec.data, TableData)
    assert task.spec.data.features is not None
    assert set(task.spec.data.features) == {"age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"}
    assert (folder / "data" / "diabetes-study.csv").read_bytes() == patients.read_bytes()
    assert "`bmi`: body mass index in kg/m2" in task.statement
    assert "one patient" in task.statement
    assert str(tmp_path) not in (folder / "task.yaml").read_text()
    assert [path.name for path in folder.parent.iterdir()] == ["my-0001"]

    assert main(command) == 2
    assert "is there already. Name another folder, or remove it." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--target": "weight"}, "diabetes study.csv has no column 'weight'"),
        ({"--drop": "weight"}, "drop: no column 'weight'; there are Patient No., age, sex"),
        ({"--metric": "f1"}, "metric: f1 does not suit target. Take one of mae, r2, rmse"),
        ({"--target": "seen by"}, "classes, the rarest with 1 rows"),
        ({"--table": "nowhere.csv"}, "nowhere.csv: no such file. Name a CSV or parquet file."),
        ({"--group": "sex", "--time": "age"}, "group and time: the split can respect one of them"),
        ({"--target": "seen by", "--task": "regression"}, "task: seen by holds text, and a regression needs numbers"),
    ],
)
def test_what_cannot_be_made_is_told_and_leaves_nothing(
    change: dict[str, str], message: str, patients: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"--table": str(patients), "--target": "target", **change}
    command = ["tasks", "new", str(tmp_path / "envs" / "my-0001"), *(part for pair in options.items() for part in pair)]
    assert main(command) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "envs").exists() or not list((tmp_path / "envs").iterdir())


def made_of(table: pd.DataFrame | str, tmp_path: Path, *options: str) -> int:
    """The exit code of `tasks new` with this table, whose target is `y`."""
    file = tmp_path / "table.csv"
    file.write_text(table) if isinstance(table, str) else table.to_csv(file, index=False)
    command = ["tasks", "new", str(tmp_path / "envs" / "my-0001"), "--table", str(file), "--target", "y"]
    return main([*command, *options])


def measured(rows: int = 400) -> pd.DataFrame:
    """Two measurements, and a number that follows from them; in the order of that number."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"length": rng.normal(size=rows), "width": rng.normal(size=rows)})
    frame["y"] = frame["length"] ** 2 + frame["width"] + 0.3 * rng.normal(size=rows)
    return frame.sort_values("y", ignore_index=True)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("length,width,y\n" + "1,10,20,30\n" * 300, "rows have more fields than the header"),
        ("length,length ,y\n" + "1,2,3\n" * 300, "two columns are called 'length', blanks at the ends apart"),
    ],
)
def test_what_would_be_read_wrongly_is_refused(
    table: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made_of(table, tmp_path) == 2
    assert message in capsys.readouterr().err


def test_the_index_of_a_table_is_no_feature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = measured().reset_index().rename(columns={"index": "Unnamed: 0"})
    assert made_of(frame, tmp_path, "--metric", "rmse") == 0
    assert "no features (row numbers, identifiers, names, texts, or one value only): Unnamed_0" in " ".join(
        capsys.readouterr().out.split()
    )
    data = load_task(tmp_path / "envs" / "my-0001").spec.data
    assert isinstance(data, TableData)
    assert data.features == ("length", "width")


def test_rows_that_lose_their_target_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = measured(600)
    frame["y"] = np.where(frame["y"] > 1, "severe", "mild")
    frame.loc[::3, "y"] = "None"
    assert made_of(frame, tmp_path, "--metric", "roc_auc") == 0
    assert "rows left out: 200 (no y: empty, or a word" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("%m/%d/%Y", "time: when holds '01/01/2018', which does not sort by time. Write dates as 2020-12-31"),
        ("%d.%m.%Y", "which does not sort by time"),
        ("%Y", None),
        ("%Y-%m-%d", None),
        ("%Y-%m-%dT%H:%M:%SZ", None),
    ],
)
def test_times_have_to_sort_by_time(
    form: str, message: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = measured().sample(frac=1, random_state=0, ignore_index=True)
    frame["when"] = pd.date_range("2018-01-01", periods=len(frame), freq="3D").strftime(form)
    assert made_of(frame, tmp_path, "--time", "when", "--metric", "rmse") == (2 if message else 0)
    if message:
        assert message in " ".join(capsys.readouterr().err.split())


def test_times_of_two_forms_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = measured()
    frame["when"] = [f"2020W{week % 53}" for week in range(len(frame))]
    assert made_of(frame, tmp_path, "--time", "when") == 2
    assert "Write all times in one form" in capsys.readouterr().err


@pytest.mark.parametrize(("task", "family"), [("classification", "classification"), ("regression", "regression")])
def test_who_makes_the_task_says_whether_numbers_are_classes(
    task: str, family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = measured(800)
    frame["y"] = pd.qcut(frame["y"], 9, labels=False)
    assert made_of(frame, tmp_path, "--task", task) == 0
    assert f"tabular-{family}" in capsys.readouterr().out


def test_fractions_are_no_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = measured()
    frame["y"] = pd.qcut(frame["y"], 5, labels=False) / 2
    assert made_of(frame, tmp_path) == 2
    assert "fractions (0.0, 0.5, 1.0) are no classes" in " ".join(capsys.readouterr().err.split())


def test_noise_is_no_task(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_table, "TRIES", 2)
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd")).to_csv(tmp_path / "noise.csv", index=False)
    command = ["tasks", "new", str(tmp_path / "envs" / "my-0001"), "--table", str(tmp_path / "noise.csv")]
    assert main([*command, "--target", "d", "--metric", "rmse"]) == 2
    assert "no baseline is surely better than a constant, in 2 draws" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("my-0001", "the folder above has to be called envs"),
        ("envs/My_1", "small letters, digits and hyphens"),
        ("envs/task-0001", "task-0001 is the id of a task in"),
    ],
)
def test_the_folder_has_to_be_one_of_tasks(
    folder: str, message: str, patients: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", "new", str(tmp_path / folder), "--table", str(patients), "--target", "target"]) == 2
    assert message in capsys.readouterr().err
