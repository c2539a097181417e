"""GGUF files behind an OpenAI-compatible server on this machine, for as long as they are needed."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PORT = 8971
URL = f"http://127.0.0.1:{PORT}/v1"
PATIENCE_S = 300


def alias_of(file: Path) -> str:
    """What a model is called there."""
    return file.stem


def end_on_signals() -> None:
    """SIGTERM, and the SIGHUP of a terminal that is closed, unwind what runs, so that the server is ended too."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup asks for that
            signal.signal(ending, lambda number, _: sys.exit(128 + number))


@dataclass(frozen=True)
class Server:
    """How models are served.

    Attributes:
        program: llama.cpp's `llama-server`, by its path or its name on the PATH.
        at_once: conversations that are answered at the same time, in batches.
        threads: of the processor. With as many as there are cores it waits for whatever else runs on one of them.
    """

    program: str = "llama-server"
    at_once: int = 4
    threads: int = os.cpu_count() or 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said of the server on a command line."""
    plain = Server()
    parser.add_argument("--llama-server", default=plain.program, help="the program of llama.cpp (default: on the PATH)")
    parser.add_argument(
        "--at-once", type=int, default=plain.at_once, help="episodes or requests (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=plain.threads, help="of the server (default: %(default)s)")


def server_of(arguments: argparse.Namespace) -> Server:
    """The server that was asked for."""
    program = shutil.which(arguments.llama_server)
    if program is None:
        raise SystemExit(f"--llama-server: there is no program {arguments.llama_server}; it comes with llama.cpp")
    return Server(program, arguments.at_once, arguments.threads)


@contextlib.contextmanager
def served(files: Sequence[Path], context: int, by: Server) -> Iterator[None]:
    """Serve some models; one is loaded when it is asked for.

    Args:
        files: the models.
        context: tokens that a conversation may have.
        by: the server.
    """
    if _models() is not None:
        pid = listener(PORT)
        whose = f"`ss -ltnp 'sport = :{PORT}'` says what, if it is yours" if pid is None else f"it is process {pid}"
        raise SystemExit(f"something answers at {URL} already ({whose}): end it first")
    with tempfile.TemporaryDirectory() as scratch, (Path(scratch) / "log").open("w+b") as log:
        presets = Path(scratch) / "presets.ini"
        presets.write_text("".join(f"[{alias_of(file)}]\nmodel = {file.resolve()}\n" for file in files))
        command = [by.program, "--models-preset", presets, "--models-max", max(1, len(files)), "--port", PORT]
        command += ["--ctx-size", context * by.at_once, "--parallel", by.at_once, "--no-kv-unified", "--cache-ram", 0]
        command += ["--threads", by.threads, "--threads-batch", by.threads, "--reasoning-format", "none"]
        here = {**os.environ, "LLAMA_CACHE": scratch}  # else it offers what somebody has downloaded before, too
        words = [str(word) for word in command]
        with subprocess.Popen(words, stdout=log, stderr=log, env=here, start_new_session=True) as server:
            try:
                fault = _fault_at_start(server, {alias_of(file) for file in files})
                if fault:
                    log.seek(0)
                    raise SystemExit(f"{fault}\n{log.read()[-2000:].decode(errors='replace')}")
                yield
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGKILL)


def listener(port: int) -> int | None:
    """The process that listens there; None where that cannot be told, as of another user's."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(held.readlink()) in sockets for held in (process / "fd").iterdir()):
                return int(process.name)
    return None


def _fault_at_start(server: subprocess.Popen[bytes], aliases: set[str]) -> str | None:
    """Wait until it answers; what is wrong, if something is."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = _models()
        if server.poll() is not None:
            return f"the server ended with {server.returncode}"
        if found is not None:  # an unknown name would be answered by the first model
            return None if found == aliases else f"the server has {sorted(found)}, not {sorted(aliases)}"
        time.sleep(1)
    return "the server does not answer"


def _models() -> set[str] | None:
    try:
        with urllib.request.urlopen(f"{URL}/models", timeout=5) as answer:
            listed: list[dict[str, Any]] = json.load(answer)["data"]
    except (OSError, ValueError, KeyError):
        return None
    return {model["id"] for model in listed}
