"""What a sandbox of given limits gets, in whatever backend: sizes of its file systems, environment, users, settings."""

from __future__ import annotations

import itertools
import math
import random
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlgym_synth.limits import Limits
from mlgym_synth.sandbox.base import WORKSPACE

HOME = "/home/agent"
HOSTNAME = "sandbox"
RESERVE_MIB = 48
"""Memory that file systems leave to processes: a full disk must not starve the supervisor."""
_SMALL_MIB = 64
FIRST_UID, UIDS = 20_000, 1_000
"""Users that sandboxes run as, all called `agent`; below 65,536, so that user namespaces of daemons have them."""


@dataclass(frozen=True)
class Sizes:
    """MiB of each file system an agent can write to."""

    home: int
    tmp: int
    shm: int


def sizes(limits: Limits) -> Sizes:
    """File systems that hold what the limits promise, and never so much that memory is full of files alone."""
    small = max(8, min(_SMALL_MIB, limits.memory_mib // 16))
    home = min(limits.disk_mib, limits.memory_mib - RESERVE_MIB - 2 * small)
    return Sizes(max(8, home), small, small)


def environment(limits: Limits) -> dict[str, str]:
    """All variables that an agent's processes start with."""
    threads = str(math.ceil(limits.cpus))
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": HOME,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TIME_STYLE": "+",  # `ls -l` tells no times, so that episodes replay
        "TMPDIR": "/tmp",
        "PYTHONPATH": "/opt/site",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "LOKY_MAX_CPU_COUNT": threads,
    }


_uids = itertools.count(random.SystemRandom().randrange(UIDS))


def next_uid() -> int:
    """A user for one more sandbox; sandboxes that are open together in one process have different ones."""
    return FIRST_UID + next(_uids) % UIDS


def accounts(uids: Sequence[int]) -> dict[str, str]:
    """`etc/passwd` and `etc/group` in which each of `uids` is called `agent`."""
    users = "".join(f"agent:x:{uid}:{uid}:agent:{HOME}:/bin/bash\n" for uid in uids)
    groups = "".join(f"agent:x:{uid}:\n" for uid in uids)
    return {
        "passwd": f"root:x:0:0:root:/root:/bin/bash\n{users}nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        "group": f"root:x:0:\n{groups}nogroup:x:65534:\n",
    }


def settings(
    limits: Limits,
    *,
    uid: int | None,
    prefix: Sequence[str] = (),
    bound_processes: bool = False,
    watch_memory: bool = False,
    oom: int | None = None,
) -> dict[str, Any]:
    """What `inside/main.py` is told.

    Args:
        limits: of this sandbox.
        uid: the agent's user; None where it is the supervisor's own.
        prefix: command that starts a nested sandbox around each process of the agent.
        bound_processes: set the process limit by RLIMIT_NPROC (no cgroup does).
        watch_memory: no cgroup bounds memory: the supervisor watches it.
        oom: descriptor, inside, of a cgroup's file that counts kills.
    """
    memory = limits.memory_mib << 20
    rlimits = {}
    if bound_processes:
        rlimits[resource.RLIMIT_NPROC] = limits.pids
    if watch_memory:
        rlimits |= {resource.RLIMIT_DATA: memory, resource.RLIMIT_FSIZE: memory}  # the latter for files in memory
    return {
        "workspace": WORKSPACE,
        "uid": uid,
        "prefix": list(prefix),
        "environment": environment(limits),
        "rlimits": rlimits,
        "pids": limits.pids,
        "watch_bytes": memory if watch_memory else 0,
        "tmpfs": [HOME, "/tmp", "/dev/shm"],
        "oom": oom,
        "output_bytes": limits.output_bytes,
    }
