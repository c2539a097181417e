"""The scripted researcher over all train tasks, three episodes each: the experience that a student is trained on.

    python benchmarks/teacher.py --out runs/teacher          # plays, goes on where it was, writes the statistics
    python benchmarks/teacher.py --out runs/teacher --rest   # only what results/teacher_episodes.csv does not have yet

What is committed is not the data but its statistics: `results/teacher_episodes.csv`, a line an episode, and
`results/teacher.json`, what they come to. The store in `--out` is that of any rollout: `mlgym-synth export`, filters
and the report read it. Lines of a task or an agent that has changed since are dropped.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import signal
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common import RESULTS, write

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.agents.base import fingerprint_of
from mlgym_synth.grading.reward import ROUNDING
from mlgym_synth.rollouts.driver import outdated
from mlgym_synth.rollouts.local import LocalEngine
from mlgym_synth.rollouts.plan import Plan, PlaySettings
from mlgym_synth.sandbox.runtime import ensure_runtime
from mlgym_synth.trajectories import Trajectory
from mlgym_synth.trajectories.store import TrajectoryStore, read_trajectories

AGENT, SEED, TOOL_SECONDS = "scripted:researcher", 0, 20.0
FILE = RESULTS / "teacher_episodes.csv"
HASH = 12
COLUMNS = (
    "task_id", "index", "seed", "task_sha256", "agent_sha256", "family", "status", "reward", "progress", "test_score",
    "baseline_score", "steps", "validations", "tool_s",
)  # fmt: skip
Line = dict[str, Any]


def line(played: Trajectory) -> Line:
    """A trajectory as a line of the CSV."""
    values = (
        *(played.task_id, played.index, played.seed, played.task_sha256[:HASH], played.agent_sha256[:HASH]),
        *(played.family, played.status, round(played.total_reward, 4), played.progress, played.test_score),
        *(played.baseline_score, len(played.steps), len(played.validation_scores), round(played.tool_seconds, 2)),
    )
    return {name: "" if value is None else str(value) for name, value in zip(COLUMNS, values, strict=True)}


def known_lines(plan: Plan) -> dict[tuple[str, int], Line]:
    """Lines of the CSV that still hold."""
    if not FILE.exists():
        return {}
    agent = fingerprint_of(load_agent(AGENT))[:HASH]
    hashes = {entry.id: entry.sha256[:HASH] for entry in plan.entries}
    with FILE.open(newline="") as file:
        lines = list(csv.DictReader(file))
    return {
        (line["task_id"], int(line["index"])): line
        for line in lines
        if line["agent_sha256"] == agent and line["task_sha256"] == hashes.get(line["task_id"])
    }


def save(lines: Iterable[Line]) -> None:
    """Write the CSV anew."""
    scratch = FILE.with_suffix(".tmp")
    with scratch.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(lines, key=lambda line: (line["task_id"], int(line["index"]))))
    scratch.replace(FILE)


def summary(lines: list[Line], total: int) -> dict[str, Any]:
    """What the episodes come to, in all and by family."""
    by_family: dict[str, list[Line]] = defaultdict(list)
    for each in lines:
        by_family[each["family"]].append(each)
    return {
        "agent": AGENT,
        "seed": SEED,
        "tool_seconds_at_most": TOOL_SECONDS,
        "episodes": len(lines),
        "episodes_planned": total,
        **means(lines),
        "statuses": dict(Counter(each["status"] for each in lines).most_common()),
        "families": {name: {"episodes": len(those), **means(those)} for name, those in sorted(by_family.items())},
    }


def means(lines: list[Line]) -> dict[str, Any]:
    """Means over some episodes."""
    progress = [float(each["progress"]) if each["progress"] else -1.0 for each in lines]
    return {
        "tasks": len({each["task_id"] for each in lines}),
        "mean_reward": round(statistics.mean(float(each["reward"]) for each in lines), 4),
        "mean_progress": round(statistics.mean(min(max(p, -1.0), 2.0) for p in progress), 4),
        "valid": round(statistics.mean(bool(each["test_score"]) for each in lines), 4),
        "above_baseline": round(statistics.mean(p > ROUNDING for p in progress), 4),
        "mean_steps": round(statistics.mean(int(each["steps"]) for each in lines), 1),
        "mean_tool_s": round(statistics.mean(float(each["tool_s"]) for each in lines), 2),
        "most_tool_s": max(float(each["tool_s"]) for each in lines),
    }


def main() -> None:
    """Play what is left, write what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--episodes-per-task", type=int, default=3)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--rest", action="store_true")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    arguments = parser.parse_args()
    settings = PlaySettings(AGENT, sandbox="bwrap", limits={"episode_s": TOOL_SECONDS, "tool_s": TOOL_SECONDS})
    plan = Plan(tuple(registry.select(split="train")), arguments.episodes_per_task, SEED, settings)
    lines, until = known_lines(plan), time.monotonic() + 60 * arguments.minutes
    ensure_runtime()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TrajectoryStore(arguments.out, plan.settings()) as store, contextlib.suppress(KeyboardInterrupt):
        if outdated(plan, store.summaries()):
            raise SystemExit(f"{arguments.out}: holds episodes of tasks that have changed since; give another --out")
        done = store.done() | (set(lines) if arguments.rest else set())
        jobs = (job for job in list(plan.jobs(done)) if time.monotonic() < until)
        with contextlib.closing(LocalEngine(arguments.slots).play(jobs, settings)) as finished:
            for count, trajectory in enumerate(finished, 1):
                store.put(trajectory)
                print(count, trajectory.task_id, trajectory.status, round(trajectory.total_reward, 3), flush=True)
    asked = plan.keys()  # a task may have been held out since
    stored = (t for t in read_trajectories(arguments.out) if not t.void and (t.task_id, t.index) in asked)
    lines |= {(t.task_id, t.index): line(t) for t in stored}
    save(lines.values())
    write("teacher", summary(list(lines.values()), len(plan)))


if __name__ == "__main__":
    main()
