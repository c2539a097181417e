"""Conformance: who ends a sandbox, what its owner is told, and that nothing outlives the owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import docker
import psutil
import pytest

from mlgym_synth.errors import SandboxDied, SandboxOverloaded
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import Sandbox, housekeeping
from mlgym_synth.sandbox import open_sandbox as open_any
from mlgym_synth.sandbox.bwrap import BwrapSandbox
from tests.sandbox.conftest import Open

STARVED = """
for i in $(seq 90); do (echo 0 > /proc/self/oom_score_adj; exec sleep 100) & done
echo 0 > /proc/self/oom_score_adj
x=1; while :; do head -c 4M /dev/zero > /dev/shm/$x; head -c 4M /dev/zero > $x; head -c 4M /dev/zero > /tmp/$x
: $((x++)); (y=$(head -c 3M /dev/zero | tr '\\0' a); sleep 100) & done 2>/dev/null
"""
"""Takes the memory in pieces that are each smaller than the supervisor, and gives up being the first to go."""


def sleepers(seconds: int) -> int:
    """Processes `sleep SECONDS` on this machine, inside sandboxes or not."""
    return sum(process.info["cmdline"] == ["sleep", str(seconds)] for process in psutil.process_iter(["cmdline"]))


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def containers(run: str) -> set[str]:
    """Ids of a run's containers."""
    label = f"{housekeeping.LABEL}={run}"
    return {found["Id"] for found in docker.from_env().api.containers(all=True, filters={"label": label})}


def test_a_closed_sandbox_is_gone_and_says_so(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=256)
    sandbox.exec("sleep 98765 & setsid sleep 98765 &", 30)
    assert until(lambda: sleepers(98765) == 2)
    sandbox.close()
    sandbox.close()
    assert until(lambda: not sleepers(98765))
    for use in (lambda: sandbox.exec("true", 1), lambda: sandbox.read_file("f", 1), lambda: sandbox.write_files({})):
        with pytest.raises(SandboxDied, match="closed"):
            use()


def test_an_interrupted_call_ends_the_sandbox(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=256)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        sandbox.exec("sleep 87654", 60)
    assert until(lambda: not sleepers(87654))
    with pytest.raises(SandboxDied):
        sandbox.exec("true", 1)


@pytest.mark.docker
@pytest.mark.parametrize("during", [False, True], ids=["between commands", "during one"])
def test_a_removed_container_is_infrastructure(during: bool) -> None:
    before = containers(housekeeping.run_id())
    with open_any("docker", Limits(memory_mib=256)) as sandbox:
        (ours,) = containers(housekeeping.run_id()) - before
        remover = threading.Timer(
            0.3 if during else 0, docker.from_env().api.remove_container, (ours,), {"force": True}
        )
        remover.start()
        if not during:
            remover.join()
        with pytest.raises(SandboxDied, match="docker sandbox is lost"):
            sandbox.exec("sleep 60", 60)
        remover.join()


@pytest.mark.parametrize("victim", ["bwrap", "supervisor"])
def test_a_killed_bubblewrap_is_infrastructure(victim: str) -> None:
    before = set(psutil.Process().children())
    with BwrapSandbox(Limits(memory_mib=256)) as sandbox:
        (outer,) = set(psutil.Process().children()) - before
        threading.Timer(0.3, (outer if victim == "bwrap" else outer.children()[0]).kill).start()
        with pytest.raises(SandboxDied):
            sandbox.exec("sleep 76543", 60)
        assert until(lambda: not sleepers(76543))


def test_a_supervisor_starved_by_the_agent_is_the_agents_doing(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=128, disk_mib=64, pids=128)
    try:
        result = sandbox.exec(STARVED, 4)
    except SandboxOverloaded as overloaded:
        cause = overloaded.cause
    else:  # the kernel chose processes of the agent only
        cause = "memory" if result.timed_out or result.note else "nothing"
        assert sandbox.exec("echo alive", 30).output == "alive\n"
    assert cause == "memory"


OWNER = """
import sys, time
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import housekeeping, open_sandbox
opened = [open_sandbox(sys.argv[1], Limits(memory_mib=256)) for _ in range(2)]
for sandbox in opened: sandbox.exec("sleep 65432 & setsid sleep 65432 &", 30)
print(housekeeping.run_id(), flush=True)
opened[0].exec("trap '' TERM INT HUP; sleep 65432", 1000)
"""


@pytest.mark.parametrize("backend", [pytest.param("docker", marks=pytest.mark.docker), "bwrap"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_its_owner(backend: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, backend], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout is not None
        run = owner.stdout.readline().strip()
        started = until(lambda: sleepers(65432) == 5)
        owner.send_signal(number if started else signal.SIGKILL)
    assert started
    assert until(lambda: not sleepers(65432))
    if backend == "docker":
        assert until(lambda: not containers(run))


def test_a_forked_child_of_the_owner_does_not_keep_a_sandbox_alive(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=256)
    sandbox.exec("sleep 54321 &", 30)
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        sandbox.close()
        assert until(lambda: not sleepers(54321), 5)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_sandbox_outlives_the_thread_that_opened_it(open_sandbox: Open) -> None:
    opened: list[Sandbox] = []
    thread = threading.Thread(target=lambda: opened.append(open_sandbox(memory_mib=256)))
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert opened[0].exec("echo alive", 30).output == "alive\n"


def test_many_open_at_once(open_sandbox: Open) -> None:
    with ThreadPoolExecutor(20) as pool:
        sandboxes = list(pool.map(lambda _: open_sandbox(memory_mib=128, disk_mib=8), range(20)))
        shown = list(pool.map(lambda n: sandboxes[n].exec(f"x={n}; echo $x", 60).output, range(20)))
    assert shown == [f"{n}\n" for n in range(20)]


@pytest.mark.slow
@pytest.mark.parametrize("backend", [pytest.param("docker", marks=pytest.mark.docker), "bwrap"])
def test_a_hundred_open_at_once(backend: str) -> None:
    def play(number: int) -> str:
        with open_any(backend, Limits(memory_mib=128, disk_mib=8)) as sandbox:
            sandbox.write_files({"f": str(number).encode()})
            return sandbox.exec("cat f", 60).output

    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(play, range(100))) == [str(number) for number in range(100)]
