"""The store: whole or absent, never twice, readable by everything, through crashes and resumes."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlgym_synth.sandbox.bwrap import binary
from mlgym_synth.trajectories import Said, Step, Trajectory, Usage
from mlgym_synth.trajectories import store as store_module
from mlgym_synth.trajectories.store import (
    StoreInUse,
    StoreInvalid,
    TrajectoryStore,
    read_settings,
    read_summaries,
    read_trajectories,
)


def episode(number: int, *, fault: str | None = None, actions: Sequence[object] = (), **more: Any) -> Trajectory:
    steps = [
        Step(
            action=action,
            observation=f"seen {number}",
            reward=0.25,
            tool="bash",
            exit_code=0,
            usage=Usage(1, 100, 10, 0.001),
            said=Said("thinking", "deeply", "", [1, 2], [-0.5, -0.25]),
        )
        for action in actions or [{"tool": "bash", "arguments": {"command": "ls"}}] * 2
    ]
    return Trajectory(
        "task-0001",
        "scripted:test",
        seed=number,
        index=number,
        statement="Do it.",
        steps=steps,
        exit_status=None if fault else "submitted",
        fault=fault,  # type: ignore[arg-type]
        test_score=None if fault else 0.9,
        usage=Usage(2, 200, 20, 0.002),
        started_at=1000.0 + number,
        **more,
    )


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SHARD_EPISODES", 4)


@pytest.mark.usefixtures("small_shards")
def test_what_is_put_comes_back(tmp_path: Path) -> None:
    played = [episode(number) for number in range(10)]
    with TrajectoryStore(tmp_path, {"seed": 1}) as store:
        assert all(store.put(trajectory) for trajectory in played)
        assert list(read_trajectories(tmp_path)) == played  # while it is written: shards and ledger
    assert list(read_trajectories(tmp_path)) == played
    assert len(list((tmp_path / "trajectories").iterdir())) == 3
    assert read_settings(tmp_path) == {"seed": 1}
    assert [s.index for s in read_summaries(tmp_path)] == list(range(10))
    assert read_summaries(tmp_path)[3].tokens == 220


def test_no_episode_is_there_twice(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path) as store:
        assert store.put(episode(1))
        assert not store.put(episode(1))
    with TrajectoryStore(tmp_path) as store:
        assert not store.put(episode(1))
        assert store.done() == {("task-0001", 1)}
    assert len(list(read_trajectories(tmp_path))) == 1


def test_one_cut_short_waits_to_be_played_again(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0, fault="infrastructure"))
        store.put(episode(1, fault="model"))
        store.put(episode(2, fault="agent"))
    assert {s.index: (s.status, s.void) for s in read_summaries(tmp_path)} == {
        0: ("infrastructure_failed", True),
        1: ("model_failed", True),
        2: ("agent_failed", False),
    }
    assert len(list(read_trajectories(tmp_path))) == 3
    assert list(pd.read_parquet(tmp_path / "trajectories")["index"]) == [2]
    with TrajectoryStore(tmp_path) as store:
        assert store.done() == {("task-0001", 2)}
        assert store.put(episode(0))
    again = {s.index: s for s in read_summaries(tmp_path)}
    assert again[0].status == "submitted"
    assert again[0].cost_usd == pytest.approx(0.004)  # what the failure cost was spent all the same
    assert again[0].tokens == 440


def test_readers_take_the_shards_as_they_are(tmp_path: Path) -> None:
    import duckdb
    from datasets import load_dataset

    with TrajectoryStore(tmp_path) as store:
        for number in range(5):
            store.put(episode(number))
    frame = pd.read_parquet(tmp_path / "trajectories")
    assert list(frame["status"]) == ["submitted"] * 5
    assert frame["steps"][0][0]["observation"] == "seen 0"
    assert json.loads(frame["steps"][0][0]["action"])["tool"] == "bash"
    shards = str(tmp_path / "trajectories" / "*.parquet")
    found = duckdb.connect().execute(f"SELECT sum(step_count), avg(total_reward) FROM '{shards}'").fetchall()
    assert found == [(10, 0.5)]
    loaded = load_dataset("parquet", data_files=shards, split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == 5
    assert loaded[4]["steps"][0]["said"]["logprobs"] == [-0.5, -0.25]


def test_any_action_is_stored(tmp_path: Path) -> None:
    actions = [
        "submit!",
        None,
        7,
        {"tool": "bash", "arguments": {"command": "echo \ud800 ü"}},
        {1: {2, 3}},
        float("nan"),
    ]
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0, actions=actions))
    (read,) = read_trajectories(tmp_path)
    assert [step.action for step in read.steps][:3] == ["submit!", None, 7]
    assert read.steps[3].action == actions[3], "half a surrogate pair too"
    assert "2, 3" in read.steps[4].action


def test_any_failure_is_stored(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0, fault="agent", error="KeyError: '\ud83d'"))
    assert [s.error for s in read_summaries(tmp_path)] == ["KeyError: '?'"]
    assert [t.error for t in read_trajectories(tmp_path)] == ["KeyError: '?'"]


def test_other_settings_are_refused(tmp_path: Path) -> None:
    TrajectoryStore(tmp_path, {"seed": 1, "agent": "a"}).close()
    with pytest.raises(StoreInvalid, match=r"seed was 1, is 2\. Go on with the same, or give another --out"):
        TrajectoryStore(tmp_path, {"seed": 2, "agent": "a"})
    TrajectoryStore(tmp_path, {"seed": 1, "agent": "a"}).close()


def test_settings_that_are_none_any_more_do_not_hold_a_run_up(tmp_path: Path) -> None:
    """Which tasks, and how many episodes of each, decided once whether a run could go on."""
    TrajectoryStore(tmp_path, {"seed": 1, "tasks": "2 (0123456789ab)", "episodes_per_task": 4}).close()
    TrajectoryStore(tmp_path, {"seed": 1}).close()
    with pytest.raises(StoreInvalid, match=r"other settings: seed was 1, is 2\. Go on"):
        TrajectoryStore(tmp_path, {"seed": 2})


def test_a_ledger_of_before_tasks_were_hashed_is_read_and_goes_on(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0, task_sha256="a1"))
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as base:
        base.execute("ALTER TABLE episodes DROP COLUMN task_sha256")
    assert [s.task_sha256 for s in read_summaries(tmp_path)] == [""]
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(1, task_sha256="b2"))
        assert [s.task_sha256 for s in store.summaries()] == ["", "b2"]
    assert [t.task_sha256 for t in read_trajectories(tmp_path)] == ["a1", "b2"]


def test_what_others_put_beside_the_shards_stays(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0))
    notes, checkpoints = tmp_path / "trajectories" / "notes.txt", tmp_path / "trajectories" / ".ipynb_checkpoints"
    notes.write_text("precious")
    checkpoints.mkdir()
    TrajectoryStore(tmp_path).close()
    assert notes.read_text() == "precious"
    assert checkpoints.is_dir()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path), pytest.raises(StoreInUse, match="another run is writing here"):
        TrajectoryStore(tmp_path)
    TrajectoryStore(tmp_path).close()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(StoreInvalid, match="holds files, but no ledger"):
        TrajectoryStore(tmp_path)
    with pytest.raises(StoreInvalid, match="no ledger"):
        list(read_trajectories(tmp_path))
    (tmp_path / "ledger.sqlite").write_text("no data base at all, but some text that is long enough to be looked at")
    with pytest.raises(StoreInvalid, match=r"ledger\.sqlite"):
        TrajectoryStore(tmp_path)
    with pytest.raises(StoreInvalid, match=r"ledger\.sqlite"):
        read_summaries(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_one_that_was_killed_at_its_birth_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "trajectories").mkdir()
    for name in ("lock", "ledger.new", "ledger.new-journal"):
        (tmp_path / name).write_bytes(b"")
    with TrajectoryStore(tmp_path) as store:
        assert store.put(episode(0))


@pytest.mark.usefixtures("small_shards")
def test_a_shard_that_the_ledger_does_not_know_is_removed(tmp_path: Path) -> None:
    """As after a crash between writing a shard and marking it."""
    with TrajectoryStore(tmp_path) as store:
        for number in range(6):
            store.put(episode(number))
        shard = tmp_path / "trajectories" / "shard-00001.parquet"
        (tmp_path / "trajectories" / "shard-00002.parquet").write_bytes(shard.read_bytes())
        (tmp_path / "trajectories" / "shard-00003.tmp").write_bytes(b"half")
        os.sync()
        store._lock.close()  # as the kernel does for a process that is killed
    with TrajectoryStore(tmp_path) as store:
        assert len(store.done()) == 6
    assert sorted(pd.read_parquet(tmp_path / "trajectories")["index"]) == list(range(6))


def test_shards_without_their_ledger_are_left_alone(tmp_path: Path) -> None:
    """As of a run of which only the Parquet files were copied: they are all there is of it."""
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0))
    (tmp_path / "ledger.sqlite").unlink()
    with pytest.raises(StoreInvalid, match=r"holds shards of an earlier run, but not its ledger\.sqlite"):
        TrajectoryStore(tmp_path)
    assert len(pd.read_parquet(tmp_path / "trajectories")) == 1


def test_a_lost_or_broken_shard_is_named(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0))
    shard = tmp_path / "trajectories" / "shard-00001.parquet"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreInvalid, match=r"shard-00001\.parquet"):
        list(read_trajectories(tmp_path))
    shard.unlink()
    with pytest.raises(StoreInvalid, match=r"shard-00001\.parquet is missing"):
        TrajectoryStore(tmp_path)


def test_secrets_are_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", 'sk-"quoted"-and-long')
    monkeypatch.setenv("TINY_KEY", "ls")
    leaky = episode(0, actions=[{"tool": "bash", "arguments": {"command": 'echo sk-"quoted"-and-long; ls'}}])
    leaky.error = 'HTTP 401: sk-"quoted"-and-long is no key'
    with TrajectoryStore(tmp_path) as store:
        store.put(leaky)
        with sqlite3.connect(tmp_path / "ledger.sqlite") as base:
            assert "quoted" not in str(base.execute("SELECT error FROM episodes").fetchall())
    (read,) = read_trajectories(tmp_path)
    assert read.steps[0].action["arguments"]["command"] == "echo ***; ls"
    assert read.error == "HTTP 401: *** is no key"
    everything = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"and-long" not in everything


def test_a_secret_of_digits_or_of_a_fields_name_breaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "12345678")
    monkeypatch.setenv("SECRET_WORD", "observation")
    leaky = episode(0, actions=[{"tool": "bash", "arguments": {"12345678": 12345678, "command": "psql 12345678"}}])
    leaky.steps[0] = replace(leaky.steps[0], score=0.7123456789, observation="an observation of 12345678")
    with TrajectoryStore(tmp_path) as store:
        assert store.put(leaky)
    (read,) = read_trajectories(tmp_path)
    assert read.steps[0].action["arguments"] == {"***": 12345678, "command": "psql ***"}
    assert (read.steps[0].score, read.steps[0].observation) == (0.7123456789, "an *** of ***")


READ = """
import sys
from pathlib import Path
from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.trajectories.store import read_summaries, read_trajectories
try:
    print(len(read_summaries(Path(sys.argv[1]))), len(list(read_trajectories(Path(sys.argv[1])))))
