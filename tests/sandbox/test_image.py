"""The agents' image: its name, and what is said where it cannot be built."""

from __future__ import annotations

import os

import pytest

from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox.housekeeping import connect
from mlgym_synth.sandbox.image import build_image, image_name


def test_name_is_that_of_the_lock_file_and_known_before_it_is_built() -> None:
    assert image_name("standard") == image_name()
    assert image_name().startswith("mlgym-synth-runtime:standard-")
    with pytest.raises(SandboxUnavailable, match="no runtime profile 'other'"):
        image_name("other")


def test_without_a_daemon_the_doctor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(SandboxUnavailable, match=r"no Docker daemon answers.*sandbox doctor"):
        build_image(print)


@pytest.mark.docker
def test_base_that_cannot_be_pulled_is_named_with_what_is_done_instead() -> None:
    client = connect()
    if client is None and os.environ.get("MLGYM_SYNTH_REQUIRE_DOCKER") != "1":
        pytest.skip("no Docker daemon answers")
    assert client is not None
    client.close()
    said: list[str] = []
    with pytest.raises(SandboxUnavailable, match=r"localhost:9/none cannot be had: .*sandboxes mount.*`--base`"):
        build_image(said.append, base="localhost:9/none")
    assert said[0].startswith("Step 1/")
