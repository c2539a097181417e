"""What one step and one reset cost, beside the docker SDK's own `exec_run` and a bare create + start in the same run.

    python benchmarks/step_latency.py

Writes `results/step_latency.json`: medians in milliseconds. `step_ms` is `env.step` of `bash true`, the shell's state
saved after each; `reset_ms` is a cold sandbox up to its first answer, without copying the task's files;
`env_reset_ms` is all of `env.reset`, files and data included.
"""

from __future__ import annotations

from typing import Any

import docker
from common import median, milliseconds, write

from mlgym_synth import registry
from mlgym_synth.env import SynthEnv
from mlgym_synth.sandbox import open_sandbox
from mlgym_synth.sandbox.docker import container_options

TASK = "task-0001"
STEPS, EXECS, RESETS = 1000, 50, 20
TRUE = {"tool": "bash", "arguments": {"command": "true"}}


def step_ms(backend: str) -> float:
    env = SynthEnv(registry.find(TASK).folder, sandbox=backend, max_steps=10 * STEPS)
    env.reset(seed=0)
    milliseconds(lambda: env.step(TRUE), 50)
    taken = milliseconds(lambda: env.step(TRUE), STEPS)
    env.close()
    return median(taken)


def env_reset_ms(backend: str) -> float:
    env = SynthEnv(registry.find(TASK).folder, sandbox=backend)
    env.reset(seed=0)
    taken = milliseconds(lambda: env.reset(), RESETS)
    env.close()
    return median(taken)


def cold_starts(backend: str, bare: bool) -> dict[str, float]:
    """Sandbox starts and, taking turns with them, bare container create + start with the same options."""
    client = docker.from_env() if bare else None
    ours, theirs, opened, created = [], [], [], []

    def open_one() -> None:
        sandbox = open_sandbox(backend)
        sandbox.exec("true", 10)
        opened.append(sandbox)

    def create_one() -> None:
        assert client is not None
        options: dict[str, Any] = container_options()
        container = client.api.create_container(**options)["Id"]
        created.append(container)
        client.api.start(container)

    open_one()
    for _ in range(RESETS):
        ours += milliseconds(open_one, 1)
        if bare:
            theirs += milliseconds(create_one, 1)
        for sandbox in opened:
            sandbox.close()
        for container in created:
            assert client is not None
            client.api.remove_container(container, force=True)
        opened.clear()
        created.clear()
    return {"reset_ms": median(ours)} | ({"create_start_ms": median(theirs)} if bare else {})


def exec_run_ms() -> float:
    client = docker.from_env()
    options: dict[str, Any] = container_options()
    container = client.containers.get(client.api.create_container(**options)["Id"])
    container.start()
    try:
        taken = milliseconds(lambda: container.exec_run("true"), EXECS)
    finally:
        container.remove(force=True)
    return median(taken)


def main() -> None:
    ours = {backend: step_ms(backend) for backend in ("docker", "bwrap")}
    theirs = exec_run_ms()
    results = {
        "docker": {
            "step_ms": ours["docker"],
            "exec_run_ms": theirs,
            "ratio": round(theirs / ours["docker"], 1),
            **cold_starts("docker", bare=True),
            "env_reset_ms": env_reset_ms("docker"),
        },
        "bwrap": {
            "step_ms": ours["bwrap"],
            **cold_starts("bwrap", bare=False),
            "env_reset_ms": env_reset_ms("bwrap"),
        },
        "steps": STEPS,
        "task": TASK,
    }
    write("step_latency", results)


if __name__ == "__main__":
    main()
