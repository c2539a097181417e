"""`rollout` on the command line, in processes of their own: resumed, refused, stopped, killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mlgym_synth import registry
from mlgym_synth.rollouts.driver import IN_A_ROW
from mlgym_synth.rollouts.plan import Plan, PlaySettings
from mlgym_synth.trajectories.store import read_summaries, read_trajectories
from tests.rollouts.test_local import PLAYERS, TASKS


def command(out: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "mlgym_synth.cli", "rollout", "--out", str(out), "--sandbox", "bwrap"),
        *more,
    ]


def run_command(out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(out, *more), capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def running(out: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(out, *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def sandboxes_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def wait_for(condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def stored(out: Path) -> int:
    return len(read_summaries(out)) if (out / "ledger.sqlite").exists() else 0


def test_command_plays_resumes_and_refuses_other_settings(tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("--agent", "scripted:baseline", "--tasks", *TASKS[:2], "--episodes-per-task", "2", "--seed", "3")
    done = run_command(out, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["episodes"], result["played"], result["statuses"]) == (4, 4, {"submitted": 4})
    again = json.loads(run_command(out, *arguments, "--json").stdout)
    assert (again["episodes"], again["played"], again["mean_reward"]) == (4, 0, result["mean_reward"])
    other = run_command(out, *arguments[:-1], "4")
    assert other.returncode == 2
    assert "seed was 3, is 4" in other.stderr


def test_a_run_grows_by_tasks_and_episodes(tmp_path: Path) -> None:
    out, agent = tmp_path / "run", ("--agent", "scripted:nop", "--tasks")
    assert run_command(out, *agent, TASKS[0]).returncode == 0
    grown = json.loads(run_command(out, *agent, *TASKS[:2], "--episodes-per-task", "2", "--json").stdout)
    assert [grown[name] for name in ("episodes", "total", "played", "others")] == [4, 4, 3, 0]
    alone = run_command(tmp_path / "alone", *agent, *TASKS[:2], "--episodes-per-task", "2")
    assert alone.returncode == 0
    seeds = [[(s.task_id, s.index, s.seed) for s in read_summaries(folder)] for folder in (out, tmp_path / "alone")]
    assert seeds[0] == seeds[1], "as if it had been begun so"
    part = run_command(out, *agent, TASKS[1])
    assert "1 of 1 episodes are in" in part.stdout
    assert "3 more are there, of other tasks" in part.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--agent", "scripted:genius"), "There is no agent 'scripted:genius'"),
        (("--agent", "scripted:nop", "--tasks", "no-such-*"), "No task matches"),
        (("--agent", "scripted:nop", "--episodes-per-task", "0"), "must be at least 1"),
        (("--agent", "scripted:nop", "--address", "head:6379"), "add --engine ray"),
        (("--agent", "scripted:nop", "--cpus-per-slot", "2"), "add --engine ray"),
        (("--agent", "scripted:nop", "--engine", "ray", "--starts", "2"), "--starts is for the local engine"),
        (("--agent", "human", "--slots", "2"), "one episode at a time"),
        (("--agent", "human", "--engine", "ray"), "one episode at a time"),
        (("--agent", "scripted:nop", "--episode-seconds", "-1"), "must be a number that is not below 0"),
        (("--agent", "scripted:nop", "--tool-seconds", "nan"), "must be a number that is not below 0"),
        (("--agent", "scripted:nop", "--max-cost", "nan"), "must be a number that is not below 0"),
        (("--agent", "openai:m", "--max-cost", "1"), "needs --prices"),
    ],
)
def test_bad_arguments_are_explained(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run_command(tmp_path / "run", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_person_plays_one_episode_after_the_other(tmp_path: Path) -> None:
    session = "python baseline.py\n/submit\n" * 2
    run = command(tmp_path, "--agent", "human", "--tasks", *TASKS[:2])
    done = subprocess.run(run, input=session, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("A line is a bash command") == 2
    assert {each.status for each in read_summaries(tmp_path)} == {"submitted"}


def test_an_agent_that_cannot_close_loses_nothing(tmp_path: Path) -> None:
    done = run_command(tmp_path / "run", "--agent", f"{PLAYERS}:clinging", "--tasks", *TASKS[:2], "--slots", "2")
    assert done.returncode == 0, done.stderr
    assert "close() failed" in done.stderr
    assert stored(tmp_path / "run") == 2


def test_what_an_agent_of_ones_own_costs_is_bounded(tmp_path: Path) -> None:
    options = ("--agent", f"{PLAYERS}:dear", "--tasks", TASKS[0], "--episodes-per-task", "5", "--slots", "1")
    done = run_command(tmp_path / "run", *options, "--max-cost", "2")
    assert done.returncode == 3
    assert "2.0000 USD are spent, 3 episodes are left" in done.stderr


def test_a_secret_in_a_failure_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-hidden-and-long")
    done = run_command(tmp_path / "run", "--agent", f"{PLAYERS}:talkative", "--tasks", TASKS[0])
    assert done.returncode == 1
    assert "ValueError: ***" in done.stdout
    assert "hidden" not in done.stdout + done.stderr


def test_every_agent_that_is_made_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_AND_CLOSED", str(tmp_path / "said"))
    assert run_command(tmp_path / "run", "--agent", f"{PLAYERS}:counted", "--tasks", TASKS[0]).returncode == 0
    said = (tmp_path / "said").read_text().split()
    assert said.count("made") == len(set(said)) - 1 > 0


def test_failed_episodes_show_in_the_exit_code(tmp_path: Path) -> None:
    assert run_command(tmp_path / "a", "--agent", f"{PLAYERS}:broken", "--tasks", TASKS[0]).returncode == 1
    done = run_command(tmp_path / "b", "--agent", f"{PLAYERS}:no_endpoint", "--tasks", TASKS[0])
    assert done.returncode == 3
    assert "run this again" in done.stdout


def test_a_run_that_stops_soon_tells_where_it_stands(tmp_path: Path) -> None:
    options = ("--agent", f"{PLAYERS}:no_endpoint", "--tasks", TASKS[0], "--episodes-per-task", "20", "--json")
    done = run_command(tmp_path, *options)
    assert done.returncode == 3
    assert "episodes in a row were cut short" in done.stderr
    assert json.loads(done.stdout)["cut_short"] >= IN_A_ROW


def test_ctrl_c_keeps_what_is_finished_and_leaves_a_clean_machine(tmp_path: Path) -> None:
    slow = ("--agent", f"{PLAYERS}:slow", "--tasks", TASKS[0], "--episodes-per-task", "9", "--slots", "3")
    with running(tmp_path, *slow) as process:
        wait_for(lambda: len(sandboxes_of(process)) >= 6)
        inside = sandboxes_of(process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)  # the commands under way take half a minute
    assert process.returncode == 130, errors
    assert errors.index("Stopping ...") < errors.index("what was finished is kept")
    assert "Traceback" not in errors
    psutil.wait_procs(inside, timeout=10)
    assert not [child for child in inside if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_that_reaches_another_thread_stops_a_run_too(tmp_path: Path) -> None:
    """As does one that comes just before the main thread falls asleep: either way nothing wakes it."""
    slow = ("--agent", f"{PLAYERS}:slow", "--tasks", TASKS[0], "--episodes-per-task", "2", "--slots", "2")
    with running(tmp_path, *slow) as process:
        wait_for(lambda: len(sandboxes_of(process)) >= 4)
        time.sleep(1)  # the main thread sleeps until an episode ends
        threads = {thread.id for thread in psutil.Process(process.pid).threads()} - {process.pid}
        os.kill(max(threads), signal.SIGINT)  # the kernel hands it to the thread that is named
        _, errors = process.communicate(timeout=25)
    assert process.returncode == 130, errors


def test_killed_again_and_again_it_ends_with_every_episode_once(tmp_path: Path) -> None:
    arguments = ("--agent", f"{PLAYERS}:quick", "--tasks", *TASKS[:2], "--episodes-per-task", "30", "--slots", "4")
    for kills in range(3):
        with running(tmp_path, *arguments) as process:
            wait_for(lambda kills=kills: stored(tmp_path) >= 8 * (kills + 1))
            os.kill(process.pid, signal.SIGKILL)
    assert stored(tmp_path) < 60
    done = run_command(tmp_path, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["episodes"] == 60
    found = sorted((t.task_id, t.index) for t in read_trajectories(tmp_path))
    assert found == sorted((task, index) for task in TASKS[:2] for index in range(30))


def test_an_edited_agent_is_another_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "class Mine:\n    name = 'mine'\n    def start(self, statement, tools, seed): pass\n"
    code += "    def act(self, observation): return {'tool': 'submit', 'arguments': {}}\n"
    (tmp_path / "mine_to_edit.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    plan = Plan((registry.find(TASKS[0]),), 1, 0, PlaySettings("mine_to_edit:Mine"))
    first = plan.settings()
    assert plan.settings() == first
    (tmp_path / "mine_to_edit.py").write_text(code.replace("submit", "validate"))
    assert plan.settings() != first
