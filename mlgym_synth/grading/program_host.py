"""Runs an agent's module inside a fresh sandbox and answers the referee, one message a call. Standard library only.

Started as `python program_host.py MODULE.py FUNCTION`, requests on descriptor 3, answers on 4; both are a 4-byte
big-endian length and JSON. The module is imported once; each instance is played in a fork of that state, so nothing
is carried over in memory. The module may do to this process what it likes: it can only spoil its own answers.
"""

import importlib.util
import json
import os
import struct
import sys
from typing import Any

_BEGIN = {"begin": True}
_NEXT = 75  # how a fork says that it was asked to make room, and did not just end


def _read() -> Any:
    header = _read_exactly(4)
    return json.loads(_read_exactly(struct.unpack(">I", header)[0]))


def _read_exactly(size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = os.read(3, size - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


def _write(message: Any) -> None:
    body = json.dumps(message, allow_nan=False, default=_plain).encode()
    data = struct.pack(">I", len(body)) + body
    while data:
        data = data[os.write(4, data) :]


def _plain(value: Any) -> Any:
    """Numpy's arrays and scalars, sets and the like, as JSON knows them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset, range)):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is no JSON value")


def _load(path: str, function: str) -> Any:
    spec = importlib.util.spec_from_file_location("submission", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["submission"] = module
    spec.loader.exec_module(module)
    found = getattr(module, function, None)
    if not callable(found):
        raise AttributeError(f"the module has no function {function!r}")
    return found


def _play(function: Any) -> None:
    """Answer calls until the next instance begins; runs in a fork."""
    _write({"ready": True})
    while True:
        message = _read()
        if message == _BEGIN:
            os._exit(_NEXT)
        try:
            value = function(*message["args"])
        except BaseException:
            _write({"error": "raised"})
            continue
        try:
            _write({"value": value})
        except (TypeError, ValueError, RecursionError):
            _write({"error": "unreadable"})


def main() -> None:
    """Import the module, say how that went, then play instance after instance."""
    _read()
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[1])))  # noqa: PTH100, PTH120  # before any import
    try:
        function = _load(sys.argv[1], sys.argv[2])
    except BaseException as error:
        where = getattr(error, "lineno", None)
        line = f" (line {where})" if where else ""
        _write({"error": f"{type(error).__name__}: {error}{line}"[:500]})
        return
    _write({"loaded": True})
    if _read() != _BEGIN:
        return
    while True:
        pid = os.fork()
        if pid == 0:
            _play(function)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != _NEXT:
            return


if __name__ == "__main__":
    main()
