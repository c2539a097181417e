"""How many accepted tasks a minute the template author makes, and where the time goes.

    python benchmarks/synthesis_throughput.py [--tasks 30] [--workers 2]

Writes `results/synthesis_throughput.json`. A fresh collection and a cold cache of prepared data, as on a new machine
(the agents' runtime is built before). Seconds in workers: `programs` are baselines and references at work, which no
pipeline can spare; the rest is ours: writing, sandboxes, grading, gates.
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
    programs = sum(found.runs_s for found in examined)
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
            "share_of_programs": round(programs / spent, 3),
        },
    )


if __name__ == "__main__":
    main()
