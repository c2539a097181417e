"""Every command and snippet of the README runs, and its figures are those of the committed results."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.episode import play
from mlgym_synth.trajectories.store import TrajectoryStore
from tests.evaluation.mlgym.checkout import build
from tests.hub_server import HubServer
from tests.llm_server import LLMServer
from tests.synthesis.test_llm_author import files, hub, teacher
from tests.training.tiny import a_model_folder

__all__ = ["hub"]  # a fixture
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
SCRIPTS = [
    [line.partition(" #")[0].strip() for line in text.splitlines()] for language, text in BLOCKS if language == "bash"
]
COMMANDS = [command for script in SCRIPTS for command in script if command]
ENDPOINT = "http://127.0.0.1:8000/v1"
HELDOUT = "--suite heldout"
ONE_TASK = "--suite my-suite.txt --max-tokens 64"
"""In its place, and few words from models that were not taught to end."""


@pytest.mark.parametrize("snippet", PYTHON, ids=lambda text: text.splitlines()[0][:40])
def test_python_snippet_runs(snippet: str, tmp_path: Path) -> None:
    if "my-run" in snippet:
        a_run(tmp_path / "my-run")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("script", [s for s in SCRIPTS if s[0].startswith("mlgym-synth")], ids=lambda s: s[0][:50])
def test_commands_run(script: list[str], tmp_path: Path, hub: HubServer) -> None:
    a_task_of_ones_own(tmp_path / "my-tasks" / "envs" / "my-0001")
    a_table_of_ones_own(tmp_path / "biopsies.csv")
    build(tmp_path / "MLGym")
    (tmp_path / "my-suite.txt").write_text("task-0018\n")
    a_model_folder(tmp_path / "my-model", merges_of=README)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OPENAI_API_KEY": "k"}
    with LLMServer(teacher(files())) as server, contextlib.ExitStack() as behind:
        for command in script:
            command = command.replace(ENDPOINT, server.url).replace(HELDOUT, ONE_TASK)
            if command.endswith("&"):
                behind.enter_context(in_the_background(shlex.split(command)[:-1], tmp_path, environment))
                continue
            done = subprocess.run(
                shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stdout.strip()


def a_run(folder: Path) -> None:
    """One episode, stored."""
    env = SynthEnv(registry.find("task-0018").folder)
    with TrajectoryStore(folder) as store:
        store.put(play(env, load_agent("scripted:baseline"), seed=0))
    env.close()


def a_table_of_ones_own(file: Path) -> None:
    """Real biopsies: ten measurements of the cells, and what it was."""
    bunch = load_breast_cancer(as_frame=True)
    frame = bunch.data.filter(regex="^mean ").assign(diagnosis=bunch.target_names[bunch.target])
    frame.to_csv(file, index=False)


def a_task_of_ones_own(folder: Path) -> None:
    """A shipped one, changed as the README says."""
    shutil.copytree(ROOT / "envs" / "task-0018", folder)
    spec = (folder / "task.yaml").read_text()
    for old, new in (("id: task-0018", "id: my-0001"), ("items: 60", "items: 40"), ("seed: 1801", "seed: 7")):
        assert old in spec
        spec = spec.replace(old, new, 1)
    (folder / "task.yaml").write_text(re.sub(r"\n  sha256: \w+", "", spec, count=1))
    (folder / "README.md").write_text(
        "# Packing for a climb\nOf forty things, each of some use and with a weight, a size and a price, a climber"
        " takes those of the greatest use together that stay within what can be carried, packed and paid.\n\nWrite"
        " `loading.py` with `pack(values, weights, capacities)`: 40 uses, three lists of 40 amounts, three limits, all"
        " whole numbers. It returns the indexes of what is taken, each once; above a limit all is invalid.\n\nThe"
        " metric is `value_over_bound`, the mean of the use of your choice over an upper bound; maximize it."
        " `instances.json` has examples `[values, weights, capacities]`.\n"
    )


@contextlib.contextmanager
def in_the_background(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A server that says when it is ready, and ends when it is told to."""
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            assert "answers at" in running.stdout.readline()
            yield
        finally:
            running.terminate()
            running.stdout.read()
    assert running.returncode in (0, -signal.SIGTERM)


def test_make_targets_exist() -> None:
    targets = {shlex.split(command)[1] for command in COMMANDS if command.startswith("make")}
    assert targets == {"demo", "test"}
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_every_command_is_tested() -> None:
    assert all(command.startswith(("mlgym-synth ", "make ")) for command in COMMANDS)


def test_figures_are_those_of_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import readme_table

    assert readme_table.with_table(README) == README, "run: python benchmarks/readme_table.py"
