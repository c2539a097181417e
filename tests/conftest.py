"""What tests in several rooms share: which sandbox backends this machine has."""

from __future__ import annotations

import functools
import os

import pytest

from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox import choose_backend


@functools.cache
def docker_complaint() -> str | None:
    """Why Docker cannot be used here; None if it can."""
    try:
        choose_backend("docker")
    except SandboxUnavailable as error:
        return str(error)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked `docker` where no daemon answers, unless CI says that one must."""
    if item.get_closest_marker("docker") is None:
        return
    complaint = docker_complaint()
    if complaint is None:
        return
    if os.environ.get("MLGYM_SYNTH_REQUIRE_DOCKER") == "1":
        pytest.fail(f"MLGYM_SYNTH_REQUIRE_DOCKER=1, but {complaint}")
    pytest.skip(complaint)


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "bwrap"])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each backend in turn."""
    name: str = request.param
    return name
