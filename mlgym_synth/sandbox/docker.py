"""The Docker backend: one container a sandbox, through any Docker-compatible socket.

The container's root is an empty image; the agent's runtime is mounted into it read-only. The channel is a Unix socket
in a mounted folder of the owner's, which skips the daemon and is closed before any process of the agent exists. Where
the daemon is on another machine, an image holds the runtime, and the container's stdin and stdout are the channel;
so they are under another container runtime (gVisor), which may let no socket of the host in.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import secrets
import shutil
import socket
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions

from mlgym_synth.cache import cache_root, locked
from mlgym_synth.errors import SandboxDied, SandboxUnavailable
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import boot, housekeeping, image, plan
from mlgym_synth.sandbox.attachment import Attachment
from mlgym_synth.sandbox.channel import Channel, ChannelClosed
from mlgym_synth.sandbox.runtime import Runtime, ensure_runtime
from mlgym_synth.sandbox.supervised import SupervisedSandbox

RUNTIME = "MLGYM_SYNTH_DOCKER_RUNTIME"
GPUS = "MLGYM_SYNTH_DOCKER_GPUS"

_START_S = 120.0
_EVENTS_S = 0.3
_CHANNEL = "/run/channel"
_UNIX_SOCKET = "http+docker://localhost"
"""What docker-py calls any Unix socket."""
_IMAGE_UID = 65532
"""The agent in the accounts of an image that `image.py` built."""
_FAILURES = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)


class DockerSandbox(SupervisedSandbox):
    """A container; it removes itself when its channel closes, whatever became of its owner.

    Args:
        limits: what it may use.
        runtime: profile of the agent's Python.
        attached: use the container's stdin and stdout as the channel, through the daemon, where a socket of this
            machine cannot be mounted; None: for a daemon on another machine, or another container runtime.
    """

    backend = "docker"

    def __init__(self, limits: Limits, runtime: str = "standard", attached: bool | None = None) -> None:
        super().__init__(limits)
        self._api = _client().api
        self._container = ""
        self._spent_memory_at = time.time()
        remote = _is_remote()
        root = image_of_runtime(runtime) if remote else ensure_runtime(runtime)
        try:
            if (remote or bool(os.environ.get(RUNTIME))) if attached is None else attached:
                self._open_attached(root)
            else:
                assert isinstance(root, Runtime)
                self._open_mounted(root)
        except BaseException:
            self._remove()
            raise

    def _open_mounted(self, runtime: Runtime) -> None:
        """The channel is a socket in a mounted folder: the owner listens, the supervisor connects."""
        uid = plan.next_uid()
        folder = housekeeping.run_folder() / secrets.token_hex(4)
        folder.mkdir(0o755)
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(folder / "s"))
                (folder / "s").chmod(0o666)  # the folder above is ours alone; inside there is only the supervisor yet
                listener.listen(1)
                options = container_options(self.limits, boot.command(f"{_CHANNEL}/s"), runtime, uid)
                options["host_config"]["Binds"].append(f"{folder}:{_CHANNEL}:ro")
                self._create(options)
                self._start()
                end = self._accept(listener)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._supervise(Channel(end), uid)

    def _open_attached(self, root: Runtime | str) -> None:
        """The channel is the container's stdin and stdout; the daemon carries it."""
        uid = plan.next_uid() if isinstance(root, Runtime) else _IMAGE_UID
        self._create(container_options(self.limits, boot.command(), root, uid) | {"stdin_open": True})
        try:
            stream = Attachment(self._api, self._container)
        except _FAILURES as error:
            raise SandboxDied(f"Docker did not attach to a container: {_first_line(error)}") from error
        self._start()
        self._supervise(Channel(stream), uid)

    def _create(self, options: dict[str, Any]) -> None:
        try:
            self._container = self._api.create_container(**options)["Id"]
        except docker.errors.ImageNotFound as error:
            _image.cache_clear()
            raise SandboxDied(f"Docker's image was removed meanwhile: {error}") from error
        except _FAILURES as error:
            raise _not_started("make", error) from error

    def _start(self) -> None:
        try:
            self._api.start(self._container)
        except _FAILURES as error:
            raise _not_started("start", error) from error

    def _supervise(self, channel: Channel, uid: int) -> None:
        self._channel = channel
        try:
            boot.start_supervisor(channel, plan.settings(self.limits, uid=uid), _START_S)
        except BaseException as error:
            channel.close()
            if isinstance(error, ChannelClosed):
                raise SandboxDied(f"the container's supervisor did not start: {error}") from error
            raise

    def _accept(self, listener: socket.socket) -> socket.socket:
        deadline = time.monotonic() + _START_S
        listener.settimeout(2.0)
        while time.monotonic() < deadline:
            try:
                end, _ = listener.accept()
            except TimeoutError:
                if self._is_running():
                    continue
                raise SandboxDied("the container ended before its supervisor reported") from None
            end.setblocking(True)
            return end
        raise SandboxDied(f"the container's supervisor did not report within {_START_S:g} s")

    def _is_running(self) -> bool:
        try:
            return bool(self._api.inspect_container(self._container)["State"]["Running"])
        except _FAILURES:
            return False

    def _starved(self) -> bool:
        """Ask the daemon's event log, which knows of containers that are gone."""
        try:
            events = self._api.events(  # type: ignore[call-overload]  # the stubs know whole seconds only
                since=f"{self._spent_memory_at:.9f}",
                until=f"{time.time() + _EVENTS_S:.9f}",  # they come in a moment after the end
                filters={"container": self._container},
                decode=True,
            )
            return any(event.get("Action") == "oom" for event in events)
        except _FAILURES:
            return False

    def _spent_memory(self) -> None:
        self._spent_memory_at = time.time()

    def _kill(self) -> None:
        self._remove()

    def _release(self) -> None:
        """Nothing: the supervisor ends with its channel, the container with the supervisor, and removes itself."""

    def _remove(self) -> None:
        if self._container:
            with contextlib.suppress(*_FAILURES):
                self._api.remove_container(self._container, force=True)


