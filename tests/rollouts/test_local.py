"""Many episodes at once: the same as one after the other, bounded, stoppable, resumable."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import BudgetExhausted, RolloutStopped
from mlgym_synth.registry import TaskEntry
from mlgym_synth.rollouts import local, worker
from mlgym_synth.rollouts.driver import IN_A_ROW, rollout
from mlgym_synth.rollouts.episode import play
from mlgym_synth.rollouts.local import LocalEngine
from mlgym_synth.rollouts.plan import Job, Plan, PlaySettings, episode_seed
from mlgym_synth.trajectories import Trajectory
from mlgym_synth.trajectories.store import StoreInvalid, TrajectoryStore, read_summaries, read_trajectories

TASKS = ("task-0018", "task-0020", "task-0016")
PLAYERS = "tests.rollouts.players"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PAUSE_S", 0.01)


def plan(agent: str, episodes: int = 2, seed: int = 7) -> Plan:
    entries = tuple(registry.find(task) for task in TASKS[:2])
    return Plan(entries, episodes, seed, PlaySettings(agent, sandbox="bwrap"))


def outcome(trajectory: Trajectory) -> tuple[object, ...]:
    return (
        *(trajectory.task_id, trajectory.index, trajectory.seed, trajectory.content_sha256),
        *(trajectory.test_score, trajectory.total_reward, trajectory.status),
    )


def test_episodes_are_those_that_the_loop_alone_plays(tmp_path: Path) -> None:
    run = plan("scripted:baseline")
    with TrajectoryStore(tmp_path, run.settings()) as store:
        tally = rollout(run, store, LocalEngine(slots=3))
    assert (tally.done, tally.total, dict(tally.statuses)) == (4, 4, {"submitted": 4})
    assert tally.mean_reward == pytest.approx(0.5, abs=0.06)
    alone = []
    for job in run.jobs():
        env = SynthEnv(registry.find(job.task_id).folder, sandbox="bwrap")
        trajectory = play(env, load_agent("scripted:baseline"), job.seed)
        env.close()
        trajectory.index = job.index
        alone.append(outcome(trajectory))
    stored = list(read_trajectories(tmp_path))
    assert sorted(map(outcome, stored)) == sorted(alone)
    entry = registry.find(stored[0].task_id)
    assert (stored[0].split, stored[0].dataset, stored[0].task_sha256) == (entry.split, entry.dataset, entry.sha256)


def test_seeds_follow_from_run_task_and_index_alone() -> None:
    seeds = {(job.task_id, job.index): job.seed for job in plan("scripted:nop", episodes=3).jobs()}
    assert seeds == {(t, i): episode_seed(7, t, i) for t in TASKS[:2] for i in range(3)}
    assert len(set(seeds.values())) == 6
    assert episode_seed(8, TASKS[0], 0) not in seeds.values()


def test_rounds_are_fair_over_tasks() -> None:
    assert [(job.task_id, job.index) for job in plan("scripted:nop").jobs()] == [
        (TASKS[0], 0), (TASKS[1], 0), (TASKS[0], 1), (TASKS[1], 1),
    ]  # fmt: skip


def test_sandboxes_are_bounded() -> None:
    def sandboxes() -> int:
        with contextlib.suppress(psutil.NoSuchProcess):
            return sum(child.name() == "bwrap" for child in psutil.Process().children())
        return 0

    most, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            most.append(sandboxes())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        run = Plan((registry.find(TASKS[0]),), 8, 1, PlaySettings(f"{PLAYERS}:quick", sandbox="bwrap"))
        assert len(list(LocalEngine(slots=3, starts=1).play(run.jobs(), run.play))) == 8
    finally:
        stop.set()
        watcher.join()
    assert 2 <= max(most) <= 6  # a program is graded in a sandbox of its own


def test_an_agent_that_fails_is_stored_as_such_and_does_not_stop_the_run(tmp_path: Path) -> None:
    run = plan(f"{PLAYERS}:broken", episodes=IN_A_ROW)
    with TrajectoryStore(tmp_path, run.settings()) as store:
        tally = rollout(run, store, LocalEngine(slots=2))
    assert dict(tally.statuses) == {"agent_failed": 2 * IN_A_ROW}
    assert "KeyError" in str(read_summaries(tmp_path)[0].error)


def test_a_world_that_is_broken_ends_the_run_soon_and_is_no_result(tmp_path: Path) -> None:
    run = plan(f"{PLAYERS}:no_endpoint", episodes=50)
    with TrajectoryStore(tmp_path, run.settings()) as store:
        with pytest.raises(RolloutStopped, match="the endpoint is gone"):
            rollout(run, store, LocalEngine(slots=2))
        assert store.done() == set()
        assert IN_A_ROW <= len(store.summaries()) <= IN_A_ROW + 2
        assert {s.status for s in store.summaries()} == {"model_failed"}


def test_a_data_set_that_is_gone_is_infrastructure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGYM_SYNTH_SANDBOX", "no such backend")
    run = Plan((registry.find(TASKS[0]),), 1, 1, PlaySettings("scripted:nop"))
    with TrajectoryStore(tmp_path, run.settings()) as store:
        tally = rollout(run, store, LocalEngine(slots=1))
    assert (tally.done, tally.void) == (0, 1)
    monkeypatch.setenv("MLGYM_SYNTH_SANDBOX", "bwrap")
    with TrajectoryStore(tmp_path, run.settings()) as store:
        tally = rollout(run, store, LocalEngine(slots=1))
    assert (tally.done, tally.void) == (1, 0)


def test_what_attempts_used_that_infrastructure_cut_short_is_counted(tmp_path: Path) -> None:
    run = Plan((registry.find(TASKS[0]),), 1, 1, PlaySettings(f"{PLAYERS}:deadly", sandbox="bwrap"))
    with TrajectoryStore(tmp_path, run.settings()) as store:
        assert rollout(run, store, LocalEngine(slots=1)).void == 1
    (lost,) = read_trajectories(tmp_path)
    assert (lost.status, len(lost.steps)) == ("infrastructure_failed", 1)
    assert lost.usage.calls == 2 * (1 + worker.RETRIES)


@pytest.mark.parametrize(("broken", "calls"), [("step", 1), ("close", 3)])
def test_what_attempts_used_is_counted_whatever_the_env_raises(
    broken: str, calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(env: SynthEnv, *_: object) -> None:
        if broken == "close":
            SynthEnv.close(env)
        raise OSError("no space left")

    monkeypatch.setattr(worker, "SynthEnv", type("Broken", (SynthEnv,), {broken: fail}))
    run = Plan((registry.find(TASKS[0]),), 1, 1, PlaySettings(f"{PLAYERS}:quick", sandbox="bwrap"))
    with TrajectoryStore(tmp_path, run.settings()) as store:
        assert rollout(run, store, LocalEngine(slots=1)).void == 1
    (lost,) = read_trajectories(tmp_path)
    assert (lost.status, lost.error) == ("infrastructure_failed", "OSError: no space left")
    assert lost.usage.calls == calls * (1 + worker.RETRIES)


def test_a_stop_ends_all_that_runs_also_where_one_cannot_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted: list[SynthEnv] = []

    def interrupt(env: SynthEnv) -> None:
        interrupted.append(env)
        if len(interrupted) == 1:
            raise OSError("the daemon is gone")
        SynthEnv.interrupt(env)

    monkeypatch.setattr(worker, "SynthEnv", type("Stubborn", (SynthEnv,), {"interrupt": interrupt}))
    monkeypatch.setattr(local, "PATIENCE_S", 0.2)
    settings = PlaySettings(f"{PLAYERS}:slow", sandbox="bwrap")
    crew = local._Crew(Plan((registry.find(TASKS[0]),), 2, 1, settings).jobs(), settings, slots=2, starts=2)
    results = crew.finished()
    waiting = threading.Thread(target=lambda: list(results))
    waiting.start()
    while len(crew._envs) < 2:
        time.sleep(0.05)
    crew.stop()
    assert len(interrupted) == 2
    SynthEnv.interrupt(interrupted[0])
    waiting.join()


def test_what_was_cut_short_before_is_played_last(tmp_path: Path) -> None:
    """Episodes that fail for reasons of their own would end every call at the same place, with all others unplayed."""
    run, order = plan("scripted:nop"), list[tuple[str, int]]()
    with TrajectoryStore(tmp_path, run.settings()) as store:
        for task in reversed(TASKS[:2]):
            store.put(Trajectory(task, "scripted:nop", 0, fault="infrastructure", error="SandboxDied: gone"))
        rollout(run, store, LocalEngine(slots=1), on_result=lambda t, _: order.append((t.task_id, t.index)))
    assert order == [(TASKS[0], 1), (TASKS[1], 1), (TASKS[0], 0), (TASKS[1], 0)]


def own_task(root: Path) -> Plan:
    """A run of a task of one's own, a copy of a shipped one; its index says nothing true of its content."""
    shutil.copytree(registry.find(TASKS[0]).folder, root / "envs" / "own-0001")
    spec = root / "envs" / "own-0001" / "task.yaml"
    spec.write_text(spec.read_text().replace(TASKS[0], "own-0001"))
    (root / "registry").mkdir()
    line = {name: getattr(registry.find(TASKS[0]), name) for name in TaskEntry.__slots__ if name != "root"}
    line |= {"id": "own-0001", "path": "envs/own-0001", "sha256": "of an earlier version"}
    (root / "registry" / "index.jsonl").write_text(registry.index_line(line))
    registry.register(root)
    return Plan((registry.find("own-0001"),), 1, 1, PlaySettings("scripted:nop", sandbox="bwrap", max_steps=1))


