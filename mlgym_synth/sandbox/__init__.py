"""Where agents run: one contract, two backends (`docker`, `bwrap`), one supervisor inside.

`open_sandbox` is what the env, the referee and the gates call.
"""

from __future__ import annotations

import functools
import os

from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox.base import WORKSPACE, ExecResult, ProgramEnded, Sandbox

__all__ = ["WORKSPACE", "ExecResult", "ProgramEnded", "Sandbox", "choose_backend", "open_sandbox"]

BACKENDS = ("docker", "bwrap")


def open_sandbox(backend: str = "auto", limits: Limits | None = None, runtime: str = "standard") -> Sandbox:
    """Start a sandbox.

    Args:
        backend: `docker`, `bwrap` or `auto` (see `choose_backend`).
        limits: what it may use; the defaults of `Limits` if None.
        runtime: the profile of the agent's Python, built on first use.

    Raises:
        SandboxUnavailable: no such backend works here; says what to install or start.
        SandboxDied: it failed while starting.
    """
    limits = limits or Limits()
    if choose_backend(backend) == "docker":
        from mlgym_synth.sandbox.docker import DockerSandbox

        return DockerSandbox(limits, runtime)
    from mlgym_synth.sandbox.bwrap import BwrapSandbox

    return BwrapSandbox(limits, runtime)


def choose_backend(name: str = "auto") -> str:
    """The backend that `name` means on this machine: `docker` or `bwrap`.

    `auto` is what MLGYM_SYNTH_SANDBOX names, else Docker where its daemon answers, else bubblewrap where it can start
    a sandbox; never anything without a sandbox.

    Raises:
        SandboxUnavailable: unknown name, or the backend does not work here.
    """
    if name == "auto":
        name = os.environ.get("MLGYM_SYNTH_SANDBOX") or "auto"
    if name not in (*BACKENDS, "auto"):
        raise SandboxUnavailable(f"no sandbox backend {name!r}; there is 'docker', 'bwrap' and 'auto'.")
    return _first_that_works(BACKENDS if name == "auto" else (name,))


@functools.cache
def _first_that_works(backends: tuple[str, ...]) -> str:
    """Asked once a process; a failure is not kept, as the user may mend it."""
    complaints = []
    for backend in backends:
        complaint = _complaint(backend)
        if complaint is None:
            return backend
        complaints.append(complaint)
    raise SandboxUnavailable("no sandbox can be started here.\n" + "\n".join(complaints))


def _complaint(backend: str) -> str | None:
    """Why a backend does not work here, and what to do; None if it does."""
    if backend == "docker":
        from mlgym_synth.sandbox.docker import complaint

        return complaint()
    from mlgym_synth.sandbox import bwrap

    return bwrap.complaint()
