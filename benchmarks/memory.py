"""What an idle environment holds: in the owner's process and in its sandbox; and 64 of them answering at once.

    python benchmarks/memory.py

Writes `results/memory.json`. Owner: growth of the process's resident set over 64 environments. Sandbox: resident
set of every process inside it (supervisor and shell), and their proportional set, where shared pages are divided.
"""

from __future__ import annotations

import os
import statistics
from functools import partial
from typing import Any

import psutil
from common import milliseconds, write

from mlgym_synth import registry
from mlgym_synth.env import SynthEnv

TASK, COUNT = "task-0001", 64
TRUE = {"tool": "bash", "arguments": {"command": "true"}}
MIB = 1 << 20


def descendants(backend: str) -> set[int]:
    """Processes of this backend's sandboxes: our children, or what Docker's shims run."""
    if backend == "bwrap":
        return {child.pid for child in psutil.Process().children(recursive=True)}
    return {
        child.pid
        for process in psutil.process_iter(["name"])
        if process.info["name"].startswith("containerd-shim")
        for child in process.children(recursive=True)
    }


def inside_mib(pids: set[int]) -> tuple[float, float]:
    """Resident and proportional set of these processes together, in MiB."""
    resident = proportional = 0
    for pid in pids:
        memory = psutil.Process(pid).memory_full_info()
        resident, proportional = resident + memory.rss, proportional + memory.pss
    return resident / MIB, proportional / MIB


def measure(backend: str) -> dict[str, Any]:
    owner = psutil.Process(os.getpid())
    first = SynthEnv(registry.find(TASK).folder, sandbox=backend)  # what the first one loads, all share
    first.reset(seed=0)
    before_pids, before = descendants(backend), owner.memory_info().rss
    envs = [SynthEnv(registry.find(TASK).folder, sandbox=backend) for _ in range(COUNT)]
    for index, env in enumerate(envs):
        env.reset(seed=index)
        env.step(TRUE)
    grown = (owner.memory_info().rss - before) / COUNT / MIB
    resident, proportional = inside_mib(descendants(backend) - before_pids)
    answers = [statistics.median(milliseconds(partial(env.step, TRUE), 5)) for env in envs]
    for env in [first, *envs]:
        env.close()
    return {
        "owner_mib": round(grown, 2),
        "sandbox_rss_mib": round(resident / COUNT, 1),
        "sandbox_pss_mib": round(proportional / COUNT, 1),
        "answer_ms_median": round(statistics.median(answers), 3),
        "answer_ms_worst_env": round(max(answers), 3),
    }


if __name__ == "__main__":
    write("memory", {backend: measure(backend) for backend in ("docker", "bwrap")} | {"environments": COUNT})
