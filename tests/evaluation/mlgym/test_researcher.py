"""`scripted:researcher` in workspaces laid out as MLGym's are: data in a folder, other names, a game's strategy."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.env import SynthEnv
from mlgym_synth.evaluation.mlgym import register
from mlgym_synth.rollouts.episode import play
from mlgym_synth.trajectories.model import Trajectory
from tests.evaluation.mlgym import checkout

ROWS = [(f"h{n}", n % 7, (n * 5) % 11, "NS"[n % 2]) for n in range(260)]
PAYOFFS = (
    "Round   Row_Player_Choice   Column_Player_Choice    Reward_Row    Reward_Column\n"
    "1  0  1  0  0\n2  1  1  1  2\n3  0  0  2  1\n4  1  0  0  0\n"
)


def price(row: tuple[str, int, int, str]) -> float:
    return 3.0 * row[1] + float(row[2] ** 1.5) + 4.0 * (row[3] == "N") + random.Random(row[0]).gauss(0, 0.3)


def table(rows: list[tuple[str, int, int, str]], answers: bool) -> str:
    lines = [f"{','.join(map(str, row))}{f',{price(row):.3f}' if answers else ''}" for row in rows]
    return "\n".join(["HouseId,rooms,age,side" + (",price" if answers else ""), *lines]) + "\n"


def houses(root: Path) -> None:
    train, held_out, test = ROWS[:150], ROWS[150:180], ROWS[180:]
    answer = "HouseId,price\n" + "".join(f"{row[0]},{price(row):.3f}\n" for row in test)
    base = "import pandas as pd\ntest = pd.read_csv('data/test.csv')\ntest['price'] = test['rooms'] * 1.0\n"
    files = {
        "evaluate.py": checkout.TABLE_EVALUATOR,
        "baseline.py": f"{base}test[['HouseId', 'price']].to_csv('submission.csv', index=False)\n",
        "data/train.csv": table(train, True),
        "data/validation.csv": table(held_out, True),
        "data/test.csv": table(test, False),
        "data/answer.csv": answer,
    }
    checkout.add_task(root, checkout.HOUSES, files, baseline_scores=[{"r2": -1.0}])


def game(root: Path) -> None:
    files = {
        "evaluate.py": checkout.GAME_EVALUATOR.replace("import answer", "import target_column_strategy as answer"),
        "strategy.py": "def row_strategy(history):\n    return 1\n",
        "target.py": "def target_column_strategy(history):\n    return history[-1][0] if history else 1\n",
    }
    told = f"You play 10 rounds with a partner; these are payoffs.\n{PAYOFFS}"
    told += "Change the `row_strategy(history)` function.\nSUBMISSION FORMAT: as always."
    checkout.add_task(root, checkout.GAME, files, description=told, baseline_scores=[{"Score": 1.0}])


def played(root: Path, task: str) -> Trajectory:
    register(root)
    env = SynthEnv(f"mlgym/{task}", sandbox="bwrap")
    try:
        return play(env, load_agent("scripted:researcher"), seed=1)
    finally:
        env.close()
        registry.unregister(root)


@pytest.mark.slow
def test_data_of_another_layout_is_arranged_and_bettered(tmp_path: Path) -> None:
    houses(tmp_path)
    trajectory = played(tmp_path, checkout.HOUSES)
    assert trajectory.status == "submitted"
    assert trajectory.test_score is not None
    assert trajectory.test_score > 0.9


def test_the_best_habit_against_a_partner_is_played(tmp_path: Path) -> None:
    game(tmp_path)
    trajectory = played(tmp_path, checkout.GAME)
    scores = [score for score in trajectory.validation_scores if score is not None]
    assert trajectory.status == "submitted", trajectory.fault
    assert scores[0] == pytest.approx(1.0)  # the strategy that is there: always (1, 1)
    assert trajectory.test_score == pytest.approx(1.8)  # (0, 1) once, then (0, 0)
