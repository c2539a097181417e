"""What tests in several rooms share: which sandbox backends this machine has, and whether it has a browser."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator

import pytest

from mlgym_synth import registry
from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox import choose_backend

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # so that the tests' own processes hear Ctrl-C


@functools.cache
def docker_complaint() -> str | None:
    """Why Docker cannot be used here; None if it can."""
    with warnings.catch_warnings():
        # Where there is no daemon, Docker's SDK leaves the socket open that it asked by; no test is to blame for it.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            choose_backend("docker")
        except SandboxUnavailable as error:
            complaint = str(error)
        else:
            return None
        gc.collect()
    return complaint


def browser_complaint() -> str | None:
    """Why no page can be opened here; None if it can."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(missing)} missing: apt-get install chromium chromium-driver" if missing else None


def gvisor_complaint() -> str | None:
    """Why no Docker daemon with gVisor can be started here; None if one can."""
    if os.geteuid() != 0:
        return "a Docker daemon can be started by root only"
    missing = [name for name in ("dockerd", "runsc") if shutil.which(name) is None]
    return f"{' and '.join(missing)} missing: apt-get install docker.io runsc" if missing else None


COMPLAINTS: dict[str, Callable[[], str | None]] = {
    "docker": docker_complaint,
    "browser": browser_complaint,
    "gvisor": gvisor_complaint,
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the tests of a real checkout of MLGym where there is none."""
    if os.environ.get("MLGYM_ROOT"):
        return
    real = [item for item in items if item.get_closest_marker("mlgym")]
    if real:
        config.hook.pytest_deselected(items=real)
        items[:] = [item for item in items if item not in real]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked `docker`, `browser` or `gvisor` where there is none, unless CI says that there must be one."""
    for marker, complain in COMPLAINTS.items():
        if item.get_closest_marker(marker) is None or (complaint := complain()) is None:
            continue
        if os.environ.get("MLGYM_SYNTH_REQUIRE_DOCKER") == "1":
            pytest.fail(f"MLGYM_SYNTH_REQUIRE_DOCKER=1, but {complaint}")
        pytest.skip(complaint)


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "bwrap"])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each backend in turn."""
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def _same_registry_after() -> Iterator[None]:
    """What a test registers is gone when it ends."""
    before = registry.registered_roots()
    yield
    for root in set(registry.registered_roots()) - set(before):
        registry.unregister(root)
