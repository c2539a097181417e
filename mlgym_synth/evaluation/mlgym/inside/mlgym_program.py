"""Runs an agent's module in a sandbox of its own and answers calls of its functions. Started with the module's name.

As in MLGym the module is imported once and lives through all calls. It may do to this process what it likes: it can
only spoil its own answers. The first byte of an answer says what it is: v a value, r the function raised, u its value
cannot be sent, m there is no such function, e importing the module failed.
"""

import importlib
import os
import pickle
import sys

from mlgym_values import encode, read_message, write_message


def main() -> None:
    """Import the module, say how that went, then answer calls."""
    read_message()
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  # as for a script of the workspace
    try:
        module = importlib.import_module(sys.argv[1])
    except BaseException as error:
        line = getattr(error, "lineno", None)
        text = f"{type(error).__name__}: {error}{f' (line {line})' if line else ''}"
        write_message(b"e" + text.encode("utf-8", "replace")[:500])
        return
    write_message(b"v")
    while True:
        name, arguments, named = pickle.loads(read_message())
        function = getattr(module, name, None)
        if not callable(function):
            write_message(b"m")
            continue
        try:
            value = function(*arguments, **named)
        except BaseException:
            write_message(b"r")
            continue
        try:
            answer = b"v" + encode(value)
        except (TypeError, ValueError, RecursionError):
            answer = b"u"
        write_message(answer)


if __name__ == "__main__":
    main()
