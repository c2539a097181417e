"""The menu over real tasks in real sandboxes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

from mlgym_synth import registry
from mlgym_synth.agents.goal import Goal, read_goal
from mlgym_synth.agents.plans import Idea, Knob
from mlgym_synth.agents.scripted import tool
from mlgym_synth.agents.strategy import Purse
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import SandboxDied, TaskNotFound
from mlgym_synth.menu import ACTIONS, OBSERVED, MenuActions, MenuVectorEnv
from mlgym_synth.menu.desk import Desk

GAPS = "task-0007"  # imputation: its baseline takes no package but numpy and pandas
KNAPSACK = "task-0018"
QUICK: dict[str, Any] = {"max_steps": 14, "limits": {"tool_s": 30, "episode_s": 90}}
Made = Callable[..., MenuActions]


@pytest.fixture
def made() -> Iterator[Made]:
    """Makes menus, and closes them."""
    envs: list[MenuActions] = []

    def make(task: str = GAPS, **kwargs: Any) -> MenuActions:
        envs.append(MenuActions(gym.make(f"synth/{task}", sandbox="bwrap", **kwargs)))
        return envs[-1]

    yield make
    for env in envs:
        env.close()


def act(env: MenuActions, *names: str) -> list[tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]]:
    return [env.step(ACTIONS.index(name)) for name in names]


def may(info: dict[str, Any]) -> set[str]:
    return {name for name, allowed in zip(ACTIONS, info["action_mask"], strict=True) if allowed}


def test_the_baseline_validated_and_handed_in_earns_what_the_plain_env_pays(made: Made) -> None:
    env = made()
    env.reset(seed=3)
    results = act(env, "baseline", "validate", "submit")
    plain = SynthEnv(GAPS, sandbox="bwrap")
    plain.reset(seed=3)
    calls: list[dict[str, Any]] = [
        {"tool": "bash", "arguments": {"command": "python baseline.py"}},
        {"tool": "validate"},
        {"tool": "submit"},
    ]
    paid = [plain.step(call)[1] for call in calls]
    plain.close()
    assert [result[1] for result in results] == paid
    assert sum(paid) == pytest.approx(0.5, abs=0.05)
    assert results[1][1] > 0.4
    assert [result[2] for result in results] == [False, False, True]
    assert results[-1][4]["exit_status"] == "submitted"


def test_an_experiment_beats_the_baseline_and_tuning_and_restoring_work_on_it(made: Made) -> None:
    env = made(KNAPSACK, reward="final")
    env.reset(seed=0)
    *_, validated = act(env, "look", "baseline", "validate", "idea-1", "validate")
    progress = dict(enumerate(validated[0]))[4]
    assert progress > 0.5
    assert validated[1] == 0.0  # reward="final"
    assert "restore" not in may(validated[4])
    desk = env._desk
    assert isinstance(desk, Desk)
    assert desk.best == "knapsack-1"
    (tuned,) = act(env, "tune")
    assert tuned[4]["tool_calls"] == 2
    assert desk.current == "knapsack-1-rounds-2"
    assert "restore" in may(tuned[4])
    restored, handed_in = act(env, "restore", "submit")
    assert desk.best == "knapsack-1"
    assert "restore" not in may(restored[4])
    assert handed_in[1] > 0.6


def test_with_nothing_validated_the_best_is_what_its_own_estimate_says() -> None:
    env = SynthEnv(GAPS)
    desk = Desk(read_goal("Write `submission.csv`"), env.folder.spec, Purse(Goal("")), steps_left=9, looked=True)
    knob = Knob("a.py", "RATE", "RATE = 0.5  # of learning")
    for name, estimate in (("good", 0.9), ("bad", 0.1)):
        desk.kept[name] = Idea(name, "true", {"a.py": f"{knob.line}\n"}, knobs=(knob,))
        desk.estimates[name], desk.current = estimate, name
    assert desk.favourite == "good"
    assert desk.available()["restore"]
    calls = desk.do("tune")
    written = next(calls)
    assert written == tool("create", path="a.py", content="RATE = 1.0 # of learning\n")
    assert "kept/good-rate-1.0" in calls.send("Wrote a.py")["arguments"]["command"]
    desk.gave["bad"] = 0.2  # validation counts for more
    assert desk.favourite == "bad"
    assert not desk.available()["restore"]


def test_what_was_refused_is_not_taken_up_again() -> None:
    env = SynthEnv(GAPS)
    desk = Desk(read_goal("Write `submission.csv`"), env.folder.spec, Purse(Goal("")), steps_left=9, looked=True)
    desk.menu = {f"idea-{n}": Idea(name, "true", {}) for n, name in ((1, "fine"), (2, "empty"))}
    for action in ("idea-1", "idea-2"):
        calls = desk.do(action)
        next(calls)
        with pytest.raises(StopIteration):
            calls.send(f"CV roc_auc: {0.9 if action == 'idea-2' else 0.1}")
    assert (desk.current, desk.favourite) == ("empty", "empty")
    calls = desk.do("validate")
    next(calls)
    with pytest.raises(StopIteration):
        calls.send("The submission is not valid: row 3 is empty.")
    assert desk.favourite == "fine"
    assert desk.available()["restore"]
    assert not desk.available()["validate"]
    assert not desk.available()["blend"]


def test_the_mask_follows_what_was_done(made: Made) -> None:
    env = made(**QUICK)
    _, info = env.reset(seed=0)
    assert may(info) == {"look", "baseline"}
    looked, ran, validated = (result[4] for result in act(env, "look", "baseline", "validate"))
    assert may(looked) == {"baseline", "idea-1", "idea-2", "idea-3"}
    assert may(ran) == {"idea-1", "idea-2", "idea-3", "validate", "submit"}
    assert may(validated) == may(ran) - {"validate"}
    assert env.action_masks().tolist() == [bool(allowed) for allowed in validated["action_mask"]]


def test_a_choice_that_is_not_available_does_nothing_and_costs_a_step(made: Made) -> None:
    env = made(**QUICK)
    first, info = env.reset(seed=0)
    (result,) = act(env, "submit")
    observation, reward, terminated, truncated, after = result
    assert (reward, terminated, truncated, after["tool_calls"]) == (0.0, False, False, 1)
    assert after["steps_left"] == info["steps_left"] - 1
    assert may(after) == may(info)
    assert np.flatnonzero(observation != first).tolist() == [0]  # the steps that are left
    with pytest.raises(ValueError, match="index of ACTIONS"):
        env.step(len(ACTIONS))


def test_experiments_that_the_steps_do_not_allow_are_not_on_the_menu(made: Made) -> None:
    env = made(max_steps=4)
    env.reset(seed=0)
    looked, ran = (result[4] for result in act(env, "look", "baseline"))
    assert "idea-1" in may(looked)
    # One to write it, one to run it, and now one to put things back if it fails: two are left.
    assert may(ran) == {"validate", "submit"}
    (_, _, terminated, truncated, _), last = act(env, "validate", "validate")
    assert (terminated, truncated) == (False, False)
    assert (last[2], last[3], last[4]["exit_status"]) == (False, True, "auto_submitted")
    assert last[4]["progress"] == pytest.approx(0.0, abs=0.2)
    with pytest.raises(ResetNeeded):
        env.step(0)


def test_little_tool_time_leaves_what_costs_none(made: Made) -> None:
    env = made(limits={"tool_s": 5, "episode_s": 4})
    _, info = env.reset(seed=0)
    assert may(info) == {"look", "baseline"}
    (looked,) = act(env, "look")
    if not looked[3]:  # the clock was not run down by a busy machine
        assert may(looked[4]) == {"submit"}  # nothing else can be done, so the sample may be handed in
        (handed_in,) = act(env, "submit")
        assert handed_in[2]
        assert handed_in[4]["exit_status"] == "submitted"


def test_an_index_means_the_same_whatever_the_seed(made: Made) -> None:
    menus = []
    env = made(KNAPSACK)
    for seed in (1, 2):
        env.reset(seed=seed)
        act(env, "look")
        assert env._desk is not None
        menus.append({name: (idea.name, idea.files) for name, idea in env._desk.menu.items()})
    assert menus[0] == menus[1]
    assert len(menus[0]) >= 2


def test_the_same_seed_and_actions_give_the_same_episode(made: Made) -> None:
    episodes = []
    env = made(KNAPSACK, **QUICK)
    for _ in range(2):
        observation, _ = env.reset(seed=5)
        results = act(env, "look", "baseline", "idea-1", "validate", "submit")
        episodes.append([(observation.tolist(), 0.0), *((result[0].tolist(), result[1]) for result in results)])
    assert episodes[0] == episodes[1]


def test_gymnasium_finds_no_fault(made: Made) -> None:
    with pytest.warns(UserWarning, match="different from the unwrapped version"):  # it is a wrapper
        check_env(made(**QUICK))


def test_what_is_no_synth_env_is_refused() -> None:
    with pytest.raises(TypeError, match="wraps a SynthEnv, not CartPole"):
        MenuActions(gym.make("CartPole-v1"))


def test_make_vec_of_gymnasium_takes_the_wrapper() -> None:
    envs = gym.make_vec(f"synth/{GAPS}", 2, vectorization_mode="sync", wrappers=[MenuActions], sandbox="bwrap", **QUICK)
    observations, infos = envs.reset(seed=0)
    assert observations.shape == (2, OBSERVED)
    assert infos["action_mask"].shape == (2, len(ACTIONS))
    observations, *_, infos = envs.step(np.array([ACTIONS.index("baseline"), ACTIONS.index("look")]))
    assert infos["menu"].tolist() == ["baseline", "look"]
    assert not np.array_equal(observations[0], observations[1])
    envs.step(np.array([ACTIONS.index("look"), ACTIONS.index("baseline")]))
    *_, infos = envs.step(np.array([ACTIONS.index("look"), ACTIONS.index("submit")]))  # one runs no command
    assert infos["exit_code"].tolist() == [0, 0]
    assert infos["_exit_code"].tolist() == [True, False]
    envs.close()


@pytest.fixture
def vector() -> Iterator[Any]:
    gym.register("menu/two", vector_entry_point="mlgym_synth.menu:MenuVectorEnv", kwargs={"tasks": [GAPS, KNAPSACK]})
    envs = gym.make_vec("menu/two", num_envs=1, sandbox="bwrap", **QUICK)
    yield envs
    envs.close()
    del gym.registry["menu/two"]


def test_a_vector_plays_its_tasks_in_turn_and_resets_at_the_next_step(vector: MenuVectorEnv) -> None:
    _, infos = vector.reset(seed=0)
    assert infos["task_id"].tolist() == [GAPS]
    for name in ("baseline", "submit"):
        _, rewards, terminations, _, infos = vector.step(np.array([ACTIONS.index(name)]))
    assert rewards[0] == pytest.approx(0.5, abs=0.05)
    assert terminations.tolist() == [True]
    observations, rewards, terminations, truncations, infos = vector.step(np.array([0]))
    assert infos["task_id"].tolist() == [KNAPSACK]
    assert (rewards.tolist(), terminations.tolist(), truncations.tolist()) == ([0.0], [False], [False])
    assert vector.observation_space.contains(observations)
    assert vector.reset(seed=0)[1]["task_id"].tolist() == [GAPS]


def test_infrastructure_that_fails_is_told_apart_and_the_vector_goes_on(
    vector: MenuVectorEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector.reset(seed=0)

    def dies(*_: Any) -> Any:
        raise SandboxDied("the daemon is gone")

    with monkeypatch.context() as patch:
        patch.setattr(SynthEnv, "_run", dies)
        _, rewards, terminations, truncations, infos = vector.step(np.array([0]))
    assert (rewards.tolist(), terminations.tolist(), truncations.tolist()) == ([0.0], [False], [True])
    assert "daemon is gone" in infos["infrastructure_error"][0]
    _, _, _, truncations, infos = vector.step(np.array([0]))
    assert truncations.tolist() == [False]
    assert "infrastructure_error" not in infos


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, Any]]:
    """What a vector asked of its menus, `reset` with seed and options or `step` with the action; none of them plays."""
    calls: list[tuple[str, Any, Any]] = []
    seen, info = np.zeros(OBSERVED, np.float32), {"action_mask": np.ones(len(ACTIONS), np.int8)}

    def reset(self: MenuActions, *, seed: int | None = None, options: Any = None) -> Any:
        calls.append(("reset", seed, options))
        return seen, info

    def step(self: MenuActions, action: int) -> Any:
        calls.append(("step", action, None))
        return seen, 0.0, False, False, info

    monkeypatch.setattr(MenuActions, "reset", reset)
    monkeypatch.setattr(MenuActions, "step", step)
    return calls


def test_a_vector_does_nothing_that_does_not_fit_all_of_it(asked: list[tuple[str, Any, Any]]) -> None:
    with closing(MenuVectorEnv(3, tasks=[GAPS])) as envs:
        with pytest.raises(ResetNeeded):
            envs.step(np.array([0, 0, 0]))
        with pytest.raises(ValueError, match="2 seeds for 3 environments"):
            envs.reset(seed=[1, 2])
        assert not asked
        envs.reset(seed=(1, 2, 3), options={"a": 1})
        assert [(kind, options) for kind, _, options in asked] == [("reset", {"a": 1})] * 3
        asked.clear()
        for actions, fault in (
            ([0, 0], "2 actions for 3 environments"),
            ([0, 0, 0, 0], "4 actions for 3 environments"),
            ([13, 1, 1], "action 13 of environment 0: must be an index of ACTIONS, 0 to 12"),
            ([1, 1, -1], "action -1 of environment 2"),
            ([1, 0.5, 1], "of environment 0"),
        ):
            with pytest.raises(ValueError, match=fault):
                envs.step(np.array(actions))
        assert not asked
        assert envs.step([0, 1, 12])[0].shape == (3, OBSERVED)
        assert sorted(asked) == [("step", 0, None), ("step", 1, None), ("step", 12, None)]
    with pytest.raises(ClosedEnvironmentError, match="closed"):
        envs.step(np.array([0, 0, 0]))
    with pytest.raises(ClosedEnvironmentError, match="closed"):
        envs.reset()


def test_a_vector_raises_only_when_none_of_it_is_at_work(
    asked: list[tuple[str, Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, left = threading.Event(), threading.Event()

    def step(self: MenuActions, action: int) -> Any:
        if action == 0:
            entered.wait(10)
            raise RuntimeError("a bug")
        entered.set()
        left.wait(0.3)  # nobody sets it: this one takes that long
        left.set()
        raise RuntimeError("a later bug")

    with closing(MenuVectorEnv(2, tasks=[GAPS])) as envs:
        envs.reset(seed=0)
        monkeypatch.setattr(MenuActions, "step", step)
        with pytest.raises(RuntimeError, match="a bug"):
            envs.step(np.array([0, 1]))
        assert left.is_set()


def test_the_tasks_of_a_vector_are_looked_up_at_once() -> None:
    with pytest.raises(TaskNotFound, match="nosuch"):
        MenuVectorEnv(1, tasks=[GAPS, "nosuch"])
    with pytest.raises(ValueError, match="at least one"):
        MenuVectorEnv(0, tasks=[GAPS])
    with pytest.raises(ValueError, match="at least one"):
        MenuVectorEnv(1)


def test_the_name_of_a_task_is_one_task(asked: list[tuple[str, Any, Any]]) -> None:
    for number, expected in ((None, 1), (2, 2)):
        with closing(MenuVectorEnv(number, tasks=GAPS)) as envs:
            assert envs.reset(seed=0)[0].shape == (expected, OBSERVED)


def test_a_task_that_broke_meanwhile_costs_its_turn_alone(asked: list[tuple[str, Any, Any]], tmp_path: Path) -> None:
    folder = shutil.copytree(registry.find(KNAPSACK).folder, tmp_path / KNAPSACK)
    with closing(MenuVectorEnv(1, tasks=[GAPS, str(folder)])) as envs:
        envs.reset(seed=0)
        envs._slots[0]._ended = True
        shutil.rmtree(folder)
        *_, truncations, infos = envs.step(np.array([0]))
        assert truncations.tolist() == [True]
        assert "TaskNotFound" in infos["infrastructure_error"][0]
        *_, truncations, infos = envs.step(np.array([0]))
        assert truncations.tolist() == [False]
        assert "infrastructure_error" not in infos


@pytest.mark.slow
@pytest.mark.parametrize(
    "task",
    ["task-0195", KNAPSACK, "task-0005", "task-0009", "task-0008"],
    ids=["table", "program", "text", "clusters", "odd"],
)
def test_any_play_ends_within_its_budget(made: Made, task: str) -> None:
    env = made(task, max_steps=6, limits={"tool_s": 6, "episode_s": 14})
    rng = np.random.default_rng(int(task[-4:]))
    statuses = []
    taken = 0
    while taken < 40:
        observation, info = env.reset(seed=taken)
        over = False
        while not over:
            allowed = np.flatnonzero(info["action_mask"])
            # Every other choice does not look at the rules.
            action = int(rng.choice(allowed) if rng.random() < 0.5 else rng.integers(len(ACTIONS)))
            observation, reward, terminated, truncated, info = env.step(action)
            taken += 1
            assert env.observation_space.contains(observation)
            assert -1.0 <= reward <= 1.0
            over = terminated or truncated
        statuses.append(info["exit_status"])
        assert info["steps_left"] >= 0
    assert set(statuses) <= {"submitted", "auto_submitted", "no_submission", "invalid_submission"}
