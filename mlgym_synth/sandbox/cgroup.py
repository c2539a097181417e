"""A memory cgroup for a sandbox that no daemon bounds, where this user may make one (versions 1 and 2)."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path

from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import housekeeping

_ROOT = Path("/sys/fs/cgroup")
_names = itertools.count()


@dataclass(frozen=True)
class Cgroup:
    """One control group, with its memory limit set."""

    path: Path
    events: str

    @staticmethod
    def create(limits: Limits) -> Cgroup | None:
        """Make one; None where that is not possible."""
        _sweep_once()
        base = _base()
        size = str(limits.memory_mib << 20)
        path = base / f"{housekeeping.run_id()}-{next(_names)}"
        try:
            path.mkdir(parents=True)
            if base.parent == _ROOT:
                (base / "cgroup.subtree_control").write_text("+memory")
                (path / "memory.max").write_text(size)
                _write_if_there(path / "memory.swap.max", "0")
                return Cgroup(path, "memory.events")
            (path / "memory.limit_in_bytes").write_text(size)
            _write_if_there(path / "memory.memsw.limit_in_bytes", size)
        except OSError:
            with contextlib.suppress(OSError):
                path.rmdir()
            return None
        return Cgroup(path, "memory.oom_control")

    def add(self, pid: int) -> None:
        """Put a process into it."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def oom_descriptor(self) -> int:
        """The file that counts kills, open for reading; the caller closes it."""
        return os.open(self.path / self.events, os.O_RDONLY)

    def oom_kills(self) -> int:
        """Processes that were killed because memory was used up."""
        with contextlib.suppress(OSError):
            for line in (self.path / self.events).read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0

    def remove(self) -> None:
        """Remove it; its processes have ended, though the kernel may take a moment to notice."""
        for _ in range(1000):
            try:
                self.path.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.005)
            else:
                return


def _base() -> Path:
    unified = (_ROOT / "cgroup.controllers").is_file()
    return (_ROOT if unified else _ROOT / "memory") / "mlgym-synth"


@functools.cache
def _sweep_once() -> None:
    """Remove the groups of owners that were killed; they are empty, as their sandboxes ended with them."""
    with contextlib.suppress(OSError):
        for group in _base().iterdir():
            if group.is_dir() and housekeeping.is_dead(group.name.rpartition("-")[0]):
                with contextlib.suppress(OSError):
                    group.rmdir()


def _write_if_there(file: Path, text: str) -> None:
    with contextlib.suppress(OSError):
        file.write_text(text)
