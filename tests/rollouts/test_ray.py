"""The same run over a Ray cluster: the same episodes, and a node that dies costs only what was in flight on it."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth import registry
from mlgym_synth.rollouts.driver import Tally, rollout
from mlgym_synth.rollouts.local import LocalEngine
from mlgym_synth.rollouts.plan import Plan, PlaySettings
from mlgym_synth.rollouts.ray import RayEngine, RayUnavailable
from mlgym_synth.trajectories import Trajectory
from mlgym_synth.trajectories.store import TrajectoryStore, read_trajectories

PLAYERS = "tests.rollouts.players"
ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")]


def plan(agent: str, episodes: int) -> Plan:
    return Plan((registry.find("task-0018"),), episodes, 7, PlaySettings(agent, sandbox="bwrap"))


def outcome(trajectory: Trajectory) -> tuple[object, ...]:
    return trajectory.index, trajectory.seed, trajectory.content_sha256, trajectory.test_score


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Three nodes on this machine: a head without slots, and two with two each."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        yield made
    finally:
        made.shutdown()


def test_a_node_killed_in_mid_run_costs_its_episodes_in_flight_only(
    cluster: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = [cluster.add_node(num_cpus=2) for _ in range(2)]
    run = plan(f"{PLAYERS}:quick", episodes=40)
    seen: list[Trajectory] = []

    def note(trajectory: Trajectory, tally: object) -> None:
        seen.append(trajectory)
        if len(seen) == 10:
            cluster.remove_node(nodes[0], allow_graceful=False)

    engine = RayEngine(address=cluster.address)
    with caplog.at_level(logging.WARNING, "mlgym_synth"), TrajectoryStore(tmp_path, run.settings()) as store:
        tally = rollout(run, store, engine, on_result=note)
    assert (tally.done, tally.void) == (40, 0)
    assert 1 <= caplog.text.count("a slot died under") <= 2
    stored = list(read_trajectories(tmp_path))
    assert sorted(t.index for t in stored) == list(range(40))
    local = list(LocalEngine(slots=2).play(plan(f"{PLAYERS}:quick", 5).jobs(), run.play))
    assert {outcome(t) for t in local} <= {outcome(t) for t in stored}


def test_what_a_lost_node_has_not_sent_yet_is_played_again(
    cluster: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also that actions which are no plain values reach the store."""
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    run = plan(f"{PLAYERS}:wordy", episodes=6)

    def note(trajectory: Trajectory, tally: Tally) -> None:
        if tally.played == 1:
            time.sleep(3)  # what the other slot plays meanwhile lies on its node
            for node in nodes:
                cluster.remove_node(node, allow_graceful=False)
            cluster.add_node(num_cpus=2)

    with caplog.at_level(logging.WARNING, "mlgym_synth"), TrajectoryStore(tmp_path, run.settings()) as store:
        tally = rollout(run, store, RayEngine(address=cluster.address), on_result=note)
    assert dict(tally.statuses) == {"submitted": 6}
    assert "a slot died under" in caplog.text


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])  # as a node's end does, or `ray stop`
def test_a_job_that_kills_its_slot_is_tried_elsewhere(
    sent: signal.Signals, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MURDER_MARK", str(tmp_path / "mark"))
    monkeypatch.setenv("MURDER_SIGNAL", str(int(sent)))
    cluster.add_node(num_cpus=1)
    run = plan(f"{PLAYERS}:murderous", episodes=2)
    with TrajectoryStore(tmp_path / "run", run.settings()) as store:
        tally = rollout(run, store, RayEngine(address=cluster.address))
    assert (tmp_path / "mark").exists()
    assert dict(tally.statuses) == {"submitted": 2}


def test_no_cluster_is_said_so(tmp_path: Path) -> None:
    run = plan("scripted:nop", 1)
    with TrajectoryStore(tmp_path, run.settings()) as store, pytest.raises(RayUnavailable, match="No Ray cluster"):
        rollout(run, store, RayEngine(address="127.0.0.1:1"))
