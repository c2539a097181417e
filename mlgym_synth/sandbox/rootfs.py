"""The parts of an agent's root file system that come from this machine: tools, Python, their shared libraries.

`runtime.py` calls this to fill an empty folder. Everything is copied, so that a sandbox can show nothing else of the
host. No compiler, network client or setuid program is taken.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlgym_synth.errors import SandboxUnavailable

REQUIRED_TOOLS = """
    bash sh basename cat chmod cp cut date df dirname du echo env expr false find grep head id kill ln ls mkdir mktemp
    mv printf ps pwd readlink rm rmdir sed seq sleep sort stat tail tee touch tr true uname uniq wc
"""
OPTIONAL_TOOLS = """
    [ arch b2sum base32 base64 basenc cksum chgrp chown comm csplit dd dir dircolors expand factor fmt fold groups
    hostid install join link logname md5sum mkfifo mknod nice nl nohup nproc numfmt od paste pathchk pr printenv ptx
    realpath sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf split stty sum sync tac test timeout truncate
    tsort tty unexpand unlink users vdir who whoami yes
    dash egrep fgrep zgrep awk mawk gawk xargs cmp diff diff3 sdiff patch tar gzip gunzip zcat bzip2 bunzip2 bzcat
    xz unxz xzcat zip unzip less more ed git jq bc tree column rev hexdump xxd getopt setsid flock
    free pgrep pkill pidof top uptime vmstat watch w hostname which locale iconv clear reset tput tset
"""
_TOOL_FOLDERS = "/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin"
_TERMINALS = ("dumb", "linux", "screen", "tmux", "vt100", "xterm", "xterm-256color", "xterm-color")
_PACKAGES_OF_PYTHON = (  # what the agent has no use for, or what carries data and wheels of its own
    "site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "turtledemo", "tkinter", "ensurepip",
    "lib2to3",
)  # fmt: skip
_FILES_OF_PYTHON = ("config-*", "_tkinter*.so", "_test*.so", "_ctypes_test*.so", "sitecustomize.py", "turtle.py",
                    "EXTERNALLY-MANAGED", "*.exe", "*.a")  # fmt: skip
_FOLDERS = (  # the last ones are where file systems are mounted: a read-only root cannot get them later
    "usr/bin", "usr/lib", "usr/share", "etc", "opt", "root", "var/log", "mnt", "dev", "proc", "sys", "tmp", "run",
    "home/agent/workspace", "opt/mlgym-synth",
)  # fmt: skip
_LINKS = {
    "bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib", "usr/sbin": "bin", "usr/lib64": "lib",
    "var/tmp": "../tmp", "var/run": "../run",
}  # fmt: skip
_ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nagent:x:65532:65532:agent:/home/agent:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "group": "root:x:0:\nagent:x:65532:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n",
    "hostname": "sandbox\n",
    "resolv.conf": "",
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
    "os-release": 'NAME="mlgym-synth sandbox"\nID=mlgym-synth\nPRETTY_NAME="mlgym-synth sandbox"\n',
    "profile": "",
}


def make_skeleton(root: Path) -> None:
    """Folders, links of a merged `/usr`, and the few files of `/etc`, into the empty folder `root`."""
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, target in _LINKS.items():
        (root / name).symlink_to(target)
    for name, text in _ETC.items():
        (root / "etc" / name).write_text(text)
    (root / "usr/share/git-core/templates").mkdir(parents=True)  # without it `git init` warns


def copy_tools(root: Path) -> list[Path]:
    """Copy bash, coreutils and the everyday tools into `usr/bin`; return the host's files that are ELF.

    Raises:
        SandboxUnavailable: a tool that no agent can do without is missing.
    """
    taken: dict[Path, str] = {}
    missing = [name for name in REQUIRED_TOOLS.split() if not _copy_tool(root, name, taken)]
    if missing:
        raise SandboxUnavailable(
            f"the agent's runtime needs these programs from this machine, and they are not in {_TOOL_FOLDERS}: "
            f"{', '.join(missing)}. Install bash, coreutils, findutils, grep, sed and procps."
        )
    for name in OPTIONAL_TOOLS.split():
        _copy_tool(root, name, taken)
    return [source for source in taken if _is_elf(source)]


def _copy_tool(root: Path, name: str, taken: dict[Path, str]) -> bool:
    """Copy one tool; further names of one program (`pkill` of `pgrep`) become links to it."""
    found = shutil.which(name, path=_TOOL_FOLDERS)
    if found is None:
        return False
    source, target = Path(found).resolve(), root / "usr/bin" / name
    if source in taken:
        target.symlink_to(taken[source])
        return True
    if not (_is_elf(source) or _is_shell_script(source)):
        return False
    _place(source, target)
    taken[source] = name
    return True


def copy_python(root: Path) -> list[Path]:
    """Copy this interpreter and its standard library into `opt/python`; return the host's files that are ELF."""
    binary = Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()
    stdlib = Path(sysconfig.get_path("stdlib"))
    home = root / "opt/python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = home / sys.platlibdir / stdlib.name
    _copy_stdlib(stdlib, library)
    dynload = next((Path(entry) for entry in sys.path if entry.endswith("lib-dynload")), stdlib / "lib-dynload")
    if dynload.is_dir() and not (library / "lib-dynload").exists():
        _copy_stdlib(dynload, library / "lib-dynload")
    _place(binary, home / "bin" / version)
    for link, target in (("python3", version), ("python", version)):
        (home / "bin" / link).symlink_to(target)
    for link in ("python", "python3", version):
        (root / "usr/bin" / link).symlink_to(f"../../opt/python/bin/{version}")
    for name in ("site-packages", "dist-packages"):  # found without PYTHONPATH too (python -E, python -I)
        link_folder = home / "lib" / stdlib.name
        link_folder.mkdir(parents=True, exist_ok=True)
        (link_folder / name).symlink_to("../../../site")
    _forget_prefix(library)
    return [binary, *(dynload / file.name for file in (library / "lib-dynload").glob("*.so"))]


def copy_libraries(root: Path, files: Iterable[Path]) -> None:
    """Copy every shared library that `files` load, and the dynamic loader, to where the loader looks.

    All of them lie in `usr/lib`, which also answers to the other names that distributions have for it. Libraries
    of the interpreter's own prefix (conda, pyenv) keep their place below `opt/python` too, as `$ORIGIN` finds them.
    """
    prefix = Path(sys.base_prefix).resolve()
    own_prefix = prefix not in (Path("/usr"), Path("/usr/local"), Path("/"))
    for name, source in loaded_libraries(files):
        if source.is_relative_to(root):
            continue  # came with a package, and is found beside it
        target = root / "usr/lib" / name
        if name.startswith("/"):  # the loader: programs name it by its absolute path
            target = root / name[1:]
        real = source.resolve()
        _name_library_folder(root, source)
        if own_prefix and real.is_relative_to(prefix):
            inside = root / "opt/python" / source.parent.resolve().relative_to(prefix) / name
            _place_once(real, inside)
        _place_once(real, target)


def loaded_libraries(files: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Yield (name, host file) of every library that `ldd` finds for `files`; absolute names are loaders.

    Raises:
        SandboxUnavailable: there is no `ldd`.
    """
    listed = [str(file) for file in files]
    ldd = shutil.which("ldd", path=_TOOL_FOLDERS)
    if ldd is None:
        raise SandboxUnavailable(f"the agent's runtime needs the program ldd, and it is not in {_TOOL_FOLDERS}.")
    seen: set[str] = set()
    for start in range(0, len(listed), 100):
        shown = subprocess.run(
            [ldd, *listed[start : start + 100]], capture_output=True, text=True, errors="replace", check=False
        ).stdout
        for line in shown.splitlines():
            match = re.match(r"\s+(.+?)(?: => (/.+))? \(0x[0-9a-f]+\)$", line)
            if match is None or match[1] in seen or not (match[2] or match[1].startswith("/")):
                continue  # "not found" fails on the host as well; linux-vdso has no file
            seen.add(match[1])
            yield match[1], Path(match[2] or match[1])


def copy_locale(root: Path) -> None:
    """The C.UTF-8 locale, the terminals' descriptions and UTC, as far as this machine has them."""
    for name in ("C.utf8", "C.UTF-8"):
        source = Path("/usr/lib/locale") / name
        if source.is_dir():
            shutil.copytree(source, root / "usr/lib/locale" / name)
    for terminal in _TERMINALS:
        for base in ("/usr/share/terminfo", "/lib/terminfo", "/etc/terminfo"):
            source = Path(base) / terminal[0] / terminal
            if source.is_file():
                _place_once(source.resolve(), root / "usr/share/terminfo" / terminal[0] / terminal)
    utc = Path("/usr/share/zoneinfo/UTC")
    if utc.is_file():
        _place(utc.resolve(), root / "usr/share/zoneinfo/UTC")
        (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/UTC")


def elf_files(folder: Path) -> list[Path]:
    """Shared objects below `folder`."""
    return [file for file in folder.rglob("*.so*") if file.is_file() and _is_elf(file)]


def _copy_stdlib(source: Path, target: Path) -> None:
    unwanted = shutil.ignore_patterns(*_PACKAGES_OF_PYTHON, *_FILES_OF_PYTHON)
    shutil.copytree(source, target, ignore=unwanted, ignore_dangling_symlinks=True)


def _forget_prefix(library: Path) -> None:
    """The build's settings name the owner's folders; here Python lives in /opt/python."""
    prefix = sys.base_prefix
    if prefix in ("/usr", "/usr/local"):
        return
    for file in library.glob("_sysconfigdata*.py"):
        file.write_text(file.read_text().replace(prefix, "/opt/python"))


def _name_library_folder(root: Path, source: Path) -> None:
    """Let `/usr/lib/x86_64-linux-gnu` and its like be names of `usr/lib`: the loader has them built in."""
    for base in ("/usr/lib64", "/usr/lib", "/lib64", "/lib"):
        if source.is_relative_to(base):
            parts = source.relative_to(base).parts[:-1]
            if parts and "-linux-" in parts[0] and not (root / "usr/lib" / parts[0]).exists():
                (root / "usr/lib" / parts[0]).symlink_to(".")
            return


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)  # never setuid


def _place_once(source: Path, target: Path) -> None:
    if not target.exists():
        _place(source, target)


def _is_elf(file: Path) -> bool:
    with file.open("rb") as handle:
        return handle.read(4) == b"\x7fELF"


def _is_shell_script(file: Path) -> bool:
    with file.open("rb") as handle:
        words = handle.readline(200).removeprefix(b"#!").decode(errors="replace").split()
    return bool(words) and Path(words[0]).name in ("sh", "bash", "dash")
