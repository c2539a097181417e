"""What the scripted agents get out of the shipped tasks: one episode each, same seed, scores on the test half.

    python benchmarks/scripted_agents.py

Writes `results/scripted_agents.json`: for each task and agent test score, return (0.5 is the baseline, 0.75 the
reference) and tool seconds. Tasks run one after the other on each core; a task in the file already is not played again
unless its folder has changed.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import RESULTS, write

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.episode import play

AGENTS = ("scripted:nop", "scripted:baseline", "scripted:researcher")
SEED, WORKERS = 0, 2


def episode(entry: registry.TaskEntry, agent: str) -> dict[str, Any]:
    env = SynthEnv(entry.folder, sandbox="bwrap")
    try:
        trajectory = play(env, load_agent(agent), SEED)
    finally:
        env.close()
    if trajectory.fault is not None:
        raise RuntimeError(f"{entry.id}, {agent}: {trajectory.fault}: {trajectory.error}")
    return {
        "test_score": trajectory.test_score,
        "return": round(trajectory.total_reward, 4),
        "exit_status": trajectory.exit_status,
        "steps": len(trajectory.steps),
        "tool_seconds": round(trajectory.tool_seconds, 1),
    }


def play_task(entry: registry.TaskEntry) -> tuple[str, dict[str, Any]]:
    played = {agent: episode(entry, agent) for agent in AGENTS}
    print(entry.id, {agent: result["return"] for agent, result in played.items()}, flush=True)
    return entry.id, {"sha256": entry.sha256, "metric": entry.metric, "reference": entry.reference, **played}


def main() -> None:
    file = RESULTS / "scripted_agents.json"
    known = json.loads(file.read_text())["tasks"] if file.exists() else {}
    entries = registry.select()
    waiting = [e for e in entries if known.get(e.id, {}).get("sha256") != e.sha256]
    with ThreadPoolExecutor(WORKERS) as pool:
        known.update(pool.map(play_task, waiting))
    tasks = {e.id: known[e.id] for e in entries}
    means = {agent: round(sum(t[agent]["return"] for t in tasks.values()) / len(tasks), 4) for agent in AGENTS}
    beaten = sum(t["scripted:researcher"]["return"] > t["scripted:baseline"]["return"] for t in tasks.values())
    write("scripted_agents", {"mean_return": means, "researcher_beats_baseline": beaten, "tasks": tasks})


if __name__ == "__main__":
    main()
