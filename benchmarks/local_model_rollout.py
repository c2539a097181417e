"""A real, small model plays: 20 episodes on train tasks of different families, as they come.

    python benchmarks/local_model_rollout.py --model qwen2.5-coder-1.5b-instruct-q4_k_m.gguf --out DIR

Serves the model by llama.cpp behind the OpenAI API, runs `mlgym-synth rollout --agent openai:MODEL` against it as a
user would, and writes what became of the episodes into `results/local_model_rollout.json`. Run again, it goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from common import write
from served import URL, add_arguments, alias_of, end_on_signals, served, server_of

from mlgym_synth import registry
from mlgym_synth.task import FAMILIES
from mlgym_synth.trajectories import Trajectory
from mlgym_synth.trajectories.store import read_trajectories


def chosen(count: int) -> list[str]:
    """The first train task of every family, then the second of every family ..., `count` in all."""
    by_family = [registry.select(split="train", family=family) for family in FAMILIES]
    rounds = [entries[place].id for place in range(count) for entries in by_family if place < len(entries)]
    return rounds[:count]


def episode_row(played: Trajectory) -> dict[str, Any]:
    """An episode in a line."""
    return {
        "task": played.task_id,
        "family": played.family,
        "status": played.status,
        "reward": round(played.total_reward, 4),
        "progress": played.progress,
        "steps": len(played.steps),
        "no_call": sum(step.tool is None for step in played.steps),
        "validations": len(played.validation_scores),
        "tokens_sent": played.usage.tokens_sent,
        "tokens_received": played.usage.tokens_received,
        "seconds": round(played.seconds, 1),
    }


def main() -> None:
    """Serve, play, write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file of an instruct model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--max-steps", type=int, default=12)
    parser.add_argument("--context", type=int, default=8192)
    add_arguments(parser)
    arguments = parser.parse_args()
    server = server_of(arguments)
    end_on_signals()
    command = [sys.executable, "-m", "mlgym_synth.cli", "rollout", "--agent", f"openai:{alias_of(arguments.model)}"]
    command += ["--tasks", *chosen(arguments.episodes), "--out", str(arguments.out), "--sandbox", "bwrap"]
    command += [
        "--base-url",
        URL,
        "--max-steps",
        str(arguments.max_steps),
        "--slots",
        str(server.at_once),
        "--tool-mode",
        "text",
    ]
    command += ["--temperature", "0.7", "--max-tokens", "700", "--context-tokens", str(arguments.context - 1200)]
    command += ["--timeout", "900"]
    with served([arguments.model], arguments.context, server):
        played = subprocess.run(command, check=False, env={**os.environ, "OPENAI_API_KEY": "none"}).returncode
    if played == 3:
        raise SystemExit("episodes are left; run this again to play them")
    if played not in (0, 1):  # 1: a failure of the agent's own, which is a result
        raise SystemExit(f"rollout ended with {played}")
    episodes = [episode_row(played) for played in read_trajectories(arguments.out)]
    write(
        "local_model_rollout",
        {
            "model": arguments.model.name,
            "sha256": hashlib.sha256(arguments.model.read_bytes()).hexdigest(),
            "at_once": server.at_once,
            "threads": server.threads,
            "episodes": len(episodes),
            "statuses": dict(Counter(each["status"] for each in episodes)),
            "mean_reward": round(statistics.mean(each["reward"] for each in episodes), 4),
            "steps": sum(each["steps"] for each in episodes),
            "steps_without_a_call": sum(each["no_call"] for each in episodes),
            "tokens_sent": sum(each["tokens_sent"] for each in episodes),
            "tokens_received": sum(each["tokens_received"] for each in episodes),
            "seconds": round(sum(each["seconds"] for each in episodes), 1),
            "played": sorted(episodes, key=lambda each: str(each["task"])),
        },
    )


if __name__ == "__main__":
    main()
