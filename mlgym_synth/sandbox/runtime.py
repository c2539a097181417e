"""The agent's own Python and tools: a complete read-only root file system, built once a machine from a lock file.

Both backends mount it as `/`, so that an agent sees the same in each, and nothing of the host: no package that
carries data sets or this package's solutions. `ensure_runtime` is called by the backends, by `sandbox build` and by
`sandbox doctor`; `rootfs.py` copies what comes from this machine, this module installs, prunes and compiles packages.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import fcntl
import functools
import hashlib
import importlib.util
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlgym_synth.cache import built_once, cache_root
from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox import rootfs

BUILDER = "1"
"""Part of a runtime's name: raised whenever the same lock file gives another root."""
SITE = "opt/site"
_MTIME = 1_700_000_000
_PROFILES = Path(__file__).parent / "profiles"
_PIP_SETTINGS = (  # where packages come from and how they are reached; all other settings of the user are not for us
    "index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "client-cert", "proxy",
    "timeout", "default-timeout", "retries", "keyring-provider", "cache-dir", "no-cache-dir",
)  # fmt: skip
_UNWANTED_FOLDERS = ("tests", "test", "__pycache__")
_SAMPLE_FOLDERS = (
    "bin", "share", "include", "scipy/datasets", "scipy/misc", "sklearn/datasets/data", "sklearn/datasets/descr",
    "sklearn/datasets/images",
)  # fmt: skip
_DATA_SUFFIXES = (
    ".csv", ".tsv", ".arff", ".parquet", ".feather", ".npz", ".npy", ".mat", ".dat", ".data", ".pkl", ".pickle", ".h5",
    ".hdf5", ".rda", ".rdata", ".rds", ".sas7bdat", ".dta", ".sav", ".xls", ".xlsx", ".json.gz", ".jsonl", ".csv.gz",
    ".tsv.gz", ".arff.gz", ".txt.gz", ".csv.bz2", ".csv.xz", ".sqlite", ".db", ".jpg", ".jpeg", ".png", ".wav",
)  # fmt: skip
_BUILD_SUFFIXES = (".pyi", ".pxd", ".pyx", ".h", ".hpp", ".c", ".cpp", ".f", ".f90", ".a", ".in", ".build")
_NEEDED_DATA = ("scipy/stats/_sobol_direction_numbers.npz",)  # no data set: the table that scipy's qmc.Sobol reads


@dataclass(frozen=True)
class Runtime:
    """A built runtime.

    Attributes:
        path: its root file system; `bin`, `etc`, `lib`, `opt/python`, `opt/site`, `usr`, and empty mount points.
        sha256: of what it is built from: lock file, Python, platform, builder.
    """

    path: Path
    sha256: str


def ensure_runtime(name: str = "standard", progress: Callable[[str], None] | None = None) -> Runtime:
    """The runtime of profile `name`, built if this machine does not have it yet (20 to 60 s, some 400 MB).

    Any number of processes may ask at once: one builds, the others wait.

    Args:
        name: a lock file in `profiles/`.
        progress: told in plain words what is being done; not called when nothing is to be built.

    Raises:
        SandboxUnavailable: it cannot be built here; says why and what to do.
    """
    digest = fingerprint(name)
    say = progress or (lambda _text: None)
    try:
        while True:
            folder = built_once(runtime_folder(name, digest), lambda root: build_root(root, name, say))
            if _keep(folder):
                return Runtime(folder, digest)
    except OSError as error:
        raise _unavailable(error) from error


def runtime_folder(name: str, digest: str) -> Path:
    """Where the runtime of this fingerprint is, built or not."""
    folder = cache_root() / "runtimes"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}-{digest[:16]}"


def built_runtimes() -> list[Path]:
    """Every runtime in the cache, whatever it was built from."""
    return [path for path in sorted((cache_root() / "runtimes").glob("*-*")) if path.is_dir() and path.suffix == ""]


