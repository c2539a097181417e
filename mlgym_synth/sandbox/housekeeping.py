"""Nothing outlives its owner: this process's run, and the removal of what dead runs left.

A run is one process that opens sandboxes. It has an id, written on its containers as the label `mlgym-synth`, and a
folder for its sockets, which it keeps locked while it lives: pids are used again, a lock is not. The backends call
`run_id`, `run_folder` and `sweep_once`; `mlgym-synth sandbox clean` calls `clean`.

Whether a run is dead is only said where it can be known. Its id is `<uid>-<place>-<token>`; `place` stands for this
boot of this machine and the very folder in which that user's runs are. A run of our own place is dead when its folder
is gone or its lock can be taken. A run of another place (another machine or container on the same Docker daemon,
another boot, another user whose folder we may not read) may be alive: only containers of it that are over, and older
than an hour, are removed.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgym_synth.cache import cache_root
from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox import runtime

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = "mlgym-synth"
"""Label of containers (its value: the run's id) and of images."""
_CGROUPS = (Path("/sys/fs/cgroup/mlgym-synth"), Path("/sys/fs/cgroup/memory/mlgym-synth"))
_ID = re.compile(r"(\d+)-([0-9a-f]{8})-[0-9a-f]{8}")


@dataclass(frozen=True)
class CleanReport:
    """What `clean` removed, and in `notes` what it could not, in plain words."""

    containers: int = 0
    run_folders: int = 0
    unfinished: int = 0
    runtimes: int = 0
    images: int = 0
    freed_bytes: int = 0
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """As a person reads it."""
        counts = {
            "container": self.containers, "folder of a dead run": self.run_folders,
            "unfinished build": self.unfinished, "old runtime": self.runtimes, "image": self.images,
        }  # fmt: skip
        removed = [f"removed {count} x {what}" for what, count in counts.items() if count]
        freed = [f"freed {self.freed_bytes / 2**20:.0f} MiB of disk"] if self.freed_bytes else []
        return [*(removed or ["nothing was left over"]), *freed, *self.notes]


@dataclass
class _Process:
    """This process's run; a forked child starts with none."""

    run: str | None = None
    handle: int | None = None
    swept: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


_process = _Process()


def run_id() -> str:
    """The id of this process's run, begun by the first call; a forked child has one of its own.

    Raises:
        SandboxUnavailable: the folder of runs belongs to another user, or cannot be made.
    """
    with _process.lock:
        if _process.run is None:
            _process.run, _process.handle = _begin()
        return _process.run


def run_folder() -> Path:
    """This process's own folder, mode 0700, at most 60 bytes long (a Unix socket's path holds 108); gone at exit.

    Raises:
        SandboxUnavailable: as `run_id`.
    """
    return run_root(os.geteuid()) / run_id()


def run_root(uid: int) -> Path:
    """Where the runs of a user are. Not below `XDG_RUNTIME_DIR`, which only some of a user's sessions have."""
    return Path(f"/tmp/mlgym-synth-{uid}")


def sweep_once(client: DockerClient | None = None) -> None:
    """Remove what dead runs left: their folders, and with a `client` their containers; once a process; never raises."""
    with contextlib.suppress(Exception):
        own = run_id()
        if "folders" not in _process.swept:
            _process.swept.add("folders")
            remove_dead_cgroups()
            remove_dead_folders(own)
        if client is not None and "containers" not in _process.swept:
            _process.swept.add("containers")
            remove_dead_containers(client)


def clean(everything: bool = False) -> CleanReport:
    """Remove what was left over: containers and folders of dead runs, unfinished builds, old runtimes.

    Nothing that a live run uses is touched: runs and runtimes are locked while they are in use.

    Args:
        everything: also the current runtime and the images; both are made again when they are needed.
    """
    notes: list[str] = []
    containers = images = 0
    client = connect()
    if client is None:
        notes.append("Docker does not answer: its containers and images were not looked at")
    else:
        try:
            containers = remove_dead_containers(client)
            images = _remove_images(client, notes) if everything else 0
        except Exception as error:  # a daemon that goes away in the middle
            notes.append(f"Docker failed: {error}")
        client.close()
    remove_dead_cgroups()
    folders = remove_dead_folders(run_id())
    unfinished, freed_builds = _remove_unfinished()
    runtimes, freed_runtimes = _remove_runtimes(everything, notes)
    return CleanReport(
        containers, folders, unfinished, runtimes, images, freed_builds + freed_runtimes, notes=tuple(notes)
    )


def connect(timeout_s: float = 5) -> DockerClient | None:
    """A Docker client whose daemon answers, or None."""
    try:
        import docker

        client = docker.from_env(timeout=timeout_s)  # type: ignore[arg-type]  # the stubs know whole seconds only
        client.ping()
    except Exception:  # docker, requests and urllib3 raise a dozen kinds; each means the same here
        return None
    return client


def is_dead(run: str) -> bool | None:
    """Whether the run of this id has ended; None where that cannot be known from here."""
    match = _ID.fullmatch(run)
    if match is None:
        return None
    root = run_root(int(match[1]))
    try:
        if _place(root) != match[2]:
            return None
        with _taken(root / run) as taken:
            return taken and run != _process.run
    except FileNotFoundError:
        return True if root.is_dir() else None
    except OSError:  # another user's folder: only root sees into it
        return None


def remove_dead_folders(own: str) -> int:
    """Remove the folders of this user's dead runs; return how many there were."""
    root, removed = run_root(os.geteuid()), 0
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.name == own or not _ID.fullmatch(folder.name):
            continue
        with contextlib.suppress(OSError), _taken(folder) as taken:
            if taken:
                shutil.rmtree(folder, ignore_errors=True)
                removed += not folder.exists()
    return removed


def remove_dead_cgroups() -> None:
    """Remove the control groups, called `<run>-<number>`, of dead bubblewrap sandboxes."""
    for base in _CGROUPS:
        for group in base.iterdir() if base.is_dir() else ():
            if is_dead(group.name.rpartition("-")[0]):
                with contextlib.suppress(OSError):  # its last process may be ending just now
                    group.rmdir()


def remove_dead_containers(client: DockerClient) -> int:
    """Remove the containers of dead runs; return how many there were. Docker's errors pass."""
    removed = 0
    found: list[dict[str, Any]] = client.api.containers(all=True, filters={"label": LABEL})
    for container in found:
        dead = is_dead(container["Labels"][LABEL])
        if dead is None:  # a live owner may still ask a fresh one why it ended
            dead = container["State"] in ("exited", "dead") and container["Created"] < time.time() - 3600
        if dead:
            with contextlib.suppress(Exception):  # it may be on its way out already
                client.api.remove_container(container["Id"], force=True, v=True)
                removed += 1
    return removed


def _begin() -> tuple[str, int]:
    """Make this process's folder and lock it; the lock goes with the process, however it ends."""
    root = run_root(os.geteuid())
    try:
        root.mkdir(mode=0o700, exist_ok=True)
        facts = root.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            raise SandboxUnavailable(f"{root} is not a folder of this user, so no sandbox is safe in it. Remove it.")
        root.chmod(0o700)
        while True:
            run = f"{os.geteuid()}-{_place(root)}-{secrets.token_hex(4)}"
            handle = _open_locked(root / run)
            if handle is not None:
                return run, handle
    except OSError as error:
        raise SandboxUnavailable(f"{root}, the folder of running sandboxes, cannot be used: {error}.") from error


def _open_locked(folder: Path) -> int | None:
    """Make and lock `folder`; None if a sweep of another process was quicker than our lock."""
    folder.mkdir(mode=0o700)
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        os.close(handle)
        return None
    if not folder.exists():
        os.close(handle)
        return None
    return handle


@contextlib.contextmanager
def _taken(folder: Path) -> Iterator[bool]:
    """Try to take the lock of `folder`, without waiting; True while it is held, False if another holds it.

    Raises:
        OSError: the folder is not there, or is not for us to open.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _place(root: Path) -> str:
    """Eight digits for this boot and this very folder: who computes the same, sees the same locks."""
    facts = root.lstat()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return hashlib.sha256(f"{boot} {facts.st_dev} {facts.st_ino}".encode()).hexdigest()[:8]


def _remove_unfinished() -> tuple[int, int]:
    """Builds in the cache whose process was killed: their key's lock can be taken."""
    removed = freed = 0
    for folder in [*cache_root().glob("*.tmp"), *cache_root().glob("*/*.tmp")]:
        key = folder.name.removesuffix(".tmp").rpartition(".")[0]
        with contextlib.suppress(OSError), folder.with_name(key + ".lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            freed += _remove(folder)
            removed += 1
    return removed, freed


def _remove_runtimes(everything: bool, notes: list[str]) -> tuple[int, int]:
    removed = freed = 0
    for folder in runtime.built_runtimes():
        if not everything and runtime.is_current(folder):
            continue
        doomed = runtime.remove_runtime(folder)
        if doomed is None:
            notes.append(f"{folder} is in use and was kept")
        else:
            freed += _remove(doomed)
            removed += 1
    return removed, freed


def _remove_images(client: DockerClient, notes: list[str]) -> int:
    removed = 0
    for image in client.images.list(filters={"label": LABEL}):
        try:
            client.images.remove(str(image.id), force=False)
            removed += 1
        except Exception as error:
            notes.append(f"image {image.short_id} was kept: {error}")
    return removed


def _remove(tree: Path) -> int:
    """Delete a tree; return the bytes of its files."""
    files = (Path(folder, name) for folder, _, names in os.walk(tree) for name in names)
    size = sum(file.lstat().st_blocks * 512 for file in files)
    shutil.rmtree(tree, ignore_errors=True)
    return size


def _forget_run() -> None:
    """In a forked child: the run is the parent's, and the child must not keep its lock alive."""
    global _process
    if _process.handle is not None:
        os.close(_process.handle)
    _process = _Process()


def _end_run() -> None:
    if _process.run is not None:
        shutil.rmtree(run_root(os.geteuid()) / _process.run, ignore_errors=True)


os.register_at_fork(after_in_child=_forget_run)
atexit.register(_end_run)
