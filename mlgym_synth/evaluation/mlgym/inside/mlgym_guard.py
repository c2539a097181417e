"""Starts an evaluator that loads what an agent trained: pickles may hold arrays and plain data, and can run nothing.

`python mlgym_guard.py EVALUATOR ARGUMENT ...`. Every way to unpickle in this process raises Python's audit event
`pickle.find_class` for each name that a pickle asks for; a name that is not on the list below ends the loading.
"""

import pickle
import runpy
import sys
from pathlib import Path
from typing import Any

ALLOWED = {
    "builtins": {"set", "frozenset", "complex", "bytearray", "slice", "range"},
    "collections": {"OrderedDict", "defaultdict", "deque"},
    "_codecs": {"encode"},
    "numpy": {"ndarray", "dtype"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.numeric": {"_frombuffer"},
    "numpy._core.numeric": {"_frombuffer"},
    "jax._src.array": {"_reconstruct_array"},
    "flax.core.frozen_dict": {"FrozenDict"},
}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "pickle.find_class":
        return
    module, name = arguments
    if name in ALLOWED.get(module, ()):
        return
    # Classes that the evaluator itself declares; a dot in a name would lead on from there.
    declared = vars(sys.modules["__main__"]).get(name) if module == "__main__" and "." not in name else None
    if not isinstance(declared, type) or declared.__module__ != "__main__":
        raise pickle.UnpicklingError(f"{module}.{name} may not be in what you hand in: arrays and plain data only")


def main() -> None:
    """Run the evaluator as if it were the script."""
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    sys.addaudithook(_watch)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