def container_options(
    limits: Limits | None = None,
    command: list[str] | None = None,
    root: Runtime | str | None = None,
    uid: int = plan.FIRST_UID,
) -> dict[str, Any]:
    """Arguments of `APIClient.create_container` for one sandbox, but for the channel.

    Args:
        limits: what it may use.
        command: its first process; by default it only sleeps.
        root: a runtime to mount, or the name of an image that holds one.
        uid: the agent's user.
    """
    limits = limits or Limits()
    root = root or ensure_runtime()
    size = plan.sizes(limits)
    memory = limits.memory_mib << 20
    writable = "rw,exec,nosuid,nodev"
    # runc gives a tmpfs the mode of the folder below it: in an image that is 0755, so /tmp must be the agent's.
    owner_of_tmp = "" if isinstance(root, Runtime) else f",uid={uid},gid={uid}"
    binds = [f"{root.path}/{name}:/{name}:ro" for name in ("usr", "opt")] if isinstance(root, Runtime) else []
    return {
        "image": _image(root) if isinstance(root, Runtime) else root,
        "command": command or ["/bin/sleep", "3600"],
        "hostname": plan.HOSTNAME,
        "labels": {housekeeping.LABEL: housekeeping.run_id()},
        "user": "0:0",
        "stop_signal": "SIGKILL",  # to a first process others are nothing: a daemon that stops would wait for 10 s
        "host_config": {
            "AutoRemove": True,
            "Binds": binds,
            "CapAdd": ["SETUID", "SETGID", "KILL"],
            "CapDrop": ["ALL"],
            "IpcMode": "private",
            "LogConfig": {"Type": "none", "Config": {}},
            "Memory": memory,
            "MemorySwap": memory,
            "NanoCpus": int(limits.cpus * 1e9),
            "NetworkMode": "none",
            "PidsLimit": limits.pids + 1,
            "ReadonlyRootfs": True,
            "SecurityOpt": ["no-new-privileges"],
            "ShmSize": size.shm << 20,
            **_of_choice(),
            "Tmpfs": {
                plan.HOME: f"{writable},size={size.home}m,mode=0755,uid={uid},gid={uid}",
                "/tmp": f"{writable},size={size.tmp}m,mode=1777{owner_of_tmp}",
            },
        },
    }


def _of_choice() -> dict[str, Any]:
    """What the environment asks of the daemon: another container runtime (`runsc` is gVisor's), GPUs for the agent."""
    chosen: dict[str, Any] = {}
    if runtime := os.environ.get(RUNTIME):
        chosen["Runtime"] = runtime
    if gpus := os.environ.get(GPUS):
        which = {"Count": -1} if gpus == "all" else {"DeviceIDs": gpus.split(",")}
        chosen["DeviceRequests"] = [{"Driver": "", "Capabilities": [["gpu"]], **which}]
    return chosen


def _not_started(verb: str, error: Exception) -> SandboxDied | SandboxUnavailable:
    """The daemon's refusal: of what the environment asked for, which no second try mends, or of anything else."""
    said = _first_line(error)
    for variable, words in ((RUNTIME, ("invalid runtime", "unknown runtime")), (GPUS, ("device driver", "nvidia"))):
        if (chosen := os.environ.get(variable)) and any(word in said.lower() for word in words):
            return SandboxUnavailable(
                f"docker: {variable}={chosen}, but the daemon refuses: {said}. Install it there and name it in the"
                " daemon's configuration, or unset the variable."
            )
    return SandboxDied(f"Docker did not {verb} a container: {said}")


