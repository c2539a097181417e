"""Models behind an OpenAI-compatible server on this machine, for as long as they are needed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PORT = 8972
URL = f"http://127.0.0.1:{PORT}/v1"
PATIENCE_S = 300


def alias_of(file: Path) -> str:
    """What a model is called there: its file names the weights, and results of others are not mixed with it."""
    return file.stem


@contextlib.contextmanager
def served(files: Sequence[Path], python: str, context: int, log: Path) -> Iterator[None]:
    """llama-cpp-python's server with some GGUF files; the one that is asked for is loaded."""
    if _models() is not None:
        raise SystemExit(f"something answers at {URL} already: end it first")
    each = {"n_ctx": context, "n_threads": os.cpu_count()}
    models = [{"model": str(file), "model_alias": alias_of(file), **each} for file in files]
    config = log.with_suffix(".json")
    config.write_text(json.dumps({"host": "127.0.0.1", "port": PORT, "models": models}))
    command = [python, "-m", "llama_cpp.server", "--config_file", str(config)]
    with (
        log.open("ab") as told,
        subprocess.Popen(command, stdout=told, stderr=told, start_new_session=True) as server,
    ):
        try:
            _wait(server, {alias_of(file) for file in files}, log)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)


def _wait(server: subprocess.Popen[bytes], aliases: set[str], log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = _models()
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}; see {log}")
        if found is not None:
            if found != aliases:  # an unknown name would be answered by the first model
                raise SystemExit(f"the server has {sorted(found)}, not {sorted(aliases)}")
            return
        time.sleep(1)
    raise SystemExit(f"the server does not answer; see {log}")


def _models() -> set[str] | None:
    try:
        with urllib.request.urlopen(f"{URL}/models", timeout=5) as answer:
            listed: list[dict[str, Any]] = json.load(answer)["data"]
    except (OSError, ValueError, KeyError):
        return None
    return {model["id"] for model in listed}
