"""What PPO on the menu makes of a rollout, and how its experiment goes on after it was killed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mlgym_synth import registry
from mlgym_synth.errors import GradingError, RolloutStopped, SandboxDied
from mlgym_synth.menu import ACTIONS, OBSERVED

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def menu_rl(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("menu_rl")
    monkeypatch.setattr(module.gym, "make_vec", lambda _, num_envs, **kwargs: Guesses(num_envs))
    monkeypatch.setattr(module.gym, "make", lambda *_, **__: pytest.fail("no test here plays for real"))
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)  # it would change sums in what is tested after this
    return module


class Guesses:
    """A vector of episodes of two moves. Four are on the menu, and what is seen says which of three pays 0.5."""

    down = False
    """Whether its infrastructure is."""

    def __init__(self, n: int) -> None:
        self.n, self.moves = n, np.zeros(n, dtype=int)

    def seen(self) -> tuple[NDArray[np.float32], dict[str, Any]]:
        self.pays = self.rng.integers(3, size=self.n)
        mask = np.zeros((self.n, len(ACTIONS)), np.int8)
        mask[:, :4] = 1
        return np.eye(OBSERVED, dtype=np.float32)[self.pays], {"action_mask": mask}

    def reset(self, seed: int) -> tuple[NDArray[np.float32], dict[str, Any]]:
        self.rng = np.random.default_rng(seed)
        return self.seen()

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, ...]:
        assert actions.max() < 4
        resets = self.moves == 2
        self.moves = np.where(resets, 0, self.moves + 1)
        rewards = np.where(resets, 0.0, 0.5 * (actions == self.pays))
        observations, infos = self.seen()
        if self.down:
            infos["_infrastructure_error"] = np.ones(self.n, dtype=bool)
            infos["infrastructure_error"] = np.full(self.n, "the daemon is gone", dtype=object)
        never = np.zeros(self.n, dtype=bool)
        return observations, rewards, never if self.down else self.moves == 2, never | self.down, infos

    def close(self) -> None: ...


def train(menu_rl: Any, out: Path, iterations: int = 8) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Weights and curve, without how long each rollout took."""
    out.mkdir(exist_ok=True)
    agent, curve = menu_rl.train(3, out, iterations, float("inf"), "none", menu_rl.Clock(out))
    return agent.state_dict(), [{**point, "seconds": 0} for point in curve]


def called(menu_rl: Any, patch: pytest.MonkeyPatch, out: Path, iterations: int = 40, seeds: str = "3") -> None:
    """As on a command line."""
    patch.setattr("sys.argv", ["menu_rl.py", "--out", str(out), "--iterations", f"{iterations}", "--seeds", *seeds])
    patch.setattr(menu_rl.gym, "register", lambda *_, **__: None)
    menu_rl.main()


def same(some: dict[str, Any], others: dict[str, Any]) -> bool:
    return all(torch.equal(some[name], others[name]) for name in some)