def is_current(folder: Path) -> bool:
    """Whether `ensure_runtime` of this Python and this version of the package would return `folder`."""
    return any(folder == runtime_folder(file.stem, fingerprint(file.stem)) for file in _PROFILES.glob("*.txt"))


_in_use: dict[Path, int] = {}


def _keep(folder: Path) -> bool:
    """Mark a runtime as in use as long as this process lives, so that no `sandbox clean` takes it away.

    False if one was quicker; then it is to be built again.
    """
    if folder not in _in_use:
        handle = os.open(_use_file(folder), os.O_RDWR | os.O_CREAT, 0o644)
        with contextlib.suppress(OSError):  # a file system without locks: nobody can take it as unused either
            fcntl.flock(handle, fcntl.LOCK_SH)
        _in_use[folder] = handle
    return folder.is_dir()


def remove_runtime(folder: Path) -> Path | None:
    """Take a runtime out of use, at once and whole; return where it now lies, to be deleted, or None if it is used."""
    with contextlib.suppress(OSError), _use_file(folder).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return folder.rename(folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.tmp"))
    return None


def _use_file(folder: Path) -> Path:
    return folder.with_name(folder.name + ".used")


@functools.cache
def fingerprint(name: str = "standard") -> str:
    """The sha256 of everything that decides what the runtime of profile `name` holds.

    Raises:
        SandboxUnavailable: there is no such profile.
    """
    facts = (
        BUILDER,
        lock_file(name).read_text(),
        sys.version,
        sysconfig.get_platform(),
        " ".join(platform.libc_ver()),
    )
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


def lock_file(name: str) -> Path:
    """The lock file of a profile.

    Raises:
        SandboxUnavailable: there is no such profile.
    """
    file = _PROFILES / f"{name}.txt"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in _PROFILES.glob("*.txt")))
        raise SandboxUnavailable(f"no runtime profile {name!r}; there is {known}.")
    return file


def build_root(root: Path, name: str, say: Callable[[str], None]) -> None:
    """Fill the empty folder `root` from this machine and the lock file of profile `name`; the Dockerfile calls it too.

    Raises:
        SandboxUnavailable: as `ensure_runtime`.
        OSError: a full disk, or one that is not ours to write.
    """
    if sys.platform != "linux":
        raise SandboxUnavailable(
            "agents live on Linux, and their runtime is copied from it. With Docker on this machine, build their "
            "image: `mlgym-synth sandbox build --image`."
        )
    root.chmod(0o755)
    say("copying bash and the everyday tools")
    rootfs.make_skeleton(root)
    loaders = rootfs.copy_tools(root)
    say(f"copying Python {platform.python_version()}")
    loaders += rootfs.copy_python(root)
    site = root / SITE
    say(f"installing the locked packages of {name!r}: numpy, pandas, scipy, scikit-learn, ...")
    install_packages(lock_file(name), site)
    say("removing bundled data sets, tests and build files")
    prune(site)
    prune(root / "opt/python")
    say("copying shared libraries")
    rootfs.copy_libraries(root, [*loaders, *rootfs.elf_files(site)])
    rootfs.copy_locale(root)
    say("byte-compiling")
    _compile(root)
    _seal(root)


def install_packages(lock: Path, site: Path) -> None:
    """Install exactly the packages of `lock` into `site`, by pip, or by uv where pip is missing.

    Raises:
        SandboxUnavailable: no installer, no network, no wheel for this Python; with the output's tail.
        OSError: the disk is full.
    """
    command, environment = _installer()
    done = subprocess.run(
        [*command, "--target", str(site), "--only-binary", ":all:", "--no-deps", "-r", str(lock)],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False,
    )  # fmt: skip
    if re.search(r"\[Errno (28|122)\]|No space left|os error 28", done.stdout):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(site))
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-8:])
        raise SandboxUnavailable(
            f"the agent's packages could not be installed (once, into the cache; needs a package index).\n{tail}\n"
            "Check the network or pip's index settings, then run `mlgym-synth sandbox build`."
        )


