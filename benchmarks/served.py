"""GGUF files behind an OpenAI-compatible server on this machine, for as long as they are needed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
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


@contextlib.contextmanager
def served(files: Sequence[Path], python: str, context: int) -> Iterator[None]:
    """llama-cpp-python's server with some models; the one that is asked for is loaded.

    Args:
        files: the models.
        python: one that has llama-cpp-python.
        context: tokens that a conversation may have.
    """
    if _models() is not None:
        pid = listener(PORT)
        whose = f"`ss -ltnp 'sport = :{PORT}'` says what, if it is yours" if pid is None else f"it is process {pid}"
        raise SystemExit(f"something answers at {URL} already ({whose}): end it first")
    each = {"n_ctx": context, "n_threads": os.cpu_count()}
    models = [{"model": str(file), "model_alias": alias_of(file), **each} for file in files]
    with tempfile.TemporaryDirectory() as scratch, (Path(scratch) / "log").open("w+b") as log:
        config = Path(scratch) / "config.json"
        config.write_text(json.dumps({"host": "127.0.0.1", "port": PORT, "models": models}))
        command = [python, "-m", "llama_cpp.server", "--config_file", str(config)]
        with subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True) as server:
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