except MlgymSynthError as error:
    print(error)
"""


def _read_without_writing(folder: Path) -> str:
    """In a world where nothing can be written, as with a colleague's folder."""
    bwrap = binary()
    assert bwrap is not None
    command = [str(bwrap), "--ro-bind", "/", "/", "--dev", "/dev", sys.executable, "-c", READ, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_a_store_that_one_may_only_read_is_read(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0))
        store.seal()
        store.put(episode(1, fault="model"))
    assert _read_without_writing(tmp_path) == "2 2"


def test_a_run_under_way_that_one_may_only_read_is_read_too(tmp_path: Path) -> None:
    """As long as its writer is there, and with it what SQLite's readers and writers share."""
    with TrajectoryStore(tmp_path) as store:
        store.put(episode(0))
        assert _read_without_writing(tmp_path) == "1 1"


def test_what_a_killed_writer_left_is_no_reason_to_read_less(tmp_path: Path) -> None:
    """Its last words lie beside the ledger, where only one who may write can put them in."""
    with TrajectoryStore(tmp_path / "run") as store:
        store.put(episode(0))
        shutil.copytree(tmp_path / "run", tmp_path / "killed")
    (tmp_path / "killed" / "ledger.sqlite-shm").unlink()
    assert "Copy it to where you may write" in _read_without_writing(tmp_path / "killed")


