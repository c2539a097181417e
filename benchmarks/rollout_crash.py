"""A run of 500 episodes, killed with SIGKILL ten times at random moments and started again each time.

    python benchmarks/rollout_crash.py [--sandbox docker] [--episodes 500] [--kills 10]

Writes `results/rollout_crash.json`: what is stored at the end (500, none twice, the same as a run that nobody
disturbed), and what is left on the machine (no container, no process).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker
import pandas as pd
import psutil
from common import write

from mlgym_synth.trajectories.store import LEDGER, read_summaries, read_trajectories

AGENT, STEPS = "scripted:random", ("--max-steps", "6")  # short, and every episode is another
TASKS = ("task-0015", "task-0016", "task-0018", "task-0020", "task-0021")


def command(out: Path, arguments: argparse.Namespace) -> list[str]:
    each = str(arguments.episodes // len(TASKS))
    run = [sys.executable, "-m", "mlgym_synth.cli", "rollout", "--agent", AGENT, "--out", str(out)]
    return [
        *run,
        "--tasks",
        *TASKS,
        "--episodes-per-task",
        each,
        "--sandbox",
        arguments.sandbox,
        "--slots",
        "4",
        *STEPS,
    ]


def stored(out: Path) -> int:
    return len(read_summaries(out)) if (out / LEDGER).exists() else 0


def killed_in_mid_run(out: Path, arguments: argparse.Namespace, wait_s: float, enough: int) -> int:
    """Start the run, kill it `wait_s` after it has stored one more, and say how many are stored."""
    before = stored(out)
    process = subprocess.Popen(command(out, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and stored(out) <= before:
        time.sleep(0.01)
    deadline = time.monotonic() + wait_s
    while process.poll() is None and time.monotonic() < deadline and stored(out) < enough:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return stored(out)


def left_over() -> dict[str, int]:
    """Containers of ours, and supervisors and shells of sandboxes, on this machine."""
    containers = 0
    with contextlib.suppress(docker.errors.DockerException):
        containers = len(docker.from_env().containers.list(all=True, filters={"label": "mlgym-synth"}))
    ours = [process for process in psutil.process_iter(["name"]) if process.info["name"] == "bwrap"]
    return {"containers": containers, "bwrap_processes": len(ours)}


def main() -> None:
    """Kill, resume, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandbox", default="docker")
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, before = random.Random(arguments.seed), left_over()
    with tempfile.TemporaryDirectory() as scratch:
        out, quiet = Path(scratch, "killed"), Path(scratch, "quiet")
        kills = []
        for number in range(arguments.kills):
            enough = arguments.episodes * (number + 1) // (arguments.kills + 1)
            kills.append(killed_in_mid_run(out, arguments, rng.uniform(0.0, 20.0), enough))
        began = time.monotonic()
        last = subprocess.run([*command(out, arguments), "--json"], check=True, capture_output=True, text=True)
        resumed_s = time.monotonic() - began
        subprocess.run(command(quiet, arguments), check=True, stdout=subprocess.DEVNULL)
        time.sleep(3)  # a sandbox is gone within 1.5 s of its owner
        keys = [(t.task_id, t.index) for t in read_trajectories(out)]
        contents = {(t.task_id, t.index, t.content_sha256, t.test_score) for t in read_trajectories(out)}
        undisturbed = {(t.task_id, t.index, t.content_sha256, t.test_score) for t in read_trajectories(quiet)}
        result = {
            "sandbox": arguments.sandbox,
            "episodes": arguments.episodes,
            "kills_at_stored": kills,
            "stored": len(keys),
            "twice": len(keys) - len(set(keys)),
            "in_shards": len(pd.read_parquet(out / "trajectories", columns=["index"])),
            "statuses": json.loads(last.stdout)["statuses"],
            "other_than_undisturbed": len(contents ^ undisturbed),
            "left_over": {name: count - before[name] for name, count in left_over().items()},
            "last_run_s": round(resumed_s, 1),
        }
    write("rollout_crash", result)


if __name__ == "__main__":
    main()
