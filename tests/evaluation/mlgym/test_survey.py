"""What is said of a checkout, task by task, and of one that is not whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlgym_synth.cli import main
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.evaluation.mlgym import Listed, register, survey
from tests.evaluation.mlgym.checkout import CAR, GAME, HOUSES, TEXTS, add_task, write


def look(root: Path) -> dict[str, Listed]:
    return {Path(one.config).stem: one for one in survey(root).listed}


def test_every_class_runs_and_what_others_lack_is_said(root: Path) -> None:
    found = survey(root)
    listed = look(root)
    assert found.fault is None
    assert [listed[task].state for task in (HOUSES, GAME, CAR, TEXTS)] == ["runs"] * 4
    assert listed["3SATTime"].state == "lacks"
    assert listed["3SATTime"].missing == {
        "data": "data/3SATTime/data is not in the checkout; make.py in data/3SATTime/_helpers makes it"
    }
    cifar = listed["imageClassificationCifar10"].missing
    assert set(cifar) == {"network", "packages", "gpu"}
    assert "somebody/cifar10" in cifar["network"]
    assert cifar["packages"].endswith("has no torch")
    assert found.broken == []


def test_language_models_lack_torchrun_where_torch_is(root: Path) -> None:
    write(root / f"data/{TEXTS}/evaluate.py", "import torch\n")
    assert set(look(root)[TEXTS].missing) == {"packages", "torchrun"}


def test_unknown_metrics_and_repeated_ids_are_unsupported_and_not_broken(root: Path) -> None:
    config = (root / f"configs/tasks/{HOUSES}.yaml").read_text()
    write(root / "configs/tasks/aVariant.yaml", config)
    write(root / "configs/tasks/own.yaml", config.replace(f"id: {HOUSES}", "id: own"))
    listed = look(root)
    assert listed["aVariant"].missing == {"id": f"repeats the id of {HOUSES}.yaml, which is taken"}
    assert listed["own"].missing == {"metric": "it is not known which one counts"}
    assert {listed["aVariant"].state, listed["own"].state} == {"unsupported"}
    assert listed[HOUSES].state == "runs", "the file that is called like the id gives the task"
    assert main(["tasks", "list", "--suite", "mlgym", "--mlgym-root", str(root)]) == 0


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("configs/tasks/{}.yaml", "id: [1\n", "no YAML"),
        ("configs/tasks/{}.yaml", "- 1\n", "holds no fields"),
        ("configs/tasks/{}.yaml", "name: no id\n", "has no `id`"),
        ("configs/tasks/{0}.yaml", "id: {0}\nname: x\n", "description: Field required"),
        ("configs/tasks/{0}.yaml", "id: {0}\nname: x\ndescription: y\nevaluation_paths: [e.py]\n", "baseline_scores"),
        ("configs/datasets/{}.yaml", "name: [", "no YAML"),
        ("configs/datasets/{}.yaml", "name: x\ndescription: y\ndata_path: ../..\nis_local: true\n", "leads out"),
        ("configs/datasets/{}.yaml", None, "is missing"),
        ("data/{}/evaluate.py", None, "evaluate.py is missing"),
    ],
)
def test_what_is_broken_is_named_and_left_out(
    root: Path, file: str, text: str | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / file.format(HOUSES)
    path.unlink()
    if text is not None:
        path.write_text(text.format(HOUSES))
    listed = look(root)
    assert listed[HOUSES].state == "broken"
    assert reason in listed[HOUSES].reason
    assert listed[GAME].state == "runs", "the others are not touched"
    assert main(["tasks", "list", "--suite", "mlgym", "--mlgym-root", str(root), "--json"]) == 1
    states = {one["config"]: one["state"] for one in json.loads(capsys.readouterr().out)}
    assert states[f"configs/tasks/{HOUSES}.yaml"] == "broken"
    assert f"mlgym/{HOUSES}" not in register(root)


def test_an_evaluator_or_a_program_that_is_not_given_is_a_fault(root: Path) -> None:
    add_task(root, HOUSES, {}, starter_code=[f"data/{HOUSES}/baseline.py"])
    add_task(root, GAME, {}, starter_code=[f"data/{GAME}/evaluate.py"])
    add_task(root, CAR, {}, starter_code=["../outside.py"])
    (root.parent / "outside.py").write_text("")
    listed = look(root)
    assert "the evaluator evaluate.py is not among the starter code" in listed[HOUSES].reason
    assert "strategy.py" in listed[GAME].reason
    assert "leads out of the checkout" in listed[CAR].reason


def test_half_a_checkout_is_said_and_what_is_there_is_listed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(root / "data")
    found = survey(root)
    assert found.fault is not None
    assert found.fault.endswith("it lacks data.")
    assert {one.state for one in found.listed} == {"broken"}
    assert main(["tasks", "list", "--suite", "mlgym", "--mlgym-root", str(root)]) == 1
    assert f"mlgym/{GAME}" in capsys.readouterr().out
    with pytest.raises(TaskInvalid, match="it lacks data"):
        register(root)


def test_a_checkout_of_something_else_has_no_tasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    write(other / "setup.py", "")
    command = ["tasks", "list", "--suite", "mlgym", "--mlgym-root", str(other)]
    assert main(command) == 1
    assert "lacks configs/tasks, configs/datasets, data" in capsys.readouterr().err
    write(other / "configs/tasks/deploy.yaml", "service: web\n")
    (other / "configs/datasets").mkdir()
    (other / "data").mkdir()
    assert main(command) == 1
    printed = capsys.readouterr()
    assert "configs/tasks/deploy.yaml" not in printed.err
    assert "none of its configs is of a task of MLGym" in printed.err
    assert "has no `id`" in printed.out


def test_no_checkout_at_all_is_a_wrong_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nowhere"):
        assert main(["tasks", "list", "--suite", "mlgym", "--mlgym-root", str(path)]) == 2
        assert "no checkout of MLGym" in capsys.readouterr().err
    assert main(["tasks", "list", "--suite", "mlgym"]) == 2
    assert "--mlgym-root" in capsys.readouterr().err
    assert main(["tasks", "list", "--mlgym-root", str(tmp_path)]) == 2
    assert main(["tasks", "list", "--suite", "mlgym", "--mlgym-root", str(tmp_path), "--family", "ranking"]) == 2


def test_the_list_shows_scores_and_filters(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["tasks", "list", "--suite", "mlgym", "--mlgym-root", str(root), "mlgym/rl*", "--json"]
    assert main(command) == 0
    (car,) = json.loads(capsys.readouterr().out)
    assert car["id"] == f"mlgym/{CAR}"
    assert (car["class"], car["metric"], car["direction"]) == ("ModelSubmissionTasks", "Reward Mean", "maximize")
    assert car["baseline"] == 3.0, "the name of the metric is found in any case"
