"""MLGym's tasks as environments: ids, statements, rewards, rollouts, and processes that start fresh."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

import mlgym_synth
from mlgym_synth import registry
from mlgym_synth.agents.goal import read_goal
from mlgym_synth.cli import main
from mlgym_synth.errors import TaskNotFound
from mlgym_synth.evaluation.mlgym import register
from mlgym_synth.grading.reward import reward
from mlgym_synth.rollouts.plan import PlaySettings
from mlgym_synth.trajectories.store import TrajectoryStore
from tests.evaluation.mlgym.checkout import CAR, GAME, HOUSES, TEXTS, write

RUNNING = [f"mlgym/{task}" for task in (GAME, TEXTS, HOUSES, CAR)]


def test_tasks_that_run_are_registered_and_the_others_say_why_not(root: Path) -> None:
    with pytest.raises(TaskNotFound, match="--mlgym-root"):
        registry.find(f"mlgym/{GAME}")
    assert sorted(register(root)) == sorted(RUNNING)
    assert registry.find(f"mlgym/{GAME}").gym_id == f"mlgym/{GAME}"
    with pytest.raises(TaskNotFound, match=r"cannot be played here: data: .*3SATTime/data is not in the checkout"):
        mlgym_synth.make("mlgym/3SATTime")
    with pytest.raises(TaskNotFound, match=f"Did you mean mlgym/{GAME}"):
        registry.find("mlgym/battleOfSexe")
    registry.unregister(root)
    assert f"mlgym/{GAME}" not in gym.registry


def test_globs_tell_the_suites_apart(root: Path) -> None:
    ours = registry.select(["synth/*"])
    register(root)
    assert registry.select(["synth/*"]) == ours
    assert sorted(entry.id for entry in registry.select(["mlgym/*"])) == sorted(RUNNING)
    assert len(registry.select()) == len(ours) + len(RUNNING)
    assert registry.select(["task-*"]) == ours


def test_a_checkout_that_changes_is_registered_anew_and_read_at_every_opening(root: Path) -> None:
    register(root)
    (root / f"data/{GAME}/target.py").unlink()
    with pytest.raises(TaskNotFound, match=r"cannot be played any more: .*target\.py is missing"):
        mlgym_synth.make(f"mlgym/{GAME}")
    assert f"mlgym/{GAME}" not in register(root)
    with pytest.raises(gym.error.NameNotFound):
        gym.make(f"mlgym/{GAME}")


def test_an_episode_is_one_of_ours(root: Path) -> None:
    register(root)
    env = gym.make(f"mlgym/{HOUSES}", sandbox="bwrap")
    statement, info = env.reset(seed=3)
    assert "Do {better}." in statement, "braces that are not for the data's description stay"
    assert f"{HOUSES.upper()} DATA:\nRows {{as they are}}." in statement
    assert "`validate` and `submit` score the same test set" in statement
    assert (info["task_id"], info["baseline_score"], info["validations_left"]) == (f"mlgym/{HOUSES}", 0.5, 50)
    goal = read_goal(statement)
    assert (goal.submission, goal.metric, goal.maximize, goal.steps) == ("submission.csv", "r2", True, 50)
    rewards = []
    for tool, arguments in (("bash", {"command": "python baseline.py"}), ("validate", {}), ("submit", {})):
        _, value, _, _, info = env.step({"tool": tool, "arguments": arguments})
        rewards.append(float(value))
    assert info["exit_status"] == "submitted"
    progress = (info["score"] - 0.5) / (0.9310001903705818 - 0.5)
    assert info["progress"] == pytest.approx(progress)
    assert rewards == [0.0, pytest.approx(reward(progress)), pytest.approx(0.0)]
    env.close()


def test_a_program_task_names_its_function(root: Path) -> None:
    register(root)
    env = gym.make(f"mlgym/{GAME}", sandbox="bwrap")
    statement, _ = env.reset()
    goal = read_goal(statement)
    assert (goal.submission, goal.function, goal.parameters) == ("strategy.py", "row_strategy", ("history",))
    assert goal.files == ("strategy.py", "target.py")
    env.close()


def test_a_vector_takes_tasks_of_both_suites(root: Path) -> None:
    register(root)
    with mlgym_synth.make_vec([f"mlgym/{GAME}", "task-0018"], sandbox="bwrap") as envs:
        _, infos = envs.reset(seed=0)
        assert infos["task_id"].tolist() == [f"mlgym/{GAME}", "task-0018"]


def test_rollouts_play_what_runs_and_name_what_does_not(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["rollout", "--agent", "scripted:baseline", "--tasks", "mlgym/*", "--mlgym-root", str(root)]
    command += ["--out", str(tmp_path / "run"), "--sandbox", "bwrap", "--max-steps", "3", "--json"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "skipped mlgym/3SATTime (configs/tasks/3SATTime.yaml): data: " in printed.err
    statuses = {"auto_submitted": 0, "submitted": 2, "invalid_submission": 2}
    assert json.loads(printed.out)["statuses"] == {name: count for name, count in statuses.items() if count}
    with TrajectoryStore(tmp_path / "run") as store:
        played = {summary.task_id: summary for summary in store.summaries()}
    assert sorted(played) == sorted(RUNNING), "what cannot run is not scored"
    assert played[f"mlgym/{HOUSES}"].family == "mlgym"
    write(root / "configs/tasks/half.yaml", "id: [")
    assert main(command) == 1, "a part of the checkout is broken, and was left out"
    assert "skipped mlgym/half" in capsys.readouterr().err
    one = [f"mlgym/{GAME}" if word == "mlgym/*" else word for word in command[:-3]]
    one[one.index(str(tmp_path / "run"))] = str(tmp_path / "one")
    assert main(one) == 1
    assert "skipped" not in capsys.readouterr().err, "nobody asked for the others"


def test_a_run_of_tasks_that_have_changed_in_the_checkout_is_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["rollout", "--agent", "scripted:nop", "--tasks", f"mlgym/{GAME}", "--mlgym-root", str(root)]
    command += ["--out", str(tmp_path / "run"), "--sandbox", "bwrap", "--max-steps", "1"]
    assert main(command) == 0
    write(root / f"data/{HOUSES}/baseline.py", "pass\n")
    assert main(command) == 0, "that is another task"
    write(root / f"data/{GAME}/target.py", "def answer(history):\n    return 0\n")
    capsys.readouterr()
    assert main(command) == 2
    assert f"1 stored episode is of tasks that have changed since, the first of mlgym/{GAME}" in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_process_that_starts_fresh_finds_the_task_from_plain_settings(root: Path) -> None:
    settings = PlaySettings("scripted:baseline", sandbox="bwrap", max_steps=3, mlgym_root=str(root))
    script = (
        "import json, sys\n"
        "from mlgym_synth.rollouts.plan import Job, PlaySettings\nfrom mlgym_synth.rollouts.worker import Slot\n"
        "settings = PlaySettings(**json.loads(sys.argv[1]))\nsettings.register_tasks()\n"
        f"played = Slot(settings).play(Job('mlgym/{GAME}', 0, 1, 'published', 'x'))\n"
        "print(json.dumps([played.task_id, played.exit_status, played.test_score, played.metric, played.error]))\n"
    )
    argv = [sys.executable, "-c", script, json.dumps(dataclasses.asdict(settings))]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    task, status, score, metric, error = json.loads(done.stdout)
    assert (task, status, metric, error) == (f"mlgym/{GAME}", "submitted", "Score", None)
    assert isinstance(score, float)
