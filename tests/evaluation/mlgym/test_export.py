"""Synthetic tasks as MLGym's: laid out as MLGym does, their baselines and evaluators run without this package."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlgym_synth import registry
from mlgym_synth.cli import main
from mlgym_synth.evaluation.mlgym.configs import read_datasets, read_task, within
from mlgym_synth.evaluation.mlgym.export import export_tasks
from mlgym_synth.folder import TaskFolder, dump_spec, load_task
from mlgym_synth.grading.judges import open_judge
from mlgym_synth.sandbox import open_sandbox

CELLS, RANKING, LABELS, QUANTILES, PROGRAM = "task-0007", "task-0010", "task-0013", "task-0014", "task-0018"
ALONE = """import runpy, sys
sys.modules["mlgym_synth"] = None
sys.argv.pop(0)
runpy.run_path(sys.argv[0], None, "__main__")"""


def laid_out(out: Path, task: str, workspace: Path) -> Path:
    """A workspace as MLGym makes it: data below `data/`, starter code flat."""
    config = read_task(out / f"configs/tasks/{task}.yaml")
    (dataset,) = read_datasets(out, config)
    shutil.copytree(within(out, dataset.data_path), workspace / "data")
    for name in config.starter_code:
        path = within(out, name)
        if path.is_dir():
            shutil.copytree(path, workspace / path.name)
        else:
            shutil.copy(path, workspace)
    return workspace


def evaluated(workspace: Path) -> subprocess.CompletedProcess[str]:
    """Run as MLGym does, in a process that cannot import this package."""
    argv = [sys.executable, "-c", ALONE, str(workspace / "evaluate.py")]
    if "submission_file" in (workspace / "evaluate.py").read_text():
        argv += ["--submission_file", str(workspace / "submission.csv")]
    return subprocess.run(argv, cwd=workspace, capture_output=True, text=True, check=False)


def our_score(folder: TaskFolder, content: bytes) -> float:
    judge, _ = open_judge(folder, 0, lambda: open_sandbox("bwrap"))
    return judge.grade(content).test


@pytest.mark.parametrize("task", [CELLS, RANKING, LABELS, QUANTILES, PROGRAM])
def test_exported_evaluators_give_our_scores(tmp_path: Path, task: str) -> None:
    entry = registry.find(task)
    export_tasks([entry], tmp_path)
    folder = load_task(entry.folder)
    workspace = laid_out(tmp_path, task, tmp_path / "workspace")
    file = folder.spec.submission.file
    if task in (PROGRAM, CELLS):
        subprocess.run([sys.executable, "baseline.py"], cwd=workspace, check=True, capture_output=True)
    else:
        shutil.copy(workspace / "sample_submission.csv", workspace / file)
    done = evaluated(workspace)
    score = our_score(folder, (workspace / file).read_bytes())
    assert (json.loads(done.stdout), done.returncode) == ({folder.spec.metric.name: score}, 0), done.stderr
    if task in (PROGRAM, CELLS):
        config = read_task(tmp_path / f"configs/tasks/{task}.yaml")
        assert config.baseline_scores[0][folder.spec.metric.name] == pytest.approx(score, rel=1e-6)


def test_a_tasks_own_evaluator_comes_with_it(tmp_path: Path) -> None:
    made = Path(shutil.copytree(registry.find("task-0002").folder, tmp_path / "envs/task-0002"))
    spec = load_task(made).spec
    metric = spec.metric.model_copy(update={"name": "custom", "optimum": 0.0})
    (made / "task.yaml").write_text(dump_spec(spec.model_copy(update={"metric": metric})))
    (made / "grader").mkdir()
    (made / "grader/evaluate.py").write_text("def evaluate(t, p):\n    return max(abs(a - b) for a, b in zip(t, p))\n")
    entry = dataclasses.replace(registry.find("task-0002"), root=tmp_path)
    assert [one.fault for one in export_tasks([entry], tmp_path / "out")] == [None]
    workspace = laid_out(tmp_path / "out", "task-0002", tmp_path / "workspace")
    shutil.copy(workspace / "sample_submission.csv", workspace / "submission.csv")
    score = our_score(load_task(made), (workspace / "submission.csv").read_bytes())
    assert json.loads(evaluated(workspace).stdout) == {"custom": score}


@pytest.mark.parametrize(
    ("task", "submission", "reason"),
    [
        (RANKING, "id,choice\n1,2\n", "submission.csv: "),
        (RANKING, None, "No such file"),
        (PROGRAM, "def other():\n    pass\n", "importing it failed"),
        (PROGRAM, "def pack(*arguments):\n    return 'all'\n", "strategy.py"),
        (PROGRAM, None, "no such file"),
    ],
)
def test_faulty_submissions_get_no_score(tmp_path: Path, task: str, submission: str | None, reason: str) -> None:
    export_tasks([registry.find(task)], tmp_path)
    workspace = laid_out(tmp_path, task, tmp_path / "workspace")
    spec = load_task(registry.find(task).folder).spec
    if submission is not None:
        (workspace / spec.submission.file).write_text(submission)
    done = evaluated(workspace)
    assert (done.returncode, done.stdout) == (1, "")
    assert reason.replace("strategy.py", spec.submission.file) in done.stderr


def test_configs_say_what_the_task_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export-tasks", "--format", "mlgym", "--out", str(tmp_path / "out"), "--json"]
    assert main([*command, RANKING, PROGRAM, "--split", "heldout"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": RANKING, "fault": None}]
    config = yaml.safe_load((tmp_path / f"out/configs/tasks/{RANKING}.yaml").read_text())
    folder = load_task(registry.find(RANKING).folder)
    assert config["description"].format(dataset_docs="") != config["description"]
    assert folder.statement.strip() in config["description"].format(dataset_docs="")
    assert config["task_entrypoint"] == "CSVSubmissionTasks"
    readme = (tmp_path / "out/README.md").read_text()
    assert "The labels lie beside the agent, as MLGym has it" in readme
    assert f"tasks/{RANKING}.yaml" in readme
    assert main([*command, RANKING]) == 0, "again, in the same place"


def test_tasks_that_cannot_be_exported_are_named_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Path(shutil.copytree(registry.find(PROGRAM).folder, tmp_path / "own/envs/own-0001"))
    text = (own / "task.yaml").read_text().replace(PROGRAM, "own-0001").replace("referee: knapsack", "referee: gone")
    (own / "task.yaml").write_text(text)
    fields = {**dataclasses.asdict(registry.find(PROGRAM)), "id": "own-0001", "path": "envs/own-0001"}
    line = registry.index_line({name: fields[name] for name in fields if name not in ("root", "opener")})
    (tmp_path / "own/registry").mkdir()
    (tmp_path / "own/registry/index.jsonl").write_text(line)
    command = ["export-tasks", "--format", "mlgym", "--out", str(tmp_path / "out")]
    assert main([*command, "--registry", str(tmp_path / "own"), "own-0001", RANKING]) == 1
    printed = capsys.readouterr()
    assert "skipped own-0001: own-0001: data.referee: there is no 'gone'" in printed.err
    assert "1 of 2 tasks" in printed.out
    assert (tmp_path / f"out/configs/tasks/{RANKING}.yaml").is_file()
    assert not (tmp_path / "out/configs/tasks/own-0001.yaml").exists()
    (tmp_path / "out/mlgym").mkdir()
    assert main([*command, RANKING]) == 2, "never into a checkout itself"
