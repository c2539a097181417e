"""How the supervisor starts processes as the agent, reaps what is orphaned, and ends everything."""

from __future__ import annotations

import os
import resource
from errno import ENOENT
from fcntl import F_DUPFD, fcntl
from time import monotonic, sleep

TYPE_CHECKING = False  # module `typing` costs a megabyte
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SIGKILL = 9  # module `signal` costs a megabyte
_SCRATCH = 300  # descriptors from here on are free while a child arranges its own


class Agent:
    """Who the agent is and what each of its processes may use.

    Args:
        uid: the agent's user, or None when it is the supervisor's own (in a nested sandbox).
        prefix: command that starts the nested sandbox, else empty.
        environment: variables of every process.
        limits: resource limits by number, set on every process.
    """

    def __init__(
        self, uid: int | None, prefix: Sequence[str], environment: Mapping[str, str], limits: Mapping[int, int]
    ) -> None:
        self.uid, self.prefix, self.environment, self.limits = uid, prefix, environment, limits
        self._statuses: dict[int, int | None] = {}
        self._ended: dict[int, Callable[[], None]] = {}

    def spawn(self, argv: Sequence[str], descriptors: Mapping[int, int], cwd: str) -> int:
        """Start `argv` in a session of its own; return its pid.

        `descriptors` maps the child's to ours; 0, 1 and 2 are /dev/null where not given, all others are closed.
        """
        pid = os.fork()
        if pid == 0:
            code = 126
            try:
                self._become(descriptors, cwd)
                full = [*self.prefix, *argv]
                os.execvpe(full[0], full, dict(self.environment))
            except OSError as error:
                code = 127 if error.errno == ENOENT else 126
                os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
            finally:
                os._exit(code)
        self._statuses[pid] = None
        return pid

    def _become(self, descriptors: Mapping[int, int], cwd: str) -> None:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        scratch = {target: fcntl(source, F_DUPFD, _SCRATCH) for target, source in descriptors.items()}
        for target in (0, 1, 2, *descriptors):
            os.dup2(scratch.get(target, null), target, inheritable=True)
        for descriptor in (null, *scratch.values()):
            os.close(descriptor)
        restore_signals()
        write_text("/proc/self/oom_score_adj", "1000")
        for number, value in self.limits.items():
            _limit(number, value)
        if self.uid is not None:
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)
        os.umask(0o022)
        try:
            os.chdir(cwd)
        except OSError:
            os.chdir("/")

    def reap(self) -> None:
        """Take the status of every process that ended; orphans of the agent come to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._statuses:
                self._statuses[pid] = os.waitstatus_to_exitcode(status)
                self._ended.pop(pid, _nothing)()

    def on_end(self, pid: int, handler: Callable[[], None]) -> None:
        """Call `handler` as soon as it is seen, by `reap`, that this process of ours has ended."""
        self._ended[pid] = handler
        if self.exit_code(pid) is not None:
            self._ended.pop(pid, _nothing)()

    def exit_code(self, pid: int) -> int | None:
        """As bash counts (128 + n for signal n); None while it runs."""
        self.reap()
        code = self._statuses.get(pid)
        return code if code is None or code >= 0 else 128 - code

    def wait(self, pid: int, patience_s: float) -> int | None:
        """The exit code of a process that is about to end; None if it does not in time."""
        end = monotonic() + patience_s
        while (code := self.exit_code(pid)) is None and monotonic() < end:
            sleep(0.0005)
        return code

    def forget(self, pid: int) -> None:
        """Its status, and that it ends, is of no more interest."""
        self._statuses.pop(pid, None)
        self._ended.pop(pid, None)

    def kill_everything(self, patience_s: float = 20.0) -> None:
        """Kill every process but ourselves, and wait until they are gone.

        One call of kill(-1) reaches the whole pid namespace, and a process that has SIGKILL pending cannot fork; so
        not even a fork bomb outruns it.
        """
        end = monotonic() + patience_s
        while monotonic() < end:
            try:
                os.kill(-1, SIGKILL)
            except ProcessLookupError:
                return
            self.reap()
            sleep(0.0005)

    def __enter__(self) -> None:
        """Act as the agent in the file system: what it may not open, we do not open for it."""
        if self.uid is not None:
            os.setegid(self.uid)
            os.seteuid(self.uid)

    def __exit__(self, *exc: object) -> None:
        if self.uid is not None:
            os.seteuid(0)
            os.setegid(0)


def ends_of_children() -> int:
    """A descriptor that is readable once a child has ended (and stays so until it is read).

    By SIGCHLD, as not every kernel has descriptors of processes: gVisor has none.
    """
    import _signal  # type: ignore[import-not-found]  # what module `signal` is made of

    ends, wake = os.pipe()
    for descriptor in (ends, wake):
        os.set_blocking(descriptor, False)
    _signal.signal(_signal.SIGCHLD, _nothing)
    _signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    return ends


def _nothing(*_: object) -> None:
    """Nothing to do."""


def restore_signals() -> None:
    """What is ignored here a child would inherit: two signals of Python, and SIGHUP under nohup."""
    import _signal

    for number in _signal.valid_signals():
        if _signal.getsignal(number) == _signal.SIG_IGN:
            _signal.signal(number, _signal.SIG_DFL)


def write_text(path: str, text: str) -> None:
    """Write to a file of /proc; not being allowed to is no error."""
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except OSError:
        return
    try:
        os.write(descriptor, text.encode())
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _limit(number: int, value: int) -> None:
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(number, (value, value))
