"""How many accepted tasks a minute the template author makes, and where the time goes.

    python benchmarks/synthesis_throughput.py [--tasks 30] [--workers 2]

Writes `results/synthesis_throughput.json`. A fresh collection and a cold cache of prepared data, as on a new machine
(the agents' runtime is built before). Seconds in workers: `programs` are baselines and references at work, which no
pipeline can spare (their runs and scoring, which for games and heuristics is playing them, and gates 3 to 6, which
score them again); `attacks` are gates 7 and 8, so cheats and malformed submissions at work; the rest is ours:
writing, other gates, waiting for what is next.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import write

from mlgym_synth.cache import cache_root
from mlgym_synth.sandbox.runtime import ensure_runtime
from mlgym_synth.synthesis.examine import Examined
from mlgym_synth.synthesis.ledger import accounts


def gates_s(examined: list[Examined], numbers: tuple[int, ...]) -> float:
    """Seconds in some gates."""
    return sum(float(gate["seconds"]) for found in examined for gate in found.gates if gate["gate"] in numbers)


def main() -> None:
    """Synthesize, count, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=77)
    arguments = parser.parse_args()
    ensure_runtime()
    with tempfile.TemporaryDirectory() as scratch:
        out, cache = Path(scratch, "out"), Path(scratch, "cache")
        cache.mkdir()
        for part in cache_root().iterdir():
            if part.name.startswith("runtime"):
                (cache / part.name).symlink_to(part)
        command = [sys.executable, "-m", "mlgym_synth.cli", "synthesize", "--tasks", str(arguments.tasks)]
        command += ["--seed", str(arguments.seed), "--workers", str(arguments.workers), "--out", str(out)]
        command += ["--sandbox", "bwrap", "--json"]
        began = time.monotonic()
        done = subprocess.run(
            command, stdout=subprocess.PIPE, check=True, env={**os.environ, "MLGYM_SYNTH_CACHE": str(cache)}
        )
        wall = time.monotonic() - began
        (account,) = accounts(out)
    examined = [Examined.loads(step.result) for step in account.steps if step.stage == "execution"]
    programs = sum(found.runs_s for found in examined) + gates_s(examined, (3, 4, 5, 6))
    attacks = gates_s(examined, (7, 8))
    spent = arguments.workers * wall
    registered = json.loads(done.stdout)["registered"]
    write(
        "synthesis_throughput",
        {
            "tasks": registered,
            "candidates": len(account.candidates),
            "workers": arguments.workers,
            "wall_s": round(wall, 1),
            "tasks_a_minute": round(60 * registered / wall, 2),
            "worker_s": round(spent, 1),
            "programs_s": round(programs, 1),
            "attacks_s": round(attacks, 1),
            "share_of_programs": round(programs / spent, 3),
            "share_of_attacks": round(attacks / spent, 3),
            "share_of_the_rest": round(1 - (programs + attacks) / spent, 3),
        },
    )


if __name__ == "__main__":
    main()
