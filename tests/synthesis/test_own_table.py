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
    assert "no features (names, texts, or one value only): seen_by" in said
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
