"""What PPO on the menu makes of a rollout, and how its experiment goes on after it was killed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlgym_synth.menu import ACTIONS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def menu_rl(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("menu_rl")


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
    monkeypatch.setattr(menu_rl, "HELDOUT", ["task-0001", "task-0002"])
    file = tmp_path / "heldout.jsonl"
    kept = {"key": ["baseline", "task-0001", 0], "return": 0.1, "exit_status": "submitted", "actions": []}
    file.write_text(json.dumps(kept) + '\n{"key": ["baseline", "task-00')
    players = {"baseline": (1, lambda seed: menu_rl.always_baseline)}
    for _ in range(2):  # the second time all is known
        found = menu_rl.evaluate(players, tmp_path, "bwrap", menu_rl.Clock(tmp_path))
        assert [found["baseline"][task][0]["return"] for task in menu_rl.HELDOUT] == [0.1, 0.5]
    assert played == ["task-0002"]


def test_minutes_are_those_of_all_calls(menu_rl: Any, tmp_path: Path) -> None:
    (tmp_path / "minutes").write_text("12.5\n")
    assert menu_rl.Clock(tmp_path).keep() == pytest.approx(12.5, abs=0.1)
    assert menu_rl.Clock(tmp_path).keep() >= 12.5
