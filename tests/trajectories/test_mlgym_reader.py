"""MLGym's own code, out of a checkout in `MLGYM_ROOT`, reads what `write_traj` writes."""

from __future__ import annotations

import ast
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlgym_synth.trajectories import Trajectory
from mlgym_synth.trajectories.export import write_traj
from tests.trajectories.conftest import TASK

pytestmark = pytest.mark.mlgym
FUNCTIONS = ("process_trajectories", "get_best_attempt", "get_best_scores", "get_action_results")


@pytest.fixture(scope="module")
def readers() -> dict[str, Any]:
    """Functions of its `evaluation/utils.py`, without the plots that the module would import."""
    tree = ast.parse((Path(os.environ["MLGYM_ROOT"]) / "mlgym/evaluation/utils.py").read_text())
    wanted: list[ast.stmt] = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS
    ]
    wanted += [node for node in tree.body if ast.unparse(node).startswith("EXIT_STATUS_MAP")]
    known: dict[str, Any] = {"json": json, "Path": Path, "np": np, "defaultdict": defaultdict}
    future = ast.parse("from __future__ import annotations").body
    exec(compile(ast.Module([*future, *wanted], []), "utils.py", "exec"), known)
    return known


def test_trajectories_scores_and_endings_are_what_was_played(
    readers: dict[str, Any], played: list[Trajectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_traj(played, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    baseline, looked, nothing = played
    models = ["scripted-baseline", "scripted-looks-around", "scripted-nop"]
    read = readers["process_trajectories"]("out", "mlgym-synth", TASK, models)
    for model, episode in zip(models, played, strict=True):
        (steps,) = read[model]["trajectories"]
        assert [step["observation"] for step in steps] == [step.observation for step in episode.steps]
    assert [read[model]["exit_statuses"] for model in models] == [[["Success"]], [["Success"]], [["Evaluation"]]]
    scored = {model: read[model] for model in models[:2]}
    metric, direction = looked.metric, looked.direction
    best = readers["get_best_scores"]({**scored, "scores": scored[models[0]]["scores"]}, metric, direction, models[:2])
    assert best[models[0]]["best_submissions"] == [baseline.test_score]
    assert best[models[1]]["best_submissions"] == [looked.test_score]
    assert nothing.test_score is None
    assert read[models[2]]["scores"][0]["agent"] == []


def test_actions_are_counted_as_its_own_are(
    readers: dict[str, Any], played: list[Trajectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_traj(played, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    read = readers["process_trajectories"]("out", "mlgym-synth", TASK, ["scripted-looks-around", "scripted-baseline"])
    counts = readers["get_action_results"]({TASK: read})["actions_per_model"]
    assert dict(counts["scripted-baseline"]) == {"Python": 1, "Submit": 1}
    assert {"Edit": 1, "Validate": 1, "Submit": 1}.items() <= dict(counts["scripted-looks-around"]).items()
