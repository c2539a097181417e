"""Agents of one's own: found in the current folder, explained when they are none, played when they say little."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlgym_synth.trajectories.store import read_trajectories

AGENTS = """
class Plain:
    name = "plain"

    def start(self, statement, tools, seed):
        self.left = [("bash", {"command": "python baseline.py"}), ("submit", {})]

    def act(self, observation):
        name, arguments = self.left.pop(0)
        return {"tool": name, "arguments": arguments}


class Odd(Plain):
    usage = said = None


class Dict(Plain):
    usage = {"calls": 1, "cost_usd": 3.0}


class Later(Plain):
    async def act(self, observation):
        return super().act(observation)


class Broken(Plain):
    def act(self, observation):
        raise ValueError("my bug")


class Half:
    name = "half"


def fails():
    raise RuntimeError("no GPU here")
"""


def rollout(folder: Path, agent: str, out: str = "run") -> subprocess.CompletedProcess[str]:
    (folder / "my_agents.py").write_text(AGENTS)
    command = [sys.executable, "-m", "mlgym_synth.cli", "rollout", "--agent", agent, "--tasks", "task-0018"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*command, "--sandbox", "bwrap", "--out", out, "--json"],
        cwd=folder,
        env={**environment, "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("agent", ["Plain", "Odd"])
def test_a_class_in_the_current_folder_plays_and_need_not_count(tmp_path: Path, agent: str) -> None:
    done = rollout(tmp_path, f"my_agents:{agent}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statuses"] == {"submitted": 1}
    (played,) = read_trajectories(tmp_path / "run")
    assert len(played.agent_sha256) == 64
    assert played.usage.calls == 0


def test_its_failure_is_told_with_the_line(tmp_path: Path) -> None:
    done = rollout(tmp_path, "my_agents:Broken")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["statuses"] == {"agent_failed": 1}
    line = AGENTS.splitlines().index('        raise ValueError("my bug")') + 1
    assert result["last_error"] == f"ValueError: my bug (my_agents.py, line {line})"


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ("Dict", "TypeError: usage is dict, no mlgym_synth.agents.Usage"),
        ("Later", ""),
    ],
)
def test_what_cannot_be_stored_ends_no_run(tmp_path: Path, agent: str, message: str) -> None:
    done = rollout(tmp_path, f"my_agents:{agent}")
    assert "Traceback" not in done.stderr
    result = json.loads(done.stdout)
    assert (result["episodes"], result["last_error"] or "") == (1, message)


def test_the_line_is_of_the_agents_own_code(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text(
        "import json\nfrom my_agents import Plain\nclass Agent(Plain):\n    def act(self, seen):\n"
        "        return json.loads('{')\n"
    )
    result = json.loads(rollout(tmp_path, "deep:Agent").stdout)
    assert result["last_error"].endswith("(deep.py, line 5)")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def (:\n", "importing bad failed: SyntaxError: invalid syntax (bad.py, line 1)"),
        ("raise ValueError('no weights')\n", "importing bad failed: ValueError: no weights (bad.py, line 1)"),
        ("import sys\nsys.exit(4)\n", "importing bad failed: SystemExit: 4 (bad.py, line 2)"),
        ("import sys\ndef make():\n    sys.exit('no')\n", "make() failed: SystemExit: no (bad.py, line 3)"),
    ],
)
def test_a_module_that_fails_is_explained(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(code)
    done = rollout(tmp_path, "bad:make")
    assert done.returncode == 2
    assert f"agent 'bad:make': {message}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ("my_agents:Half", "lacks start(), act()"),
        ("my_agents:fails", "fails() failed: RuntimeError: no GPU here"),
        ("my_agents:nobody", "has no attribute 'nobody'"),
        ("my_agents.py:Plain", "Leave out the .py: my_agents:Plain."),
        ("json:loads", "loads() failed: TypeError"),
    ],
)
def test_what_is_no_agent_is_explained(tmp_path: Path, agent: str, message: str) -> None:
    done = rollout(tmp_path, agent)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_out_that_is_no_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("precious")
    done = rollout(tmp_path, "my_agents:Plain", out="taken")
    assert done.returncode == 2
    assert "taken" in done.stderr
    assert "Traceback" not in done.stderr
