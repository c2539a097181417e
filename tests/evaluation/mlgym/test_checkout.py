"""Against a real checkout of MLGym, in `MLGYM_ROOT` (House Price after its own `_generate_split.py`)."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgym_synth import registry
from mlgym_synth.env import SynthEnv
from mlgym_synth.evaluation.mlgym import register, survey
from mlgym_synth.evaluation.mlgym.export import export_tasks

pytestmark = pytest.mark.mlgym
WORKSPACE = "/home/agent/workspace"
RULE = "import pandas as pd\nt = pd.read_csv('data/test.csv')\n"
RULE += "t['Survived'] = ((t.Sex == 'female') & (t.Pclass < 3)).astype(int)\n"
RULE += "t[['PassengerId', 'Survived']].to_csv('submission.csv', index=False)\n"


@pytest.fixture(scope="module")
def mlgym() -> Iterator[Path]:
    root = Path(os.environ["MLGYM_ROOT"]).resolve()
    register(root)
    yield root
    registry.unregister(root)


def played(task: str, backend: str, *commands: str) -> tuple[dict[str, Any], bytes]:
    """What is scored after some commands, and the submission."""
    env = SynthEnv(f"mlgym/{task}", sandbox=backend)
    try:
        env.reset(seed=0)
        assert env.sandbox is not None
        for command in commands:
            assert env.step({"tool": "bash", "arguments": {"command": command}})[4]["exit_code"] == 0
        content = env.folder.collect(env.sandbox, 1 << 24)
        return env.step({"tool": "validate", "arguments": {}})[4], content
    finally:
        env.close()


def by_hand(root: Path, folder: Path, data: str, submission: bytes) -> Any:
    """What MLGym's own evaluator prints of a submission."""
    shutil.copytree(root / data / "data", folder / "data")
    text = (root / data / "evaluate.py").read_text().replace(WORKSPACE, str(folder))
    (folder / "evaluate.py").write_text(text)
    (folder / "submission.csv").write_bytes(submission)
    argv = [sys.executable, "evaluate.py", "--submission_file", "submission.csv"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_what_runs_and_what_does_not(mlgym: Path) -> None:
    found = survey(mlgym)
    assert found.fault is None
    assert found.broken == []
    running = {one.id.removeprefix("mlgym/") for one in found.listed if one.state == "runs"}
    assert running == {"battleOfSexes", "blotto", "prisonersDilemma", "regressionKaggleHousePrice", "titanicSurvival"}
    assert all(one.missing for one in found.listed if one.state != "runs")


def test_house_price(mlgym: Path, backend: str, tmp_path: Path) -> None:
    info, content = played("regressionKaggleHousePrice", backend, "python baseline.py 2>/dev/null")
    assert info["sandbox"] == backend
    assert info["score"] == pytest.approx(0.879989, abs=5e-7)
    assert info["score"] == by_hand(mlgym, tmp_path, "data/regressionKaggleHousePrice", content)["r2"]


def test_titanic(mlgym: Path, backend: str, tmp_path: Path) -> None:
    info, content = played("titanicSurvival", backend, f"cat > rule.py <<'END'\n{RULE}END\npython rule.py")
    assert info["score"] == by_hand(mlgym, tmp_path, "data/titanic", content)["accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["battleOfSexes", "prisonersDilemma", "blotto"])
def test_games_at_their_baselines(mlgym: Path, backend: str, task: str) -> None:
    info, _ = played(task, backend)
    # Mean payoffs of 10,000 games of 10 rounds: a standard error below 0.008, here and in what was published.
    assert info["score"] == pytest.approx(info["baseline_score"], abs=0.04)


def test_exported_configs_have_the_fields_that_mlgyms_loader_reads(mlgym: Path, tmp_path: Path) -> None:
    tree = ast.parse((mlgym / "mlgym/environment/tasks.py").read_text())
    fields = {
        node.name: {
            item.target.id
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    export_tasks([registry.find("task-0018"), registry.find("task-0010")], tmp_path)
    for kind, folder in (("TaskConfig", "tasks"), ("DatasetConfig", "datasets")):
        for file in (tmp_path / "configs" / folder).glob("*.yaml"):
            assert set(yaml.safe_load(file.read_text())) <= fields[kind]