def test_ppo_learns_what_pays_and_goes_on_as_if_nothing_had_been(
    menu_rl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, curve = train(menu_rl, tmp_path / "undisturbed")
    returns = [point["return"] for point in curve]
    assert returns[0] < 0.4
    assert returns[-1] > 0.8
    collect = menu_rl.collect

    def killed(agent: Any, seed: int, number: int, sandbox: str) -> Any:
        if number == 3:
            raise KeyboardInterrupt
        return collect(agent, seed, number, sandbox)

    with monkeypatch.context() as patch:
        patch.setattr(menu_rl, "collect", killed)
        with pytest.raises(KeyboardInterrupt):
            train(menu_rl, tmp_path / "killed")
    torch.manual_seed(99)
    again, its_curve = train(menu_rl, tmp_path / "killed")
    assert same(again, weights)
    assert its_curve == curve


def test_an_outage_stops_before_it_spoils_what_was_learned(
    menu_rl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with menu_rl.held(tmp_path, menu_rl.settings(4)):
        train(menu_rl, tmp_path, 2)
    with monkeypatch.context() as patch:
        patch.setattr(Guesses, "down", True)
        patch.setattr(menu_rl, "evaluate", lambda *_: {})
        with pytest.raises(RolloutStopped, match="only 0 of 128 steps were played: the daemon is gone"):
            train(menu_rl, tmp_path, 4)
        with pytest.raises(SystemExit, match=r"Stopped: only 0 of 128 .*\n.*goes on from there"):
            called(menu_rl, patch, tmp_path, iterations=4)
    assert sorted(file.name for file in tmp_path.glob("seed-3-*")) == [f"seed-3-{n:04}.pt" for n in (1, 2)]
    weights, curve = train(menu_rl, tmp_path, 4)
    assert len(curve) == 4
    assert all(value.isfinite().all() for value in weights.values())


def test_a_folder_has_one_experiment(menu_rl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[int]] = []
    monkeypatch.setattr(menu_rl, "experiment", lambda seeds, *_: ran.append(seeds))
    called(menu_rl, monkeypatch, tmp_path / "new")
    called(menu_rl, monkeypatch, tmp_path / "new", seeds="0123")
    assert ran == [[3], [0, 1, 2, 3]]
    for iterations in (20, 60):
        with pytest.raises(SystemExit, match=f"other settings: iterations was 40 and is {iterations}. Give another"):
            called(menu_rl, monkeypatch, tmp_path / "new", iterations)
    with monkeypatch.context() as patch:
        patch.setitem(menu_rl.BUDGET, "max_steps", 15)
        patch.setattr(menu_rl, "CLIP", 0.3)
        with pytest.raises(SystemExit, match=r"budget.max_steps was 14 and is 15; clip was 0.2 and is 0.3"):
            called(menu_rl, patch, tmp_path / "new")
    changed = {**menu_rl.settings(40), "sha256": {**menu_rl.settings(40)["sha256"], menu_rl.HELDOUT[0]: "ab"}}
    with (
        pytest.raises(SystemExit, match=rf"settings: sha256.{menu_rl.HELDOUT[0]} was "),
        menu_rl.held(tmp_path / "new", changed),
    ):
        ...
    (tmp_path / "seed-0-0001.pt").touch()
    with pytest.raises(SystemExit, match="does not say of which settings"):
        called(menu_rl, monkeypatch, tmp_path)
    assert len(ran) == 2


def test_one_process_at_a_time_has_a_folder(menu_rl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(menu_rl, "experiment", lambda *_: called(menu_rl, monkeypatch, tmp_path))
    with pytest.raises(SystemExit, match="another process writes here"):
        called(menu_rl, monkeypatch, tmp_path)
    monkeypatch.setattr(menu_rl, "experiment", lambda *_: None)
    called(menu_rl, monkeypatch, tmp_path)


def test_a_policy_that_moved_far_is_left_alone(menu_rl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {}
    for target in (0.0, 1e9):
        monkeypatch.setattr(menu_rl, "TARGET_KL", target)
        torch.manual_seed(0)
        agent = menu_rl.Agent()
        batch, _ = menu_rl.collect(agent, 0, 0, "none")
        moved[target] = menu_rl.update(agent, torch.optim.Adam(agent.parameters(), lr=1e-3), batch)
    assert 0 < moved[0.0] < moved[1e9]


def of(value: float) -> dict[str, Any]:
    """An episode with this return."""
    return {"return": value, "actions": ["look", "idea-1", "tune", "validate", "restore", "submit"]}


def test_tasks_of_one_data_set_are_one_piece_of_evidence(menu_rl: Any, tmp_path: Path) -> None:
    returns = {"random": [0.2, 0.2, 0.2, 0.2], "baseline": [0.5, 0.5, 0.5, 0.5], "ppo-0-after-9": [0.9, 0.9, 0.9, 0.3]}
    played = {name: {f"task-{n}": [of(value)] for n, value in enumerate(row)} for name, row in returns.items()}
    alone = menu_rl.summary(played, ["a", "b", "c", "d"])["gain_over_baseline"]
    clustered = menu_rl.summary(played, ["a", "a", "a", "b"])["gain_over_baseline"]
    assert alone["mean"] == clustered["mean"] == 0.25
    assert alone["ci95"][0] > clustered["ci95"][0] == -0.2
    found = menu_rl.summary(played, ["a", "b", "c", "d"])
    assert found["mean_return"]["ppo"] == 0.75
    assert found["moves"]["random"] == {"experiments": 2.0, "validate": 1.0, "restore": 1.0}


def test_a_family_of_many_tasks_does_not_hide_others(menu_rl: Any) -> None:
    tasks = {"random": [0.2, 0.4, 0.6], "baseline": [0.5, 0.5, 0.5], "ppo-0-after-9": [0.9, 0.7, 0.1]}
    played = {name: {f"task-{n}": [of(value)] for n, value in enumerate(row)} for name, row in tasks.items()}
    found = menu_rl.by_family(played, ["a", "a", "b"])
    assert found["a"] == {"tasks": 2, "mean_return": {"ppo": 0.8, "random": 0.3, "baseline": 0.5, "ppo-0-after-9": 0.8}}
    assert found["b"] == {"tasks": 1, "mean_return": {"ppo": 0.1, "random": 0.6, "baseline": 0.5, "ppo-0-after-9": 0.1}}


def test_held_out_tasks_are_of_data_sets_of_their_own(menu_rl: Any) -> None:
    entries = [registry.find(task) for task in menu_rl.HELDOUT]
    assert {entry.split for entry in entries} == {"heldout"}
    assert len({entry.dataset for entry in entries}) == len(entries)
    assert {registry.find(task).split for task in menu_rl.TRAIN} == {"train"}


def test_the_curve_stands_beside_what_others_get_on_the_same_tasks(
    menu_rl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def play(task: str, seed: int, choose: Any, sandbox: str) -> dict[str, Any]:
        value = 0.1 * (task in menu_rl.TRAIN) + choose
        return {"return": round(value, 4), "exit_status": "submitted", "actions": []}

    monkeypatch.setattr(menu_rl, "play", play)
    gets = {"at_random": 0.2, "late": 0.3, "always_baseline": 0.5, "in_order": 0.6, "greedy": 0.7, "sampled": 0.65}
    for name, value in gets.items():  # instead of players, what they get
        player = value if name in ("always_baseline", "in_order") else lambda *_, value=value: value
        monkeypatch.setattr(menu_rl, name, player)
    menu_rl.experiment([0, 1], 2, float("inf"), "none", tmp_path, tmp_path / "results")
    written = json.loads((tmp_path / "results" / "menu_rl.json").read_text())
    simple = {"random": 0.2, "random-late": 0.3, "baseline": 0.5, "in-order": 0.6}
    assert written["train"]["mean_return"] == {name: round(value + 0.1, 4) for name, value in simple.items()}
    assert "end within" in written["train"]["curve"]
    heldout = written["heldout"]
    learned = {f"{name}-{seed}-after-2": value for name, value in (("ppo", 0.7), ("sampled", 0.65)) for seed in (0, 1)}
    each = {"ppo": 0.7, "sampled": 0.65, **simple, **learned}
    assert heldout["mean_return"] == each
    assert heldout["gain_over_random"] == {"mean": 0.5, "ci95": [0.5, 0.5], "by_seed": [0.5, 0.5]}
    assert heldout["gain_over_in_order"]["mean"] == 0.1
    assert written["settings"] == menu_rl.settings(2, "none")
    assert heldout["by_family"]["tabular-regression"] == {"tasks": 9, "mean_return": each}
    assert [len(curve) for curve in written["curves"].values()] == [2, 2]
    assert (tmp_path / "results" / "menu_rl.png").stat().st_size > 10_000


def test_seeds_that_differ_widen_the_interval(menu_rl: Any) -> None:
    def gain(*of_seeds: float) -> dict[str, Any]:
        players = {"random": 0.2, **{f"ppo-{seed}-after-9": value for seed, value in enumerate(of_seeds)}}
        played = {name: {f"task-{n}": [of(value)] for n in range(4)} for name, value in players.items()}
        return dict(menu_rl.summary(played, ["a", "b", "c", "d"])["gain_over_random"])

    assert gain(0.6, 0.6, 0.6) == {"mean": 0.4, "ci95": [0.4, 0.4], "by_seed": [0.4, 0.4, 0.4]}
    apart = gain(0.3, 0.6, 0.9)
    assert apart["by_seed"] == [0.1, 0.4, 0.7]
    assert apart["ci95"][0] < 0.2
    assert apart["ci95"][1] > 0.6


def test_who_goes_by_a_list_validates_each_and_ends_with_the_best(menu_rl: Any) -> None:
    mask, seen = np.ones(len(ACTIONS), dtype=np.int8), []
    full = np.ones(1, dtype=np.float32)
    for _ in range(5):
        seen.append(ACTIONS[menu_rl.in_order(full, mask)])
        mask[ACTIONS.index(seen[-1])] = 0
    assert seen == ["validate", "look", "idea-1", "idea-2", "idea-3"]
    nearly_over = np.array([2 / menu_rl.BUDGET["max_steps"]], dtype=np.float32)
    assert ACTIONS[menu_rl.in_order(nearly_over, mask)] == "restore"


def test_who_hands_in_late_does_so_last(menu_rl: Any) -> None:
    choose, mask = menu_rl.late(0), np.zeros(len(ACTIONS), dtype=np.int8)
    mask[[ACTIONS.index("look"), ACTIONS.index("submit")]] = 1
    assert {choose(np.zeros(1), mask) for _ in range(20)} == {ACTIONS.index("look")}
    mask[ACTIONS.index("look")] = 0
    assert choose(np.zeros(1), mask) == ACTIONS.index("submit")


def test_an_episode_that_infrastructure_cut_short_is_played_again(
    menu_rl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [SandboxDied("gone"), GradingError("no answer")]

    def once(*_: Any) -> dict[str, Any]:
        if faults:
            raise faults.pop()
        return {"return": 0.5}

    monkeypatch.setattr(menu_rl, "_play", once)
    assert menu_rl.play("task-0001", 0, menu_rl.in_order, "none") == {"return": 0.5}
    faults += [SandboxDied("gone")] * menu_rl.TRIES
    with pytest.raises(SandboxDied, match="gone"):
        menu_rl.play("task-0001", 0, menu_rl.in_order, "none")


def test_the_baseline_player_always_finds_an_action(menu_rl: Any) -> None:
    mask = np.zeros(len(ACTIONS), dtype=np.int8)
    other = next(n for n, name in enumerate(ACTIONS) if name not in ("baseline", "submit"))
    seen = []
    for name in (other, ACTIONS.index("submit"), ACTIONS.index("baseline")):
        mask[name] = 1
        seen.append(menu_rl.always_baseline(np.zeros(1, dtype=np.float32), mask))
    assert seen == [other, ACTIONS.index("submit"), ACTIONS.index("baseline")]


def test_a_spoilt_step_teaches_nothing(menu_rl: Any) -> None:
    steps, envs = menu_rl.STEPS, menu_rl.ENVS
    batch = {
        "reward": torch.zeros(steps, envs),
        "value": torch.full((steps, envs), 0.6),
        "over": torch.zeros(steps, envs, dtype=torch.bool),
        "real": torch.ones(steps, envs, dtype=torch.bool),
    }
    batch["over"][5] = True
    batch["real"][5, 0] = False  # cut short there; everywhere else the episode was lost
    found = menu_rl.advantages(batch, torch.full((envs,), 0.6))
    assert found[:6, 0].tolist() == pytest.approx([0.0] * 6)
    assert found[5, 1].item() == pytest.approx(-0.6)
    assert found[4, 1].item() == pytest.approx(-0.6 * menu_rl.LAMBDA)


def test_a_cut_line_is_played_again_and_stays_on_its_own(
    menu_rl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[str] = []

    def play(task: str, *_: Any) -> dict[str, Any]:
        played.append(task)
        return {"return": 0.5, "exit_status": "submitted", "actions": []}

    monkeypatch.setattr(menu_rl, "play", play)
    tasks = ["task-0001", "task-0002"]
    file = tmp_path / "played.jsonl"
    kept = {"key": ["baseline", "task-0001", 0], "return": 0.1, "exit_status": "submitted", "actions": []}
    file.write_text(json.dumps(kept) + '\n{"key": ["baseline", "task-00')
    players = {"baseline": (1, lambda seed: menu_rl.always_baseline)}
    for _ in range(2):  # the second time all is known
        found = menu_rl.evaluate(players, tasks, tmp_path, "bwrap", menu_rl.Clock(tmp_path))
        assert [found["baseline"][task][0]["return"] for task in tasks] == [0.1, 0.5]
    assert played == ["task-0002"]


def test_minutes_are_those_of_all_calls(menu_rl: Any, tmp_path: Path) -> None:
    (tmp_path / "minutes").write_text("12.5\n")
    assert menu_rl.Clock(tmp_path).keep() == pytest.approx(12.5, abs=0.1)
    assert menu_rl.Clock(tmp_path).keep() >= 12.5
