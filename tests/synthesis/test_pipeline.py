"""A run of `synthesize` that is disturbed: killed, interrupted, begun twice. Its tasks are those of one that is not."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import gymnasium as gym
import pytest

import mlgym_synth
from mlgym_synth.cache import cache_root
from mlgym_synth.registry import read_index
from mlgym_synth.sandbox.runtime import ensure_runtime
from mlgym_synth.synthesis.ledger import accounts

TASKS = 2
COMMAND = [sys.executable, "-m", "mlgym_synth.cli", "synthesize", "--tasks", str(TASKS), "--seed", "5"]
COMMAND += ["--families", "combinatorial-optimisation", "--sandbox", "bwrap"]


def begin(out: Path, *more: str) -> subprocess.Popen[str]:
    """A run in a process group of its own, as a shell starts it, on a cache that has the runtimes and nothing else."""
    cache = out.parent / "cache"
    if not cache.exists():
        ensure_runtime()
        cache.mkdir()
        (cache / "runtimes").symlink_to(cache_root() / "runtimes")
    return subprocess.Popen(
        [*COMMAND, "--out", str(out), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "MLGYM_SYNTH_CACHE": str(cache)},
    )


def finish(run: subprocess.Popen[str]) -> str:
    said, complaint = run.communicate(timeout=240)
    assert run.returncode == 0, complaint
    assert "Traceback" not in complaint
    return said


def files(out: Path) -> dict[str, str]:
    """All that a run is for, tasks and registry, but for the seconds that programs took."""
    found = (path for part in ("envs", "registry") for path in (out / part).rglob("*") if path.is_file())
    timed = re.compile(r'^\s*seconds: .*\n|"sha256": "\w+"', re.MULTILINE)
    return {str(path.relative_to(out)): timed.sub("", path.read_text()) for path in found}


def steps(out: Path) -> set[tuple[object, ...]]:
    """Every finished step with the time it was finished at."""
    rows: set[tuple[object, ...]] = set()
    for file in out.glob(".synthesis/*/*"):
        if file.is_file() and file.read_bytes().startswith(b"SQLite format 3"):
            with sqlite3.connect(file) as base:
                rows |= set(base.execute("SELECT candidate, stage, attempt, at FROM steps"))
            base.close()
    return rows


def in_group(group: int) -> list[int]:
    """Processes of a group that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def gone(group: int, within_s: float = 60.0) -> bool:
    end = time.monotonic() + within_s
    while in_group(group) and time.monotonic() < end:
        time.sleep(0.1)
    return not in_group(group)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from beginning to end with one worker."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    finish(begin(out, "--workers", "1"))
    return out


def test_tasks_of_ones_own_are_played_listed_and_verified(undisturbed: Path) -> None:
    assert [entry.id for entry in read_index(undisturbed)] == ["own-0001", "own-0002"]
    mlgym_synth.register(undisturbed)
    env = gym.make("synth/own-0002", sandbox="bwrap")
    env.reset(seed=0)
    env.step({"tool": "bash", "arguments": {"command": "python baseline.py"}})
    _, reward, terminated, _, info = env.step({"tool": "submit", "arguments": {}})
    env.close()
    assert terminated
    assert info["exit_status"] == "submitted"
    assert reward == pytest.approx(0.5, abs=0.05)
    environment = {**os.environ, "MLGYM_SYNTH_CACHE": str(undisturbed.parent / "cache")}
    command = [
        sys.executable,
        "-m",
        "mlgym_synth.cli",
        "verify",
        "own-0001",
        "own-0002",
        "--registry",
        str(undisturbed),
    ]
    done = subprocess.run(
        [*command, "--sandbox", "bwrap"], env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_that_is_killed_again_and_again_goes_on_and_repeats_nothing(undisturbed: Path, tmp_path: Path) -> None:
    out, known, kills = tmp_path / "out", set[tuple[object, ...]](), 0
    for patience in (1.0, 2.0, 4.0, 6.0):
        run = begin(out, "--workers", "3")
        try:
            run.wait(patience)
        except subprocess.TimeoutExpired:
            os.kill(run.pid, signal.SIGKILL)  # the driver alone: its workers have to notice
            kills += 1
        run.communicate()
        assert gone(run.pid)
        assert known <= steps(out), "a finished step was done again or lost"
        known = steps(out)
    finish(begin(out, "--workers", "3"))
    assert kills >= 2
    assert known <= steps(out)
    assert files(out) == files(undisturbed)


def test_a_task_whose_folder_was_not_written_yet_is_added_again(undisturbed: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(undisturbed, tmp_path / "out"))
    shutil.rmtree(out / "envs" / "own-0002")  # its line is written first
    finish(begin(out))
    assert files(out) == files(undisturbed)
    assert [entry.verified for entry in read_index(out)] == [True, True]


def test_ctrl_c_ends_a_run_cleanly(tmp_path: Path, undisturbed: Path) -> None:
    out = tmp_path / "out"
    run = begin(out, "--workers", "2")
    time.sleep(5)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: everybody in the group gets it
    _, complaint = run.communicate(timeout=60)
    assert run.returncode == 130, complaint
    assert "Traceback" not in complaint
    assert "what was finished is kept" in complaint
    assert gone(run.pid, 10)
    finish(begin(out, "--workers", "2"))
    assert files(out) == files(undisturbed)


def test_ctrl_c_again_and_again_hangs_nowhere(tmp_path: Path) -> None:
    run, began = begin(tmp_path / "out", "--workers", "2"), time.monotonic()
    time.sleep(4)
    while run.poll() is None and in_group(run.pid):
        os.killpg(run.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(0.2)
        assert time.monotonic() - began < 30
    run.communicate(timeout=10)
    assert run.returncode != 0
    assert gone(run.pid, 10)


def worker_of(run: subprocess.Popen[str]) -> int:
    """A worker process of a run, as soon as there is one."""
    while run.poll() is None:
        for process in in_group(run.pid):
            with contextlib.suppress(OSError):  # ended meanwhile
                if b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes():
                    return process
        time.sleep(0.05)
    raise AssertionError(run.communicate()[1])


def test_a_worker_that_is_killed_ends_a_run_in_words(tmp_path: Path) -> None:
    run = begin(tmp_path / "out", "--workers", "1")
    os.kill(worker_of(run), signal.SIGKILL)  # as the kernel does when memory runs out
    _, complaint = run.communicate(timeout=60)
    assert run.returncode == 3, complaint
    assert "was killed" in complaint
    assert "Traceback" not in complaint
    assert gone(run.pid, 10)


def test_the_second_run_on_a_ledger_says_so(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = begin(out, "--workers", "1")
    while not accounts(out):
        time.sleep(0.1)
    second = begin(out, "--workers", "1")
    _, complaint = second.communicate(timeout=60)
    first.terminate()
    first.communicate(timeout=60)
    assert second.returncode == 2
    assert "another run" in complaint.lower()
    assert gone(first.pid)


def test_a_finished_run_does_nothing_more(undisturbed: Path) -> None:
    before, known = files(undisturbed), steps(undisturbed)
    finish(begin(undisturbed, "--workers", "1"))
    assert (files(undisturbed), steps(undisturbed)) == (before, known)
