"""Stored episodes played again: they come out the same, and where they do not, it is said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.agents.replay import Divergence, first_divergence, load_trajectory
from mlgym_synth.cli import main
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import TaskNotFound
from mlgym_synth.rollouts.episode import play
from mlgym_synth.rollouts.replay import replay, settings_of
from mlgym_synth.trajectories import Trajectory, from_dict, to_dict
from mlgym_synth.trajectories.store import TrajectoryStore


def played(task: str, agent: str, seed: int = 0, max_steps: int | None = None) -> Trajectory:
    env = SynthEnv(registry.find(task).folder, sandbox="bwrap", max_steps=max_steps)
    trajectory = play(env, load_agent(agent), seed)
    env.close()
    return from_dict(json.loads(json.dumps(to_dict(trajectory))))


def again(trajectory: Trajectory) -> Divergence | None:
    env = SynthEnv(registry.find(trajectory.task_id).folder, sandbox="bwrap", **settings_of(trajectory))
    try:
        return replay(trajectory, env)
    finally:
        env.close()


@pytest.fixture(scope="module")
def baseline() -> Trajectory:
    return played("task-0018", "scripted:baseline", seed=5)


@pytest.mark.parametrize(
    ("task", "agent", "max_steps"),
    [
        ("task-0010", "scripted:baseline", None),  # predictions: ids and row order are drawn from the seed
        ("task-0018", "scripted:random", 120),
        ("task-0010", "scripted:researcher", 11),
        ("task-0757", "scripted:researcher", 20),
    ],
)
def test_every_observation_and_score_comes_again(task: str, agent: str, max_steps: int | None) -> None:
    trajectory = played(task, agent, seed=2, max_steps=max_steps)
    assert trajectory.fault is None
    assert again(trajectory) is None


def test_the_first_difference_is_said(baseline: Trajectory) -> None:
    told = dataclasses.replace(baseline.steps[0], observation="Another thing.\n[step 1 of 50]")
    parted = again(dataclasses.replace(baseline, steps=[told, *baseline.steps[1:]]))
    assert parted is not None
    assert (parted.step, parted.what) == (1, "observation")
    assert "step 1: observation differs" in str(parted)
    assert "-Another thing." in str(parted)


def test_scores_and_endings_are_compared(baseline: Trajectory) -> None:
    last = dataclasses.replace(baseline.steps[-1], score=0.125)
    parted = first_divergence(dataclasses.replace(baseline, steps=[*baseline.steps[:-1], last]), baseline)
    assert parted is not None
    assert (parted.step, parted.what, parted.expected) == (2, "score", 0.125)
    parted = first_divergence(dataclasses.replace(baseline, exit_status=None), baseline)
    assert parted is not None
    assert (parted.step, parted.what, parted.seen) == (3, "exit_status", "submitted")
    parted = first_divergence(baseline, dataclasses.replace(baseline, steps=baseline.steps[:1]))
    assert parted is not None
    assert (parted.what, parted.expected, parted.seen) == ("number of steps", 2, 1)
    assert first_divergence(baseline, baseline) is None


def test_another_seed_is_another_episode() -> None:
    trajectory = played("task-0010", "scripted:researcher", seed=1, max_steps=9)
    parted = again(dataclasses.replace(trajectory, seed=2))
    assert parted is not None
    assert parted.what == "observation"


def test_the_demo_plays_a_file(baseline: Trajectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "episode.json"
    file.write_text(json.dumps(to_dict(baseline)))
    assert main(["demo", "--agent", f"replay:{file}", "--sandbox", "bwrap", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["task"], told["seed"], told["divergence"]) == ("task-0018", 5, None)
    assert main(["demo", "task-0018", "--agent", f"replay:{file}"]) == 2
    file.write_text(json.dumps(to_dict(dataclasses.replace(baseline, statement="Another."))))
    assert main(["demo", "--agent", f"replay:{file}", "--sandbox", "bwrap"]) == 1
    assert "step 0: statement differs" in capsys.readouterr().out


def test_a_record_that_was_cut_short_ends_there(
    baseline: Trajectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = dataclasses.replace(
        baseline, steps=baseline.steps[:1], exit_status=None, test_score=None, progress=None, fault="agent"
    )
    assert again(cut) is None
    file = tmp_path / "episode.json"
    file.write_text(json.dumps(to_dict(cut)))
    assert main(["demo", "--agent", f"replay:{file}", "--sandbox", "bwrap"]) == 0
    said = capsys.readouterr().out
    assert "cut short" in said
    assert "every observation, reward and score the same" in said


def test_an_episode_of_a_store(baseline: Trajectory, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with TrajectoryStore(folder) as store:
        store.put(baseline)
        store.put(dataclasses.replace(baseline, index=3, seed=8))
        store.seal()
        store.put(dataclasses.replace(baseline, task_id="mlgym/blotto", index=1, seed=9))
    assert load_trajectory(f"{folder}#mlgym/blotto/1").seed == 9
    assert load_trajectory(f"{folder}#task-0018/3").seed == 8
    assert load_trajectory(f"{folder}#synth/task-0018").seed == 5
    with pytest.raises(TaskNotFound, match="no episode 4 of task-0018"):
        load_agent(f"replay:{folder}#task-0018/4")
    with pytest.raises(TaskNotFound, match="no episode 0 of task-0018/x"):
        load_trajectory(f"{folder}#task-0018/x")
    with pytest.raises(ValueError, match="no trajectory there"):
        load_agent(f"replay:{tmp_path / 'absent.json'}")