def test_a_store_with_episodes_of_a_task_that_has_changed_is_refused(tmp_path: Path) -> None:
    run = own_task(tmp_path / "own")
    with TrajectoryStore(tmp_path / "run", run.settings()) as store:
        assert rollout(run, store, LocalEngine(slots=1)).played == 1
        assert rollout(run, store, LocalEngine(slots=1)).played == 0
        (tmp_path / "own" / "envs" / "own-0001" / "workspace" / "hint.txt").write_text("Sort first.")
        with pytest.raises(StoreInvalid, match=r"1 stored episode is .*changed since.* own-0001.* another --out"):
            rollout(run, store, LocalEngine(slots=1))
        others = replace(run, entries=(registry.find(TASKS[0]),))
        assert rollout(others, store, LocalEngine(slots=1)).others == 1


def test_what_was_cut_short_before_a_task_changed_is_played_again(tmp_path: Path) -> None:
    run = own_task(tmp_path / "own")
    with TrajectoryStore(tmp_path / "run", run.settings()) as store:
        store.put(Trajectory("own-0001", "scripted:nop", 0, fault="model", task_sha256="of an earlier version"))
        assert rollout(run, store, LocalEngine(slots=1)).played == 1
        assert rollout(run, store, LocalEngine(slots=1)).done == 1