def complaint() -> str | None:
    """Why Docker cannot be used here, and what to do; None if its daemon answers."""
    try:
        _client()
    except SandboxUnavailable as error:
        return str(error)
    return None


_connect_lock = threading.Lock()


def _client() -> docker.DockerClient:
    """This process's client of a daemon that answered; cached, a failure is not."""
    with _connect_lock:
        return _connected(os.getpid())


@functools.lru_cache(maxsize=1)
def _connected(pid: int) -> docker.DockerClient:
    """One client a process: a forked child must not share its parent's connections."""
    try:
        client = docker.from_env(timeout=5, max_pool_size=64)
        client.ping()
    except _FAILURES as error:
        raise SandboxUnavailable(
            f"docker: its daemon does not answer ({_first_line(error)}). Start it (`sudo systemctl start docker`), or "
            "let DOCKER_HOST name its socket; your user must be allowed to use it."
        ) from error
    client.api.timeout = 300  # many containers may be starting at once
    housekeeping.sweep_once(client)
    return client


@functools.cache
def _is_remote() -> bool:
    """Whether the daemon cannot see this machine's files and sockets."""
    if os.environ.get("MLGYM_SYNTH_IMAGE") or _client().api.base_url != _UNIX_SOCKET:
        return True
    try:
        return bool(_client().api.info().get("OperatingSystem") == "Docker Desktop")  # it runs in a virtual machine
    except _FAILURES:
        return False


def image_of_runtime(runtime: str) -> str:
    """The image that holds the runtime, for a daemon elsewhere: MLGYM_SYNTH_IMAGE, else what `sandbox build` made.

    Raises:
        SandboxUnavailable: the daemon has not got it.
    """
    name = os.environ.get("MLGYM_SYNTH_IMAGE") or image.image_name(runtime)
    try:
        _client().api.inspect_image(name)  # type: ignore[no-untyped-call]  # the SDK's stubs lack it
    except docker.errors.ImageNotFound:
        raise SandboxUnavailable(
            f"docker: the daemon is on another machine and has no image {name}. Run `mlgym-synth sandbox build "
            "--image`, or let MLGYM_SYNTH_IMAGE name one."
        ) from None
    except _FAILURES as error:
        raise SandboxDied(f"Docker failed: {_first_line(error)}") from error
    return name


@functools.lru_cache
def _image(runtime: Runtime) -> str:
    """The name of the empty image, imported if the daemon has not got it: folders, links and `etc`, no registry."""
    api = _client().api
    content = _skeleton(runtime.path)
    tag = hashlib.sha256(content).hexdigest()[:16]
    name = f"mlgym-synth:{tag}"
    with locked(cache_root() / "image.lock"):
        try:
            api.inspect_image(name)  # type: ignore[no-untyped-call]  # as above
        except docker.errors.ImageNotFound:
            changes = [f"LABEL {housekeeping.LABEL}=image"]
            api.import_image_from_data(content, repository="mlgym-synth", tag=tag, changes=changes)
    return name


def _skeleton(root: Path) -> bytes:
    """A tar of all that a root needs besides `usr` and `opt`."""
    packed = io.BytesIO()
    users = plan.accounts(range(plan.FIRST_UID, plan.FIRST_UID + plan.UIDS))
    files = {
        path.name: path.read_text() for path in (root / "etc").iterdir() if path.is_file() and not path.is_symlink()
    }
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(root.iterdir()):
            _add(tar, path.name, path.readlink() if path.is_symlink() else None)
        for name in ("home/agent", "run/channel", "var/log"):
            _add(tar, name, None)
        _add(tar, "var/tmp", Path("../tmp"))
        for name, text in sorted((files | users).items()):
            _add(tar, f"etc/{name}", None, text.encode())
    return packed.getvalue()


def _add(tar: tarfile.TarFile, name: str, target: Path | None, content: bytes | None = None) -> None:
    entry = tarfile.TarInfo(name)
    entry.mtime = 1_700_000_000
    if content is not None:
        entry.size, entry.mode = len(content), 0o644
    elif target is not None:
        entry.type, entry.linkname = tarfile.SYMTYPE, str(target)
    else:
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755  # runc gives a tmpfs this mode
    tar.addfile(entry, io.BytesIO(content or b""))


def _first_line(error: BaseException) -> str:
    said = str(getattr(error, "explanation", None) or error)  # of an answer of the daemon: without its address
    return (said.splitlines() or [type(error).__name__])[0][:300]
