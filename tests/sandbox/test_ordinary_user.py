"""Bubblewrap as an ordinary user: no privileges, no cgroup, the agent in a nested sandbox. Root becomes one first."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import mlgym_synth
from mlgym_synth.sandbox.runtime import ensure_runtime

USER = 12345
SCRIPT = """
import os
from mlgym_synth.errors import FileRefused
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import open_sandbox

assert os.geteuid() != 0
with open_sandbox("bwrap", Limits(memory_mib=256, disk_mib=32, pids=48)) as sandbox:
    say = lambda command, timeout_s=30: sandbox.exec(command, timeout_s).output
    assert say("whoami; pwd; x=1") == "agent\\n/home/agent/workspace\\n"
    assert sandbox.exec("while :; do :; done", 0.3).timed_out
    assert say("echo $x; ls -A") == "1\\n"
    assert sandbox.exec("exit 7", 30).exit_code == 7
    sandbox.write_files({"d/f": b"data"})
    assert sandbox.read_file("d/f", 10) == b"data" == say("cat d/f").encode()
    for path in ("/proc/1/environ", "/etc/shadow", "d"):
        try:
            sandbox.read_file(path, 1000)
        except FileRefused:
            continue
        raise AssertionError(path)
    say("kill -9 1; kill -9 -1; pkill -9 .", 2)
    say("python3 -c 'import resource as r; r.prlimit(1, r.RLIMIT_NOFILE, (0, 0))'", 2)
    assert say("echo $x") == "1\\n"
    hogs = "for i in 1 2 3 4; do python3 -c \\"x = b'a' * (100 << 20); import time; time.sleep(3)\\" & done; wait"
    result = sandbox.exec(hogs, 30)
    assert "out of memory" in result.note, result
    assert not sandbox.bounds_memory
    sandbox.exec(":(){ :|:& };:", 1)
    say("sleep 0.2", 2)
    assert say("ls / | head -1; echo $x") == "bin\\n1\\n"
    assert "No space left" in say("head -c 99M /dev/zero > big")
    sandbox.start_program(["bash", "-c", "head -c 7 <&3 >&4"])
    assert sandbox.call_program(b"abc", 30) == b"abc"
    assert sandbox.run(["cat", "d/f"], 30).output == "data"
print("done")
"""


def closed_to_others(path: Path) -> Path | None:
    """The highest folder above `path` that an ordinary user cannot pass."""
    return next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)


def opened(needed: list[Path], stash: Path) -> list[str]:
    """Commands that, in a mount namespace of its own, make `needed` reachable, and nothing else that was closed."""
    commands = []
    for folder in sorted({closed for path in needed if (closed := closed_to_others(path))}):
        kept = stash / folder.name
        commands += [f"mkdir -p {kept}", f"mount --bind {folder} {kept}", f"mount -t tmpfs -o mode=755 none {folder}"]
        for path in needed:
            if path.is_relative_to(folder):
                commands += [f"mkdir -p {path}", f"mount --bind {kept / path.relative_to(folder)} {path}"]
    return commands


def as_an_ordinary_user(home: Path) -> list[str]:
    """The command that runs SCRIPT as somebody else, in `home`."""
    runtime = ensure_runtime().path
    mine = home / "cache/runtimes" / runtime.name
    mine.mkdir(parents=True)
    script = home / "script.py"
    script.write_text(SCRIPT)
    needed = {Path(sys.prefix), Path(sys.base_prefix), Path(mlgym_synth.__file__).parent.parent}
    command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all"]
    environment = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={home}", f"MLGYM_SYNTH_CACHE={home}/cache"]
    lines = [
        "set -e",
        f"mount --bind {runtime} {mine}",
        *opened(sorted(needed), home / "stash"),
        f"chown {USER}:{USER} {home} {home}/cache {home}/cache/runtimes",
        shlex.join(["exec", *command, *environment, sys.executable, str(script)]),
    ]
    return ["unshare", "--mount", "sh", "-c", "\n".join(lines)]


def test_an_ordinary_user_gets_the_same_sandbox() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        command = as_an_ordinary_user(home) if os.geteuid() == 0 else [sys.executable, "-c", SCRIPT]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=120)
    if done.stdout != "done\n":
        pytest.fail(done.stderr)
