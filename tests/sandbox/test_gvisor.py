"""Real gVisor below the Docker backend: a daemon of the test's own that knows it, and a scored episode in there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.gvisor

# It has no network to set up, works where there is no KVM, and where the test's machine is a container itself.
RUNSC = '#!/bin/sh\nexec runsc --network=none --platform=ptrace --ignore-cgroups "$@"\n'
EPISODE = """
import gymnasium as gym, mlgym_synth
env = gym.make("synth/task-0018", sandbox="docker")
env.reset(seed=0)
for command in ("uname -r", "python baseline.py", "sleep 100"):
    print(env.step({"tool": "bash", "arguments": {"command": command, "timeout_s": 5}})[0])
_, reward, _, _, info = env.step({"tool": "validate", "arguments": {}})
_, rest, _, _, info = env.step({"tool": "submit", "arguments": {}})
print(info["exit_status"], round(reward + rest, 1))
env.close()
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Docker daemon with the runtime `runsc`."""
    folder = tmp_path_factory.mktemp("docker")
    runtime = folder / "runsc"
    runtime.write_text(RUNSC)
    runtime.chmod(0o755)
    command = ["dockerd", "--add-runtime", f"runsc={runtime}", "--bridge", "none", "--iptables=false"]
    command += ["-H", f"unix://{folder}/sock", "--pidfile", f"{folder}/pid"]
    command += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (folder / "sock").exists() or "API listen" not in (folder / "log").read_text():
            assert running.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the daemon does not answer"
            time.sleep(0.1)
        yield f"unix://{folder}/sock"
    finally:
        running.terminate()
        running.wait(30)
        _unmount(folder)


def _unmount(folder: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", mount], check=True)
    shutil.rmtree(folder / "data", ignore_errors=True)


def test_an_episode_is_scored_inside_gvisor(daemon: str) -> None:
    environment = {**os.environ, "DOCKER_HOST": daemon, "MLGYM_SYNTH_DOCKER_RUNTIME": "runsc"}
    done = subprocess.run([sys.executable, "-c", EPISODE], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] != os.uname().release  # gVisor's own kernel
    assert "killed after 5 s" in done.stdout
    assert done.stdout.splitlines()[-1] == "submitted 0.5"
