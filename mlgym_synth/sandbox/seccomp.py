"""A filter of system calls for bubblewrap, which has none by itself; Docker brings a longer one of the same kind.

In a user namespace of its own an agent would have every capability: to mount file systems beyond its disk limit, and to
reach parts of the kernel that are meant for root. The other calls are parts that no agent needs and that have let
programs out of sandboxes before.
"""

from __future__ import annotations

import errno
import platform
import struct

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # of classic BPF, linux/bpf_common.h
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000  # linux/seccomp.h; the latter plus an errno
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in `struct seccomp_data`, of the argument its lower half
_NEW_USER = 0x10000000  # CLONE_NEWUSER
_X32 = 0x40000000  # from here on the same calls again, by other numbers

_MACHINES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {"clone": 56, "unshare": 272, "add_key": 248, "request_key": 249, "keyctl": 250, "perf_event_open": 298,
         "bpf": 321, "userfaultfd": 323},
    ),
    "aarch64": (
        0xC00000B7,
        {"clone": 220, "unshare": 97, "add_key": 217, "request_key": 218, "keyctl": 219, "perf_event_open": 241,
         "bpf": 280, "userfaultfd": 282},
    ),
}  # fmt: skip
_EVERYWHERE = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427}
_CLONE3 = 435  # its flags lie in memory, where no filter can look; told that there is none, libc takes `clone`


def call_filter(*, user_namespaces: bool) -> bytes | None:
    """A program for bubblewrap's `--seccomp`; None for a machine whose numbers of calls are not known here.

    Args:
        user_namespaces: let them be made, for a bubblewrap inside that needs one.
    """
    if platform.machine() not in _MACHINES:
        return None
    architecture, numbers = _MACHINES[platform.machine()]
    denied = {**numbers, **_EVERYWHERE}
    clone, unshare = denied.pop("clone"), denied.pop("unshare")
    lines = [
        (_LOAD, _ARCHITECTURE, 0, 0),
        *_unless(_EQUAL, architecture),
        (_LOAD, _NUMBER, 0, 0),
        *_where(_AT_LEAST, _X32, errno.ENOSYS),
    ]
    for number in denied.values():
        lines += _where(_EQUAL, number, errno.EPERM)
    if not user_namespaces:
        lines += [
            *_where(_EQUAL, _CLONE3, errno.ENOSYS),
            (_EQUAL, unshare, 2, 0),
            (_EQUAL, clone, 1, 0),
            (_RETURN, _ALLOW, 0, 0),
            (_LOAD, _FIRST_ARGUMENT, 0, 0),
            *_where(_ANY_BIT, _NEW_USER, errno.EPERM),
        ]
    lines.append((_RETURN, _ALLOW, 0, 0))
    return b"".join(struct.pack("=HBBI", code, then, otherwise, value) for code, value, then, otherwise in lines)


def _where(test: int, value: int, fault: int) -> list[tuple[int, int, int, int]]:
    """Fail where the test holds."""
    return [(test, value, 0, 1), (_RETURN, _FAIL | fault, 0, 0)]


def _unless(test: int, value: int) -> list[tuple[int, int, int, int]]:
    """Fail where it does not: calls of another architecture have other numbers."""
    return [(test, value, 1, 0), (_RETURN, _FAIL | errno.ENOSYS, 0, 0)]
