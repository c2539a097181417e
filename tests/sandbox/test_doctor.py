"""The doctor says what works, really tries it, and never fails itself."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox import choose_backend
from mlgym_synth.sandbox.doctor import Finding, examine, namespace_remedy, usable
from mlgym_synth.sandbox.runtime import ensure_runtime
from tests.sandbox.test_runtime import bwrap

NOWHERE = "tcp://127.0.0.1:9"


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    found = {finding.subject: finding for finding in findings}
    assert len(found) == len(findings)
    return found


def works(backend: str) -> bool:
    with contextlib.suppress(SandboxUnavailable):
        return choose_backend(backend) == backend
    return False


def test_what_it_says_of_backends_is_what_happens() -> None:
    ensure_runtime()
    findings = examine()
    found = by_subject(findings)
    for backend in ("docker", "bwrap"):
        assert (found[backend].ok is True) == works(backend), found[backend]
        if found[backend].ok:
            assert "a sandbox starts in" in found[backend].text
    assert usable(findings) == (works("docker") or works("bwrap"))
    assert found["agent's runtime"].ok is True
    assert all(finding.remedy for finding in findings if not finding.ok)
    assert all(finding.text for finding in findings)


def test_without_a_daemon_docker_fails_with_a_remedy_and_auto_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_runtime()
    bwrap()
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    found = by_subject(examine())
    assert found["docker"].ok is False
    assert NOWHERE in found["docker"].text
    assert "start Docker" in found["docker"].remedy
    assert found["bwrap"].ok is True
    assert found["auto"].text == "chooses bwrap"
    assert usable(list(found.values()))


def test_without_user_namespaces_and_daemon_nothing_is_usable() -> None:
    program = """
import dataclasses, json
from mlgym_synth.sandbox.doctor import examine, usable
findings = examine()
print(json.dumps([usable(findings), {f.subject: [f.ok, f.text, f.remedy] for f in findings}]))
"""
    ensure_runtime()
    command = [bwrap(), "--dev-bind", "/", "/", "--unshare-user", "--disable-userns", sys.executable, "-c", program]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=os.environ | {"DOCKER_HOST": NOWHERE}
    )
    if "disable-userns" in done.stderr:
        pytest.skip("this bubblewrap cannot take user namespaces away")
    any_works, found = json.loads(done.stdout)
    assert not any_works
    assert found["bwrap"][0] is False
    assert "does not start" in found["bwrap"][1]
    assert found["bwrap"][2]
    assert found["auto"][0] is False


def test_before_the_runtime_is_built_it_says_so_and_builds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bwrap()
    monkeypatch.setenv("MLGYM_SYNTH_CACHE", str(tmp_path))
    findings = examine()
    found = by_subject(findings)
    assert found["agent's runtime"].ok is None
    assert found["agent's runtime"].remedy == "mlgym-synth sandbox build"
    assert found["bwrap"].ok is None
    assert usable(findings)
    assert list((tmp_path / "runtimes").iterdir()) == []


def test_a_cache_that_cannot_be_used_is_reported_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGYM_SYNTH_CACHE", "/proc/mlgym-synth")
    findings = examine()
    assert {finding.ok for finding in findings if finding.subject in ("runtime", "disk")} == {False}
    assert "/proc/mlgym-synth" in by_subject(findings)["disk"].text


@pytest.mark.slow
def test_a_daemon_that_never_answers_does_not_hang_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        found = by_subject(examine())
    assert found["docker"].ok is False
    assert "no daemon answers" in found["docker"].text


@pytest.mark.parametrize(
    ("setting", "value", "remedy"),
    [
        ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor profile"),
        ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces="),
        ("user/max_user_namespaces", "15000", "--security-opt seccomp=unconfined"),
    ],
)
def test_kernel_setting_that_forbids_user_namespaces_is_named(
    tmp_path: Path, setting: str, value: str, remedy: str
) -> None:
    file = tmp_path / setting
    file.parent.mkdir()
    file.write_text(value + "\n")
    assert remedy in namespace_remedy(tmp_path)


def test_usable_counts_backends_alone() -> None:
    assert not usable([Finding("disk", True, "fine"), Finding("bwrap", False, "no"), Finding("docker", False, "no")])
    assert usable([Finding("bwrap", None, "best effort"), Finding("docker", False, "no")])