class Paid(LocalEngine):
    """Episodes that cost a dollar each."""

    def play(self, jobs, settings):  # type: ignore[no-untyped-def]
        from mlgym_synth.trajectories import Usage

        for trajectory in super().play(jobs, settings):
            trajectory.usage = Usage(1, 10, 10, 1.0)
            yield trajectory


class Losing:
    """An engine whose slot ends without a word."""

    def play(self, jobs: Iterable[Job], settings: PlaySettings) -> Generator[Trajectory, None, None]:
        next(iter(jobs))
        yield from ()


def test_episodes_that_an_engine_loses_are_no_success(tmp_path: Path) -> None:
    run = plan("scripted:baseline")
    with (
        TrajectoryStore(tmp_path, run.settings()) as store,
        pytest.raises(RolloutStopped, match="1 episodes were begun and never came back"),
    ):
        rollout(run, store, Losing())


def test_what_cannot_be_stored_is_the_agents_failure_and_ends_no_run(tmp_path: Path) -> None:
    class Odd:
        """Brings a trajectory with something in it that no JSON holds."""

        def play(self, jobs: Iterable[Job], settings: PlaySettings) -> Generator[Trajectory, None, None]:
            for job in jobs:
                odd: Any = threading.Lock()
                yield Trajectory(job.task_id, settings.agent, job.seed, index=job.index, system=odd)

    run = plan("scripted:baseline")
    with TrajectoryStore(tmp_path, run.settings()) as store:
        tally = rollout(run, store, Odd())
    assert dict(tally.statuses) == {"agent_failed": 4}
    assert {str(each.error)[:29] for each in read_summaries(tmp_path)} == {"what it did cannot be stored:"}


def test_a_budget_stops_cleanly_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    run = plan("scripted:baseline", episodes=4)
    with TrajectoryStore(tmp_path, run.settings()) as store:
        with pytest.raises(BudgetExhausted, match="higher --max-cost"):
            rollout(run, store, Paid(slots=1), max_cost_usd=3)
        assert len(store.done()) == 3, "what was spent is counted before the next begins"
        assert rollout(run, store, Paid(slots=1), max_cost_usd=30).done == 8
