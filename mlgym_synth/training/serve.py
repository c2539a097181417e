"""Serves a student behind the OpenAI API for `openai:` agents: by vLLM on a GPU, elsewhere by transformers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from mlgym_synth.training import require_extra
from mlgym_synth.training.errors import ModelUnusable, TrainingRefused
from mlgym_synth.training.masks import knows_tools
from mlgym_synth.training.models import check_folder, load_tokenizer

Engine = Literal["vllm", "transformers"]
_CALLS_READ = ("qwen2", "qwen3", "gemma4")
"""Beginnings of the model types whose tool calls `transformers serve` reads out of what a model writes."""
_POLL_S = 0.2
_GRACE_S = 10.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers.

    Attributes:
        name: of the model, as a client asks for it.
        url: base URL of the API.
        engine: what serves it.
        tool_mode: `tools` or `text`: which form of actions the model and the engine know.
        process: the server.
    """

    name: str
    url: str
    engine: Engine
    tool_mode: str
    process: subprocess.Popen[bytes]

    def command(self) -> str:
        """How an agent is let play with it."""
        mode = " --tool-mode text" if self.tool_mode == "text" else ""
        where = f"--base-url {self.url}{mode} --out runs/{self.name}"
        return f"mlgym-synth rollout --agent openai:{self.name} {where}"


def choose_engine() -> Engine:
    """Choose vLLM where it is installed and there is a GPU; else transformers, which needs neither."""
    if find_spec("vllm") is None:
        return "transformers"
    import torch

    return "vllm" if torch.cuda.is_available() else "transformers"


def server_command(engine: Engine, model: Path, port: int, tool_parser: str | None, more: Sequence[str]) -> list[str]:
    """The command that serves a model folder under its own name, started in the folder above it.

    Args:
        engine: what serves.
        model: the folder.
        port: on this machine only.
        tool_parser: vLLM's name for how the model writes tool calls; None is `hermes`, which Qwen's models write.
        more: further arguments for the engine.
    """
    where = ["--host", "127.0.0.1", "--port", str(port)]
    if engine == "vllm":
        calls = ["--enable-auto-tool-choice", "--tool-call-parser", tool_parser or "hermes"]
        return [
            sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model.name,
            "--served-model-name", model.name, *where, *calls, *more,
        ]  # fmt: skip
    return [sys.executable, "-m", "mlgym_synth.training.transformers_server", model.name, *where, *more]


@contextlib.contextmanager
def serving(
    folder: Path,
    port: int = 8000,
    *,
    tool_parser: str | None = None,
    more: Sequence[str] = (),
    timeout_s: float = 600.0,
    output: Any = None,
) -> Iterator[Serving]:
    """A student's server for the length of the context; it is ended with all that it started.

    Args:
        folder: a model folder, as `train sft` writes it.
        port: on this machine; it must be free.
        tool_parser: see `server_command`.
        more: further arguments for the engine.
        timeout_s: how long it may take until it answers.
        output: a file for what the server says; None is this process's stderr.

    Raises:
        TrainingRefused: no whole model there, the port is taken, or the server ends or does not
            answer in time.
    """
    folder = folder.resolve()
    engine = choose_engine()
    require_extra(("torch", "transformers", *(("fastapi", "uvicorn") if engine == "transformers" else ())))
    if folder.is_file():
        raise ModelUnusable(f"model {folder}: is a file, and served are folders, such as `train sft --out` writes")
    check_folder(folder)
    url = f"http://127.0.0.1:{port}"
    _check_free(port)
    process = subprocess.Popen(
        server_command(engine, folder, port, tool_parser, more),
        cwd=folder.parent, stdout=output or sys.stderr, stderr=output or sys.stderr, start_new_session=True,
    )  # fmt: skip
    try:
        mode = _tool_mode(folder, engine)  # while it starts
        _wait_until_it_answers(process, url + "/health", timeout_s)
        yield Serving(folder.name, url + "/v1", engine, mode, process)
    finally:
        _end(process)


def serve(
    folder: Path, port: int, tool_parser: str | None, more: Sequence[str], ready: Callable[[Serving], None]
) -> int:
    """Serve until Ctrl-C, SIGTERM, SIGHUP (the terminal was closed) or the server's end.

    Returns:
        The server's exit code; 0 if it was asked to end.
    """
    before = {number: signal.getsignal(number) for number in _ENDING}
    heard = [number for number in _ENDING if before[number] is not signal.SIG_IGN]  # what nohup ignores stays ignored

    def end(number: int, frame: FrameType | None) -> None:
        for further in heard:  # one is enough; another would break the ending off
            signal.signal(further, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in heard:
        signal.signal(number, end)
    try:
        with serving(folder, port, tool_parser=tool_parser, more=more) as server:
            ready(server)
            return server.process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _tool_mode(folder: Path, engine: Engine) -> str:
    tokenizer = load_tokenizer(str(folder))
    if not tokenizer.chat_template:
        raise ModelUnusable(f"model {folder}: has no chat template, so that it cannot be talked to")
    kind = str(json.loads((folder / "config.json").read_text()).get("model_type"))
    read = engine == "vllm" or kind.startswith(_CALLS_READ) or getattr(tokenizer, "response_template", None)
    return "tools" if read and knows_tools(tokenizer) else "text"


def _check_free(port: int) -> None:
    if port == 0:
        raise TrainingRefused("port 0: agents have to know where it answers. Give one from 1 to 65535: --port")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what closed a moment ago is free
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise TrainingRefused(f"port {port}: cannot be listened at: {error}. Give another: --port") from error


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not _answers(url):
        if (code := process.poll()) is not None:
            raise TrainingRefused(f"the server ended with exit code {code} before it answered; see what it said above")
        if time.monotonic() > end:
            raise TrainingRefused(f"the server did not answer within {timeout_s:.0f} s")
        time.sleep(_POLL_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return True  # somebody is there
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers, which are in one process group."""
    try:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    finally:  # also when Ctrl-C breaks the waiting off, and for workers that outlived the server
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