def _installer() -> tuple[list[str], dict[str, str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    if importlib.util.find_spec("pip") is not None:
        # The user's settings may hold `target`, `user`, `require-virtualenv`: take the few that are about the index.
        environment |= pip_settings() | {"PIP_CONFIG_FILE": os.devnull}
        flags = ["--no-compile", "--no-input", "--quiet", "--disable-pip-version-check", "--no-warn-conflicts"]
        return [
            sys.executable,
            "-P",
            "-m",
            "pip",
            "install",
            *flags,
        ], environment  # -P: no pip.py of the current folder
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--link-mode", "copy", "--python", sys.executable], environment
    raise SandboxUnavailable(
        f"building the agent's runtime needs pip for {sys.executable}, or uv. Install one "
        "(`python -m ensurepip`, or your system's python3-pip), then run `mlgym-synth sandbox build`."
    )


def pip_settings() -> dict[str, str]:
    """The user's pip settings that say where packages come from, as environment variables."""
    command = [sys.executable, "-P", "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    kept: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):  # the environment wins
        match = re.fullmatch(r"(?:global|install|:env:)\.([a-z-]+)=('.*'|\".*\")", line)
        if match and match[1] in _PIP_SETTINGS:
            kept["PIP_" + match[1].upper().replace("-", "_")] = str(ast.literal_eval(match[2]))
    return kept


def prune(tree: Path) -> None:
    """Delete bundled data sets, tests and build files below `tree`, and what their absence leaves untrue.

    A mounted scikit-learn would otherwise hand an agent the very rows that tasks seal, in its `tests` too.
    """
    for name in _SAMPLE_FOLDERS:
        if tree.name == "site":
            shutil.rmtree(tree / name, ignore_errors=True)
    for folder, folders, files in os.walk(tree):
        for name in [name for name in folders if name in _UNWANTED_FOLDERS]:
            folders.remove(name)
            path = Path(folder, name)
            path.unlink() if path.is_symlink() else shutil.rmtree(path)
        for name in files:
            file = Path(folder, name)
            if _is_unwanted(file.relative_to(tree).as_posix()):
                file.unlink()
    for record in tree.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(line for line in lines if (tree / line.rsplit(",", 2)[0]).is_file()))


def _is_unwanted(name: str) -> bool:
    return name.lower().endswith((*_DATA_SUFFIXES, *_BUILD_SUFFIXES)) and name not in _NEEDED_DATA


def _compile(root: Path) -> None:
    """Write bytecode that is never checked against its source: quick imports, and files' times do not matter."""
    command = [sys.executable, "-I", "-m", "compileall", "-qq", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    folders = [str(root / "opt/python" / sys.platlibdir), str(root / SITE)]
    subprocess.run([*command, "-s", str(root), "-p", "/", *folders], stdin=subprocess.DEVNULL, check=False)


def _seal(root: Path) -> None:
    """Readable by every user, writable by none but the owner, with fixed times."""
    for path in _walk(root):
        if path.is_symlink():
            os.utime(path, (_MTIME, _MTIME), follow_symlinks=False)
            continue
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (_MTIME, _MTIME))


def _walk(root: Path) -> Iterator[Path]:
    """Everything below `root`, folders after what they hold, then `root`; links are not followed."""
    for folder, folders, files in os.walk(root, topdown=False):
        for name in [*files, *folders]:
            yield Path(folder, name)
    yield root


def _unavailable(error: OSError) -> SandboxUnavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SandboxUnavailable(
            f"the agent's runtime needs about 1 GiB of disk in {cache_root()} while it is built, and that disk "
            "is full. Free some space, or let MLGYM_SYNTH_CACHE name a folder on another disk."
        )
    return SandboxUnavailable(f"the agent's runtime could not be built in {cache_root()}: {error}.")
