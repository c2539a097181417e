"""Stored episodes, played again: whether every observation, reward and score comes out the same.

    python benchmarks/replay.py [--episodes 50]

Writes `results/replay.json`. Plays `--episodes` episodes of `scripted:baseline`, `scripted:researcher` and
`scripted:random` on tasks of several families into a store, reads them back, and replays each.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from common import write

from mlgym_synth import registry
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.driver import rollout
from mlgym_synth.rollouts.local import LocalEngine
from mlgym_synth.rollouts.plan import Plan, PlaySettings
from mlgym_synth.rollouts.replay import replay, settings_of
from mlgym_synth.trajectories.store import TrajectoryStore, read_trajectories

AGENTS = ("scripted:baseline", "scripted:researcher", "scripted:random")
TASKS = ("task-0010", "task-0015", "task-0018", "task-0020", "task-0021")


def main() -> None:
    """Play, replay, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--slots", type=int, default=2)
    arguments = parser.parse_args()
    entries = tuple(registry.find(task) for task in TASKS)
    each = -(-arguments.episodes // (len(AGENTS) * len(TASKS)))
    played: Counter[str] = Counter()
    diverged: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for agent in AGENTS:
            plan = Plan(entries, each, 0, PlaySettings(agent, sandbox="bwrap"))
            folder = Path(scratch, agent.partition(":")[2])
            with TrajectoryStore(folder, plan.settings()) as store:
                rollout(plan, store, LocalEngine(arguments.slots))
            for stored in read_trajectories(folder):
                env = SynthEnv(registry.find(stored.task_id).folder, sandbox="bwrap", **settings_of(stored))
                divergence = replay(stored, env)
                env.close()
                played[agent] += 1
                if divergence is not None:
                    diverged[f"{agent} {stored.task_id}/{stored.index}"] = str(divergence)[:400]
                print(agent, stored.task_id, stored.index, "diverged" if divergence else "same", flush=True)
    write("replay", {"episodes": played.total(), "by_agent": dict(played), "diverged": diverged})


if __name__ == "__main__":
    main()