def test_a_run_of_a_model_that_did_not_know_its_code_goes_on(tmp_path: Path) -> None:
    TrajectoryStore(tmp_path, {"seed": 1, "agent_code": None}).close()
    TrajectoryStore(tmp_path, {"seed": 1, "agent_code": "0123456789ab"}).close()
    TrajectoryStore(tmp_path / "new", {"seed": 1, "agent_code": "0123456789ab"}).close()
    with pytest.raises(StoreInvalid, match="settings: the agent's code is not what it was"):
        TrajectoryStore(tmp_path / "new", {"seed": 1, "agent_code": "ba9876543210"})


def _write_for_ever(folder: Path) -> None:
    store_module.SHARD_EPISODES = 7
    with TrajectoryStore(folder, {"seed": 1}) as store:
        done = store.done()
        for number in range(10_000):
            if ("task-0001", number) not in done:
                store.put(episode(number))


def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    before = 0
    for round_number in range(5):
        process = context.Process(target=_write_for_ever, args=(tmp_path,))
        process.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if (tmp_path / "ledger.sqlite").exists() and len(read_summaries(tmp_path)) > before + 20 + 3 * round_number:
                break
            time.sleep(0.005)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        stored = [trajectory.index for trajectory in read_trajectories(tmp_path)]
        assert sorted(stored) == list(range(len(stored)))
        assert len(stored) > before
        before = len(stored)
    with TrajectoryStore(tmp_path, {"seed": 1}) as store:
        assert len(store.done()) == before
    assert sorted(pd.read_parquet(tmp_path / "trajectories")["index"]) == list(range(before))


def test_of_a_group_only_what_changed_is_told(tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path, {"model": {"name": "m", "temperature": 0.2}, "limits": {}, "agent_code": "a"}):
        pass
    other = {"model": {"name": "m", "temperature": 0.7}, "limits": {"tool_s": 30}, "agent_code": "b"}
    with pytest.raises(
        StoreInvalid,
        match=r"settings: limits\.tool_s was not given, is 30; model\.temperature was 0\.2, is 0\.7\. Go on",
    ):
        TrajectoryStore(str(tmp_path), other)


def test_changed_code_is_told_beside_a_changed_seed(tmp_path: Path) -> None:
    TrajectoryStore(tmp_path, {"seed": 1, "agent": "a", "agent_code": "a"}).close()
    with pytest.raises(StoreInvalid, match=r"the agent's code is not what it was .*; seed was 1, is 2"):
        TrajectoryStore(tmp_path, {"seed": 2, "agent": "a", "agent_code": "b"})
