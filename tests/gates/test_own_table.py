"""A person's own table, from a CSV to a scored episode, by the commands that the README names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import gymnasium as gym
import pytest
from sklearn.datasets import load_breast_cancer

import mlgym_synth
from mlgym_synth.cli import main

SPEC = """\
id: mine-0001
title: Malignant or benign
family: tabular-classification
topic: medicine
created: 2026-01-01
columns:
- {name: radius, meaning: mean distance from the centre to the perimeter}
- {name: texture, meaning: deviation of the grey values}
- {name: perimeter, meaning: mean size of the core}
- {name: area, meaning: mean area}
- {name: smoothness, meaning: local variation of the radius}
- {name: compactness, meaning: perimeter squared over area less one}
- {name: concavity, meaning: how deep the concave parts are}
- {name: concave_points, meaning: how many concave parts there are}
- {name: symmetry, meaning: symmetry of the nucleus}
- {name: fractal_dimension, meaning: coastline approximation less one}
- {name: diagnosis, meaning: malignant or benign (train.csv only)}
data:
  kind: table
  source: {package: file, item: data/biopsies.csv}
  target: diagnosis
  split: {seed: 7, evaluation_rows: 300}
submission:
  kind: predictions
  columns: [{name: diagnosis, dtype: string, values: [malignant, benign]}]
metric: {name: accuracy, direction: maximize, optimum: 1}
licence: our own
citation: The clinic's records.
provenance: {author: hand}
"""
STATEMENT = """\
# Malignant or benign
A clinic took fine needle aspirates of 569 breast masses and measured the cell nuclei in the pictures: ten properties,
each the mean over the nuclei of one mass.

Predict the diagnosis. `train.csv` holds 269 masses with `diagnosis`, `malignant` or `benign`; `test.csv` holds 300
others, with an `id` in its place.

Write `submission.csv` with the columns `id` and `diagnosis`. The metric is `accuracy`, the share that is right;
maximize it. `baseline.py` looks at texture and smoothness alone.
"""
PROGRAM = """\
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
columns = {columns}
model = make_pipeline(StandardScaler(), LogisticRegression())
test["diagnosis"] = model.fit(train[columns], train["diagnosis"]).predict(test[columns])
test[["id", "diagnosis"]].to_csv("submission.csv", index=False)
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The folder that a person would write."""
    folder = tmp_path / "my-tasks" / "envs" / "mine-0001"
    for name in ("data", "workspace", "solution"):
        (folder / name).mkdir(parents=True)
    bunch = load_breast_cancer(as_frame=True)
    frame = bunch.data.filter(regex="^mean ").rename(columns=lambda name: name.removeprefix("mean ").replace(" ", "_"))
    frame.assign(diagnosis=bunch.target_names[bunch.target]).to_csv(folder / "data" / "biopsies.csv", index=False)
    (folder / "task.yaml").write_text(SPEC)
    (folder / "README.md").write_text(STATEMENT)
    (folder / "workspace" / "baseline.py").write_text(PROGRAM.format(columns='["texture", "smoothness"]'))
    (folder / "solution" / "solution.py").write_text(PROGRAM.format(columns='list(test.columns.drop("id"))'))
    return folder


def test_one_that_asks_the_same_of_the_same_table_is_a_copy(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--record", str(own), "--sandbox", "bwrap"]) == 0
    second, broken = own.with_name("mine-0002"), own.with_name("mine-0003")
    for folder in (second, broken):
        shutil.copytree(own, folder)
        (folder / "task.yaml").write_text(SPEC.replace("mine-0001", folder.name))
    (broken / "workspace" / "baseline.py").write_text("raise SystemExit('no such column')\n")
    capsys.readouterr()
    assert main(["verify", "--record", str(broken), str(second), "--sandbox", "bwrap"]) == 1
    said = capsys.readouterr()
    assert "mine-0003 could not be measured" in said.err
    assert "mine-0001 asks the same (diagnosis) of the same data" in said.out
    assert "0 of 2 tasks pass all gates." in said.out
    assert main(["verify", "--record", str(second), str(own), "--sandbox", "bwrap"]) == 1, "both at once, too"
    said = capsys.readouterr()
    assert "mine-0001 asks the same (diagnosis) of the same data" in said.out, "the later one is the copy"
    assert "1 of 2 tasks pass all gates." in said.out
    shutil.rmtree(second)  # its line is still in the index
    (broken / "workspace" / "baseline.py").write_text("open('submission.csv', 'w').write('nonsense')\n")
    assert main(["verify", "--record", str(own), str(broken), "--sandbox", "bwrap", "--json"]) == 1
    listed = json.loads(capsys.readouterr().out)
    assert [(each["task_id"], each["passed"]) for each in listed] == [("mine-0001", True), ("mine-0003", False)]
    assert "submission.csv" in listed[1]["error"]


def test_an_id_that_is_taken_is_refused_before_anything_is_measured(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = own.rename(own.with_name("task-0001"))
    (taken / "task.yaml").write_text(SPEC.replace("mine-0001", "task-0001"))
    assert main(["verify", "--record", str(taken), "--sandbox", "bwrap"]) == 2
    assert "task-0001 is the id of the task in" in capsys.readouterr().err


def test_from_a_csv_to_a_scored_episode(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["verify", "--record", str(own), "--sandbox", "bwrap"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "1 of 1 tasks pass all gates." in said
    mlgym_synth.register(own.parents[1])

    env = gym.make("synth/mine-0001", sandbox="bwrap")
    env.reset(seed=0)
    look = "ls; find / -name 'biopsies*' -not -path '/proc/*'; python baseline.py"
    found = env.step({"tool": "bash", "arguments": {"command": look}})[0]
    assert "test.csv" in found
    assert "biopsies" not in found
    _, reward, terminated, _, info = env.step({"tool": "submit", "arguments": {}})
    env.close()
    assert terminated
    assert info["exit_status"] == "submitted"
    assert 0.4 < float(reward) < 0.6

    capsys.readouterr()
    assert main(["tasks", "show", "mine-0001", "--registry", str(own.parents[1])]) == 0
    assert "file:data/biopsies.csv@" in capsys.readouterr().out
    shutil.rmtree(own / "data")
    assert (
        main(
            [
                "demo",
                "mine-0001",
                "--registry",
                str(own.parents[1]),
                "--agent",
                "scripted:baseline",
                "--sandbox",
                "bwrap",
            ]
        )
        == 3
    )
    assert "Put the task's table there" in capsys.readouterr().err
