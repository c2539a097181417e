"""The `sandbox` fixture: one conformance suite over every backend."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlgym_synth.cache import cache_root
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import Sandbox
from mlgym_synth.sandbox.bwrap import BwrapSandbox
from mlgym_synth.sandbox.runtime import ensure_runtime

Open = Callable[..., Sandbox]
BACKENDS = [pytest.param("docker", marks=pytest.mark.docker), "bwrap", "bwrap-nested"]


@pytest.fixture(scope="session")
def reachable_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The cache where an ordinary user can reach it: root's own home is often closed to others."""
    ensure_runtime()
    cache = cache_root()
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in (cache, *cache.parents)):
        yield str(cache)
        return
    mounted = Path(f"/tmp/mlgym-synth-test-{os.getpid()}")
    mounted.mkdir()
    subprocess.run(["mount", "--bind", str(cache), str(mounted)], check=True)
    yield str(mounted)
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)
    mounted.rmdir()


@pytest.fixture(params=BACKENDS)
def open_sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens sandboxes of one backend with given limits; closes them after the test."""
    opened: list[Sandbox] = []
    backend: str = request.param
    if backend == "bwrap-nested":
        monkeypatch.setenv("MLGYM_SYNTH_CACHE", request.getfixturevalue("reachable_cache"))

    def open_one(**limits: float) -> Sandbox:
        chosen = Limits.model_validate(limits)
        if backend == "docker":
            from mlgym_synth.sandbox.docker import DockerSandbox

            opened.append(DockerSandbox(chosen))
        else:
            opened.append(BwrapSandbox(chosen, nested=True if backend == "bwrap-nested" else None))
        return opened[-1]

    yield open_one
    for sandbox in opened:
        sandbox.close()


@pytest.fixture
def sandbox(open_sandbox: Open) -> Sandbox:
    """A sandbox of small limits."""
    return open_sandbox(memory_mib=512, pids=64, disk_mib=64)
