"""`SynthEnv` as its users see it: the Gymnasium contract, budgets, what is scored and what is paid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

import mlgym_synth
from mlgym_synth import registry
from mlgym_synth.briefing import MAX_VALIDATIONS
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import SandboxDied, SandboxOverloaded, TaskNotFound
from mlgym_synth.grading.reward import progress, reward, rounded

TASK = "synth/task-0001"
INFO_KEYS = {
    "task_id", "sandbox", "tool", "exit_code", "elapsed_s", "score", "best_score", "baseline_score", "steps_left",
    "seconds_left", "exit_status",
}  # fmt: skip
NOTHING: dict[str, Any] = {}


def bash(command: str, **more: Any) -> dict[str, Any]:
    return {"tool": "bash", "arguments": {"command": command, **more}}


def call(tool: str) -> dict[str, Any]:
    return {"tool": tool, "arguments": {}}


@pytest.fixture
def env(backend: str) -> Iterator[SynthEnv]:
    made = SynthEnv(registry.find(TASK).folder, sandbox=backend, render_mode="ansi")
    yield made
    made.close()


def short_env(backend: str, **kwargs: Any) -> SynthEnv:
    return SynthEnv(registry.find(TASK).folder, sandbox=backend, **kwargs)


def test_gymnasium_finds_nothing_to_complain_of(backend: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # check_env recommends Box spaces and a human render mode; text in, text out is what this env is.
        warnings.filterwarnings("ignore", message=".*(Box|observation space|action space|spec).*")
        env = gym.make(TASK, sandbox=backend)
        check_env(env.unwrapped, skip_render_check=False)
        env.close()


@pytest.mark.parametrize("name", [TASK, f"mlgym_synth:{TASK}"])
def test_gym_make_gives_a_playable_env(backend: str, name: str) -> None:
    env = gym.make(name, sandbox=backend)
    observation, info = env.reset(seed=0)
    assert observation in env.observation_space
    observation, value, terminated, truncated, info = env.step(bash("ls"))
    assert "baseline.py" in observation
    assert (type(value), type(terminated), type(truncated)) == (float, bool, bool)
    assert info["sandbox"] == backend
    env.close()


def test_info_always_has_what_is_promised(env: SynthEnv, backend: str) -> None:
    _, info = env.reset(seed=0)
    assert info.keys() >= INFO_KEYS
    for action in (bash("true"), call("validate"), NOTHING, bash("python baseline.py"), call("submit")):
        _, _, _, _, info = env.step(action)
        assert info.keys() >= INFO_KEYS
    assert info["exit_status"] == "submitted"
    assert info["sandbox"] == backend


def test_constructor_starts_nothing() -> None:
    env = SynthEnv(registry.find(TASK).folder, sandbox="no such backend")
    assert env.action_space.contains(env.action_space.sample())
    for wrong in (None, {}, {"tool": ["bash"]}, {"tool": "bash", "arguments": 1}, {"tool": "bash", "arguments": {}}):
        assert not env.action_space.contains(wrong)
    env.close()
    env.close()


def test_arguments_out_of_range_are_refused() -> None:
    folder = registry.find(TASK).folder
    with pytest.raises(ValueError, match="reward='bonus'"):
        SynthEnv(folder, reward="bonus")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_steps=0"):
        SynthEnv(folder, max_steps=0)
    with pytest.raises(ValueError, match=r"(?s)limits=.*memory_gib.*Fields are: tool_s"):
        SynthEnv(folder, limits={"memory_gib": 1})
    with pytest.raises(ValueError, match="render_mode='human'"):
        SynthEnv(folder, render_mode="human")
    with pytest.raises(TaskNotFound, match="Did you mean"):
        SynthEnv("task-001")


def test_seed_draws_ids_and_row_order(env: SynthEnv) -> None:
    def data(seed: int | None) -> str:
        env.reset(seed=seed)
        return env.step(bash("head -n 5 test.csv train.csv; ls -l --time-style=+%s"))[0]

    first = data(3)
    assert data(3) == first
    assert data(4) != first
    env.reset(seed=3)
    assert data(None) != first, "a reset without a seed goes on in the stream"


def test_malformed_action_costs_a_step_and_no_more(env: SynthEnv) -> None:
    env.reset(seed=0)
    observation, value, terminated, truncated, info = env.step({"tool": "python", "arguments": {}})
    assert "there is no tool 'python'" in observation
    assert (value, terminated, truncated, info["tool"], info["exit_code"]) == (0.0, False, False, None, None)
    assert info["steps_left"] == env.max_steps - 1


def test_step_needs_a_running_episode(env: SynthEnv) -> None:
    with pytest.raises(gym.error.ResetNeeded):
        env.step(bash("true"))
    env.reset(seed=0)
    env.step(bash("python baseline.py"))
    _, _, terminated, _, _ = env.step(call("submit"))
    assert terminated
    with pytest.raises(gym.error.ResetNeeded):
        env.step(bash("true"))
    env.close()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(bash("true"))


def test_rewards_sum_to_the_value_of_the_test_score(env: SynthEnv) -> None:
    spec = env.folder.spec
    assert spec.baseline
    assert spec.reference
    env.reset(seed=1)
    rewards = []
    for action in (bash("python baseline.py"), call("validate"), call("validate"), call("submit")):
        _, value, _, _, info = env.step(action)
        rewards.append(value)
    shown = rounded(info["score"], spec.baseline.test.spread)
    p = progress(shown, spec.baseline.test.score, spec.reference.test.score, spec.metric.direction)
    assert sum(rewards) == pytest.approx(reward(p), abs=1e-12)
    assert rewards[0] == 0.0
    assert rewards[1] > 0.3, "the first validation pays"
    assert rewards[2] == 0.0, "the same score pays nothing"
    assert info["test_score"] == info["score"]
    assert info["baseline_score"] == spec.baseline.test.score


def test_final_reward_comes_all_at_the_end(backend: str) -> None:
    env = short_env(backend, reward="final")
    env.reset(seed=1)
    rewards = [env.step(a)[1] for a in (bash("python baseline.py"), call("validate"), call("submit"))]
    assert rewards[:2] == [0.0, 0.0]
    assert 0.3 < rewards[2] < 0.7
    env.close()


def test_validation_shows_the_rounded_score_only(env: SynthEnv) -> None:
    spec = env.folder.spec
    assert spec.baseline
    env.reset(seed=0)
    env.step(bash("python baseline.py"))
    observation, _, _, _, info = env.step(call("validate"))
    assert f"{rounded(info['score'], spec.baseline.validation.spread):.10g}" in observation
    assert f"{info['score']:.6f}" not in observation
    assert f"{info['test_score']:.6f}" not in observation


def test_validations_are_limited(backend: str) -> None:
    env = short_env(backend, max_steps=100)
    env.reset(seed=0)
    env.step(bash("python baseline.py"))
    answers = [env.step(call("validate"))[0] for _ in range(MAX_VALIDATIONS + 1)]
    assert answers[-2].startswith("Validation score")
    assert answers[-1].startswith("Not scored: all 25 validations are used")
    env.close()


def test_faulty_submission_is_answered_and_ends_nothing(env: SynthEnv) -> None:
    env.reset(seed=0)
    for action in (call("submit"), call("validate")):
        observation, value, terminated, truncated, info = env.step(action)
        assert "submission.csv: " in observation
        assert (value, terminated, truncated, info["score"]) == (0.0, False, False, None)


def test_truncation_hands_in_what_is_there(backend: str) -> None:
    env = short_env(backend, max_steps=1)
    env.reset(seed=0)
    observation, value, terminated, truncated, info = env.step(bash("python baseline.py"))
    assert (terminated, truncated, info["exit_status"], info["steps_left"]) == (False, True, "auto_submitted", 0)
    assert 0.3 < value < 0.7
    assert "Handed in. Test score" in observation
    env.close()


@pytest.mark.parametrize(
    ("command", "status"), [("true", "no_submission"), ("echo x > submission.csv", "invalid_submission")]
)
def test_nothing_valid_scores_nothing(backend: str, command: str, status: str) -> None:
    env = short_env(backend, max_steps=1)
    env.reset(seed=0)
    _, value, terminated, truncated, info = env.step(bash(command))
    assert (value, terminated, truncated, info["exit_status"]) == (0.0, False, True, status)
    assert info["score"] is None
    env.close()


def test_last_validated_file_counts_when_the_one_there_is_broken(backend: str) -> None:
    env = short_env(backend, max_steps=3)
    env.reset(seed=0)
    env.step(bash("python baseline.py"))
    paid = env.step(call("validate"))[1]
    _, value, _, _, info = env.step(bash("rm submission.csv"))
    assert info["exit_status"] == "auto_submitted"
    assert 0.3 < paid + value < 0.7
    env.close()


def test_a_crash_voids_no_bad_episode(backend: str) -> None:
    """What was paid is taken back at the end when nothing valid is left to grade."""
    env = short_env(backend, max_steps=2)
    env.reset(seed=0)
    total = sum(env.step(action)[1] for action in (bash("python baseline.py"), bash("rm -rf ./* ; true")))
    assert total == 0.0
    env.close()


def test_tool_time_is_a_budget(backend: str) -> None:
    env = short_env(backend, limits={"episode_s": 0.5, "tool_s": 30})
    env.reset(seed=0)
    _, _, terminated, truncated, info = env.step(bash("sleep 20"))
    assert (terminated, truncated, info["seconds_left"]) == (False, True, 0.0)
    assert info["exit_status"] == "no_submission"
    env.close()


def test_lost_infrastructure_is_never_scored(env: SynthEnv) -> None:
    env.reset(seed=0)
    env.step(bash("python baseline.py"))
    env.step(call("validate"))
    assert env.sandbox is not None
    env.sandbox.close()
    with pytest.raises(SandboxDied):
        env.step(bash("true"))
    with pytest.raises(gym.error.ResetNeeded):
        env.step(bash("true"))
    env.reset(seed=0)
    assert "baseline.py" in env.step(bash("ls"))[0]


@pytest.mark.parametrize("validated", [True, False])
def test_a_sandbox_lost_to_the_agents_load_is_scored(
    env: SynthEnv, validated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an agent could void its bad episodes. The kernel's part is played: it cannot be had on demand."""
    env.reset(seed=0)
    env.step(bash("python baseline.py"))
    paid = env.step(call("validate"))[1] if validated else 0.0

    def overload(*arguments: object) -> None:
        raise SandboxOverloaded("out of memory", "memory")

    monkeypatch.setattr(env.sandbox, "exec", overload)
    _, value, terminated, truncated, info = env.step(bash("python train.py"))
    assert (terminated, truncated, info["exit_status"], info["cause"]) == (True, False, "sandbox_lost", "memory")
    assert (0.3 < paid + value < 0.7) if validated else (paid + value == 0.0)


def test_reset_in_mid_episode_starts_clean(env: SynthEnv) -> None:
    env.reset(seed=0)
    env.step(bash("touch left-over; export X=1; cd /tmp"))
    env.reset(seed=0)
    observation, *_ = env.step(bash("ls; echo X=$X; pwd"))
    assert "left-over" not in observation
    assert observation.splitlines()[-3:-1] == ["X=", "/home/agent/workspace"]


def test_render_shows_the_last_exchange(env: SynthEnv) -> None:
    env.reset(seed=0)
    env.step(bash("echo hello"))
    rendered = env.render()
    assert rendered is not None
    assert rendered.splitlines()[:2] == ["> bash command='echo hello'", "hello"]


def test_make_opens_any_form_of_an_id(backend: str) -> None:
    env = mlgym_synth.make("task-0001", sandbox=backend)
    assert "task-0001" in env.reset(seed=0)[1]["task_id"]
    env.close()
