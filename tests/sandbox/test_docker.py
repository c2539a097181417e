"""What only the Docker backend has: the channel through the daemon, and how a container is made."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import docker
import pytest

from mlgym_synth.errors import SandboxDied, SandboxUnavailable
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import housekeeping
from mlgym_synth.sandbox.docker import DockerSandbox
from tests.sandbox.test_death import containers, sleepers, until

pytestmark = pytest.mark.docker


@pytest.fixture
def attached() -> Iterator[DockerSandbox]:
    with DockerSandbox(Limits(memory_mib=256, disk_mib=64), attached=True) as sandbox:
        yield sandbox


def test_the_attached_channel_carries_everything(attached: DockerSandbox) -> None:
    assert attached.exec("x=1; echo out", 30).output == "out\n"
    assert attached.exec("sleep 100", 0.3).timed_out
    assert attached.exec("head -c 1000000 /dev/urandom; echo", 30).output_bytes == 1_000_001
    content = os.urandom(5 << 20)
    attached.write_files({"large": content, "small": b"s"})
    assert attached.read_file("large", 6 << 20) == content
    attached.start_program(["bash", "-c", "head -c 7 <&3 >&4"])
    assert attached.call_program(b"abc", 30) == b"abc"


def test_the_attached_container_ends_with_its_channel(attached: DockerSandbox) -> None:
    attached.exec("sleep 43210 & setsid sleep 43210 &", 30)
    assert until(lambda: sleepers(43210) == 2)
    attached.close()
    assert until(lambda: not sleepers(43210))


def test_an_attached_container_that_is_removed_is_infrastructure(attached: DockerSandbox) -> None:
    for container in containers(housekeeping.run_id()):
        docker.from_env().api.remove_container(container, force=True)
    with pytest.raises(SandboxDied):
        attached.exec("true", 30)


def test_a_container_has_no_rights_and_every_limit() -> None:
    before = containers(housekeeping.run_id())
    with DockerSandbox(Limits(memory_mib=300, cpus=0.5, pids=40, disk_mib=32)):
        (ours,) = containers(housekeeping.run_id()) - before
        facts = docker.from_env().api.inspect_container(ours)
    host = facts["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert {name.removeprefix("CAP_") for name in host["CapAdd"]} == {"SETUID", "SETGID", "KILL"}
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"] is True
    assert host["AutoRemove"] is True
    assert host["NetworkMode"] == "none"
    assert host["LogConfig"]["Type"] == "none"
    assert host["Memory"] == host["MemorySwap"] == 300 << 20
    assert host["NanoCpus"] == 500_000_000
    assert host["PidsLimit"] == 41
    assert "size=32m" in host["Tmpfs"]["/home/agent"]
    assert all(mount["RW"] is False for mount in facts["Mounts"])
    assert facts["Config"]["Labels"][housekeeping.LABEL] == housekeeping.run_id()


def test_the_socket_is_gone_once_the_sandbox_is_open() -> None:
    with DockerSandbox(Limits(memory_mib=256)) as sandbox:
        assert list(housekeeping.run_folder().iterdir()) == []
        assert sandbox.exec("ls -A /run/channel", 30).output == ""


def test_memory_that_ran_out_before_is_no_excuse_for_a_removed_container() -> None:
    before = containers(housekeeping.run_id())
    with DockerSandbox(Limits(memory_mib=128, disk_mib=8)) as sandbox:
        (ours,) = containers(housekeeping.run_id()) - before
        assert "out of memory" in sandbox.exec("python3 -c \"x = b'a' * (1 << 30)\"", 60).note
        assert sandbox.exec("echo on", 30).output == "on\n"
        time.sleep(0.3)
        docker.from_env().api.remove_container(ours, force=True)
        with pytest.raises(SandboxDied):
            sandbox.exec("true", 30)


def test_another_container_runtime_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGYM_SYNTH_DOCKER_RUNTIME", "io.containerd.runc.v2")
    with DockerSandbox(Limits(memory_mib=256)) as sandbox:
        (container,) = containers(housekeeping.run_id())
        about = docker.from_env().api.inspect_container(container)
        assert about["HostConfig"]["Runtime"] == "io.containerd.runc.v2"
        assert about["Config"]["OpenStdin"]  # a kernel of its own may let no socket of this machine in
        assert sandbox.exec("echo out", 30).output == "out\n"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MLGYM_SYNTH_DOCKER_RUNTIME", "nonesuch", "runtime"),
        ("MLGYM_SYNTH_DOCKER_GPUS", "no-such-gpu", ""),  # with no driver for any, or of that one
    ],
)
def test_what_the_daemon_lacks_is_named(variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SandboxUnavailable, match=f"{variable}={value}, but the daemon refuses: .*{said}.*unset"):
        DockerSandbox(Limits(memory_mib=256))
