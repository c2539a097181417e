"""Whether a store slows down as it grows: 100,000 trajectories put into one, beside lines appended to a file.

    python benchmarks/store_growth.py [--trajectories 100000]

Writes `results/store_growth.json`. The trajectories are of `scripted:researcher`, really played on a few tasks, put in
again and again under other indices; the first and the last 2,000 are timed, sealing of shards included.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from common import milliseconds, write

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.episode import play
from mlgym_synth.trajectories import Trajectory, to_dict
from mlgym_synth.trajectories.store import TrajectoryStore, read_trajectories, read_trajectory

TASKS = ("task-0010", "task-0015", "task-0018", "task-0020", "task-0021")
TIMED = 2000


def main() -> None:
    """Play a few, put many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trajectories", type=int, default=100_000)
    count = parser.parse_args().trajectories
    if count < 2 * TIMED:
        parser.error(f"--trajectories: at least {2 * TIMED}, for the first and the last {TIMED} are timed")
    played = [episode(task) for task in TASKS]
    with tempfile.TemporaryDirectory() as scratch:
        with TrajectoryStore(Path(scratch, "warm")) as warm:  # imports, and a first shard
            put(warm, played, 0, len(played))
        folder = Path(scratch, "store")
        with TrajectoryStore(folder) as store:
            first = put(store, played, 0, TIMED)
            between = put(store, played, TIMED, count - TIMED)
            last = put(store, played, count - TIMED, count)
        opened, done = reopened(folder)
        began = time.perf_counter()
        read = sum(1 for _ in itertools.islice(read_trajectories(folder), TIMED))
        read_ms = (time.perf_counter() - began) * 1000 / read
        one_ms = milliseconds(lambda: read_trajectory(folder, played[-1].task_id, count - 1), 5)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        lines = appended(Path(scratch, "lines.jsonl"), played)
    write(
        "store_growth",
        {
            "trajectories": count,
            "steps_each": round(sum(len(each.steps) for each in played) / len(played), 1),
            "stored": done,
            "put_ms": {f"first {TIMED}": first, "between": between, f"last {TIMED}": last},
            "last_over_first": round(last / first, 2),
            "append_a_json_line_ms": lines,
            "reopen_s": opened,
            "read_ms": round(read_ms, 3),
            "read_one_by_name_ms": round(min(one_ms), 1),
            "megabytes": round(size / 1e6, 1),
        },
    )


def episode(task: str) -> Trajectory:
    env = SynthEnv(registry.find(task).folder, sandbox="bwrap")
    try:
        return play(env, load_agent("scripted:researcher"), seed=0)
    finally:
        env.close()


def numbered(played: list[Trajectory], start: int, end: int) -> Iterator[Trajectory]:
    """The same again and again, under other indices."""
    for index in range(start, end):
        yield dataclasses.replace(played[index % len(played)], index=index)


def put(store: TrajectoryStore, played: list[Trajectory], start: int, end: int) -> float:
    """Milliseconds for each."""
    began = time.perf_counter()
    for trajectory in numbered(played, start, end):
        store.put(trajectory)
    return round((time.perf_counter() - began) * 1000 / max(1, end - start), 3)


def reopened(folder: Path) -> tuple[float, int]:
    """Seconds until a run knows what is done, and how much that is."""
    began = time.perf_counter()
    with TrajectoryStore(folder) as store:
        done = len(store.done())
    return round(time.perf_counter() - began, 2), done


def appended(file: Path, played: list[Trajectory]) -> float:
    """Milliseconds for each as a line of JSON: neither safe in a crash, nor never twice, nor compressed."""
    began = time.perf_counter()
    with file.open("w") as out:
        for trajectory in numbered(played, 0, TIMED):
            out.write(json.dumps(to_dict(trajectory)) + "\n")
    return round((time.perf_counter() - began) * 1000 / TIMED, 3)


if __name__ == "__main__":
    main()
