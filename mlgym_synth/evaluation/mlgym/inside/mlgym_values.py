"""Values that an agent's program returns, as bytes that are safe to read from a stranger; and messages of bytes.

JSON, with what it does not know in tagged objects: tuples stay tuples, integer keys integers, numpy scalars theirs.
What goes the other way, from the evaluator to the program, is a pickle: it is quick, and the evaluator is no stranger.
"""

import json
import os
import struct
from typing import Any

_SCALARS = (type(None), bool, int, float, str)


def encode(value: Any) -> bytes:
    """A value as bytes.

    Raises:
        TypeError, ValueError, RecursionError: it is none of the kinds that can be sent.
    """
    return json.dumps(_tagged(value)).encode()


def decode(data: bytes) -> Any:
    """The value that `encode` was given.

    Raises:
        ValueError, TypeError, RecursionError: the bytes are not from `encode`.
    """
    return _plain(json.loads(data))


def _tagged(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is list:
        return [_tagged(item) for item in value]
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy, before what its scalars inherit from
        return {"numpy": [value.dtype.str, value.tolist(), list(value.shape) if kind.__name__ == "ndarray" else None]}
    for tag, known in (("tuple", tuple), ("list", list), ("set", (set, frozenset))):
        if isinstance(value, known):
            return {tag: [_tagged(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_tagged(key), _tagged(item)] for key, item in value.items()]}
    raise TypeError(f"a {kind.__name__} cannot be sent")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((tag, content),) = value.items()
    if tag == "dict":
        return {_plain(key): _plain(item) for key, item in content}
    if tag == "numpy":
        return _numpy(*content)
    return {"tuple": tuple, "list": list, "set": set}[tag](_plain(item) for item in content)


def _numpy(kind: str, content: Any, shape: Any) -> Any:
    import numpy as np

    dtype = np.dtype(kind)
    if dtype.kind not in "biufSU":
        raise ValueError(f"numpy's {kind} cannot be sent")
    return dtype.type(content) if shape is None else np.array(content, dtype=dtype).reshape(shape)


def read_message() -> bytes:
    """The next message on descriptor 3; ends the process where there is none.

    Messages never follow each other without an answer between, so nothing of the next one can be read here.
    """
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack_from(">I", data)[0]:
        part = os.read(3, 1 << 20)
        if not part:
            os._exit(0)
        data += part
    return data[4:]


def write_message(body: bytes) -> None:
    """Send a message on descriptor 4."""
    data = struct.pack(">I", len(body)) + body
    while data:
        data = data[os.write(4, data) :]
