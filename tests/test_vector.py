"""Many environments in one process."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, ResetNeeded

import mlgym_synth
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import SandboxUnavailable, TaskNotFound
from mlgym_synth.menu import MenuVectorEnv
from mlgym_synth.vector import SynthVectorEnv


def bash(command: str) -> dict[str, Any]:
    return {"tool": "bash", "arguments": {"command": command}}


def test_gym_make_vec_gives_ours(backend: str) -> None:
    envs = gym.make_vec("synth/task-0001", num_envs=3, sandbox=backend)
    assert isinstance(envs.unwrapped, SynthVectorEnv)
    observations, infos = envs.reset(seed=5)
    assert len(observations) == 3
    assert list(infos["task_id"]) == ["task-0001"] * 3
    assert observations in envs.observation_space
    observations, rewards, terminations, truncations, infos = envs.step(tuple(bash(f"echo {i}") for i in range(3)))
    assert [o.splitlines()[0] for o in observations] == ["0", "1", "2"]
    assert (rewards.dtype, rewards.shape) == (np.float64, (3,))
    assert (terminations.dtype, truncations.dtype) == (np.bool_, np.bool_)
    assert list(infos["steps_left"]) == [49, 49, 49]
    assert infos["_steps_left"].all()
    envs.close()


def test_sub_environments_differ_by_seed_and_observations_change(backend: str) -> None:
    with mlgym_synth.make_vec("task-0001", num_envs=2, sandbox=backend) as envs:
        envs.reset(seed=1)
        first, *_ = envs.step([bash("head -n 3 test.csv")] * 2)
        second, *_ = envs.step([bash("tail -n 3 test.csv")] * 2)
        assert first[0] != first[1], "seeds 1 and 2"
        assert first[0] != second[0]


def test_vector_over_different_tasks(backend: str) -> None:
    tasks = ["task-0001", "synth/task-0002", "task-0015"]
    with mlgym_synth.make_vec(tasks, sandbox=backend) as envs:
        observations, infos = envs.reset(seed=0)
        assert list(infos["task_id"]) == ["task-0001", "task-0002", "task-0015"]
        assert len(set(observations)) == 3


def test_one_dead_sandbox_leaves_the_others_alone(backend: str) -> None:
    with mlgym_synth.make_vec("task-0001", num_envs=3, sandbox=backend) as envs:
        envs.reset(seed=0)
        killed = envs.envs[1]._sandbox
        assert killed is not None
        killed.close()
        observations, rewards, terminations, truncations, infos = envs.step([bash("echo alive")] * 3)
        assert [o.splitlines()[0] for o in (observations[0], observations[2])] == ["alive", "alive"]
        assert list(truncations) == [False, True, False]
        assert not terminations.any()
        assert rewards[1] == 0.0
        assert "SandboxDied" in infos["infrastructure_error"][1]
        assert list(infos["_infrastructure_error"]) == [False, True, False]
        observations, _, _, truncations, _ = envs.step([bash("echo again")] * 3)
        assert "## Submission" in observations[1], "it was reset"
        assert not truncations.any()
        assert envs.step([bash("echo back")] * 3)[0][1].startswith("back")


def test_ended_environment_is_reset_at_the_next_step(backend: str) -> None:
    with mlgym_synth.make_vec("task-0001", num_envs=2, sandbox=backend, max_steps=2) as envs:
        envs.reset(seed=0)
        envs.step([bash("true")] * 2)
        _, _, _, truncations, infos = envs.step([bash("true")] * 2)
        assert truncations.all()
        assert list(infos["exit_status"]) == ["no_submission"] * 2
        observations, rewards, _, truncations, _ = envs.step([bash("true")] * 2)
        assert not truncations.any()
        assert not rewards.any()
        assert "## Submission" in observations[0]


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="either `task`"):
        SynthVectorEnv()
    with pytest.raises(ValueError, match="`tasks` is empty"):
        mlgym_synth.make_vec([])
    with pytest.raises(TaskNotFound):
        mlgym_synth.make_vec(["task-0001", "task-000"])


def test_number_of_actions_must_fit(backend: str) -> None:
    with mlgym_synth.make_vec("task-0001", num_envs=2, sandbox=backend) as envs:
        envs.reset(seed=0)
        with pytest.raises(ValueError, match="1 actions for 2 environments"):
            envs.step([bash("true")])
        with pytest.raises(ValueError, match="1 seeds for 2"):
            envs.reset(seed=[1])


def test_the_number_of_environments_is_as_asked_or_refused() -> None:
    for number in (0, -1):
        with pytest.raises(ValueError, match=f"num_envs={number}: must be at least 1"):
            mlgym_synth.make_vec("task-0006", number)
    with pytest.raises(ValueError, match="num_envs=5 with 2 tasks"):
        mlgym_synth.make_vec(["task-0006", "task-0007"], num_envs=5)
    for envs, number in (
        (mlgym_synth.make_vec("task-0006"), 1),
        (mlgym_synth.make_vec("task-0006", 3), 3),
        (mlgym_synth.make_vec(["task-0006", "task-0007"], 2), 2),
        (SynthVectorEnv(tasks="task-0006"), 1),
    ):
        assert len(envs.envs) == envs.num_envs == number
        envs.close()


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The seeds that envs were reset with; none of them opens a sandbox."""
    given: list[int | None] = []

    def reset(self: SynthEnv, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        given.append(seed)
        if seed == 404:
            raise SandboxUnavailable("there is none")
        return "the statement", {}

    monkeypatch.setattr(SynthEnv, "reset", reset)
    return given


def test_a_reset_of_some_is_refused_not_made_one_of_all(seeds: list[int | None]) -> None:
    mask = {"reset_mask": np.array([True, False])}
    with mlgym_synth.make_vec("task-0006", num_envs=2) as envs, pytest.raises(ValueError, match="reset_mask: an env"):
        envs.reset(options=mask)
    with MenuVectorEnv(2, tasks=["task-0006"]) as menus, pytest.raises(ValueError, match="reset_mask: an env"):
        menus.reset(options=mask)
    assert seeds == []


def test_seeds_are_any_sequence_of_whole_numbers(seeds: list[int | None]) -> None:
    with mlgym_synth.make_vec("task-0006", num_envs=2) as envs:
        for seed in ((3, 4), [3, 4], np.array([3, 4]), range(3, 5), 3, np.int64(3)):
            envs.reset(seed=seed)
            assert sorted(map(str, seeds)) == ["3", "4"], seed
            assert {type(own) for own in seeds} == {int}, "Gymnasium takes no other"
            seeds.clear()
        envs.reset(seed=(7, None))
        assert set(seeds) == {7, None}
        with pytest.raises(ValueError, match="3 seeds for 2"):
            envs.reset(seed=(1, 2, 3))
        with pytest.raises(TypeError):
            envs.reset(seed=(1.5, 2))  # type: ignore[arg-type]


def test_what_has_not_begun_everywhere_or_is_closed_cannot_go_on(
    seeds: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped = []
    monkeypatch.setattr(SynthEnv, "step", lambda self, action: stepped.append(action))
    envs = mlgym_synth.make_vec("task-0006", num_envs=2)
    with pytest.raises(ResetNeeded):
        envs.step([bash("true")] * 2)
    with pytest.raises(SandboxUnavailable):
        envs.reset(seed=[1, 404])
    with pytest.raises(ResetNeeded):
        envs.step([bash("true")] * 2)
    envs.reset(seed=1)
    envs.close()
    with pytest.raises(ClosedEnvironmentError, match="closed"):
        envs.reset()
    with pytest.raises(ClosedEnvironmentError, match="closed"):
        envs.step([bash("true")] * 2)
    assert not stepped
    envs.close()
