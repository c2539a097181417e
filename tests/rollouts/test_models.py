"""Models that play many episodes at once, through an endpoint that has every fault."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import ModelSettings
from mlgym_synth.errors import RolloutStopped
from mlgym_synth.llm.budget import Prices
from mlgym_synth.rollouts import worker
from mlgym_synth.rollouts.driver import rollout
from mlgym_synth.rollouts.local import LocalEngine
from mlgym_synth.rollouts.plan import Plan, PlaySettings
from mlgym_synth.trajectories.store import TrajectoryStore, read_settings, read_summaries, read_trajectories
from tests.llm_server import LLMServer, Response, answer, call, cut, failure, hang

KEY = "sk-test-0123456789abcdef"
GOOD = (call(("bash", {"command": "python baseline.py"}), content="First the baseline."), call(("submit", {})))
FAULTY = (
    failure(429, retry_after="0.01"),
    failure(500),
    cut(),
    hang(2.0),
    call(("bash", '{"command": ')),
    call(("bsah", {"command": "ls"})),
    call(("bash", {"cmd": "ls"}), ("submit", {})),
    answer(""),
    answer("I would now train a model."),
    answer(None, finish_reason="length"),
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("mlgym_synth.llm.model.LONGEST_WAIT_S", 0.01)
    monkeypatch.setattr(worker, "PAUSE_S", 0.01)


def plan(url: str, episodes: int, **settings: Any) -> Plan:
    model = ModelSettings(base_url=url, **{"timeout_s": 1.0, "retries": 4, "mode": "tools", **settings})
    play = PlaySettings("openai:player", model, sandbox="bwrap", max_steps=6)
    return Plan((registry.find("task-0018"),), episodes, 5, play)


def test_every_episode_ends_in_a_defined_status_whatever_the_endpoint_does(tmp_path: Path) -> None:
    rng, lock = random.Random(3), threading.Lock()

    def sometimes_faulty(request: dict[str, Any]) -> Response:
        with lock:
            if rng.random() < 0.5:
                return rng.choice(FAULTY)
        return GOOD[any("python baseline.py" in json.dumps(m) for m in request["messages"])]

    with LLMServer(sometimes_faulty) as server:
        run = plan(server.url, 24, concurrency=3, prices=Prices(1.0, 2.0))
        with TrajectoryStore(tmp_path, run.settings()) as store:
            tally = rollout(run, store, LocalEngine(slots=6))
            kept = read_settings(tmp_path)
    assert tally.done + tally.void == 24
    assert set(tally.statuses) <= {"submitted", "auto_submitted", "no_submission", "model_failed"}
    assert tally.statuses["submitted"] >= 8
    assert tally.cost_usd > 0
    assert tally.tokens > 0
    assert KEY not in json.dumps(kept)
    for trajectory in read_trajectories(tmp_path):
        assert trajectory.agent_sha256
        assert trajectory.system.startswith("You")
        assert trajectory.void or trajectory.usage.calls >= len(trajectory.steps)


def test_an_endpoint_that_is_gone_stops_the_run_and_another_goes_on(tmp_path: Path) -> None:
    with LLMServer([failure(503)]) as server:
        run = plan(server.url, 30, retries=0)
        with TrajectoryStore(tmp_path, run.settings()) as store, pytest.raises(RolloutStopped, match="503"):
            rollout(run, store, LocalEngine(slots=4))
    assert {s.status for s in read_summaries(tmp_path)} == {"model_failed"}
    with LLMServer(lambda request: GOOD[len(request["messages"]) > 2]) as server:
        run = plan(server.url, 30)
        with TrajectoryStore(tmp_path, run.settings()) as store:  # at another address
            tally = rollout(run, store, LocalEngine(slots=4))
    assert dict(tally.statuses) == {"submitted": 30}


def test_the_budget_of_a_run_counts_what_was_spent_before(tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "mlgym_synth.cli", "rollout", "--agent", "openai:player", "--tasks", "task-0018"),
        *("--episodes-per-task", "20", "--slots", "1", "--sandbox", "bwrap", "--out", str(tmp_path), "--json"),
        *("--prices", "1000", "1000"),  # 1.5 USD a call, two calls an episode
    ]
    with LLMServer(lambda request: GOOD[len(request["messages"]) > 2]) as server:

        def run(*more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*command, "--base-url", server.url, *more],
                capture_output=True,
                text=True,
                timeout=120,
                stdin=subprocess.DEVNULL,
            )

        first = run("--max-cost", "7")
        assert first.returncode == 3
        assert "higher --max-cost" in first.stderr
        stored = len(read_summaries(tmp_path))
        assert 0 <= stored - math.ceil(7 / 3) <= 1  # the one that had begun
        again = run("--max-cost", "7")
        assert again.returncode == 3
        for done, played in ((first, stored), (again, 0)):
            told = json.loads(done.stdout)
            assert [told[name] for name in ("episodes", "total", "played")] == [stored, 20, played]
            assert told["cost_usd"] >= 7
        assert len(read_summaries(tmp_path)) == stored
        assert json.loads(run("--max-cost", "1000").stdout)["episodes"] == 20


def test_ctrl_c_waits_for_no_answer(tmp_path: Path) -> None:
    with LLMServer([replace(answer("late"), delay_s=60)]) as server:
        command = [
            sys.executable,
            "-m",
            "mlgym_synth.cli",
            "rollout",
            "--agent",
            "openai:player",
            "--out",
            str(tmp_path),
        ]
        command += ["--tasks", "task-0018", "--sandbox", "bwrap", "--base-url", server.url, "--slots", "2"]
        command += ["--episodes-per-task", "4"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while len(server.requests) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in errors
