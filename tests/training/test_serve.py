"""A student answers through the OpenAI client, and nothing of its server is left afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from openai import OpenAI

from mlgym_synth.training import serve as serving_module
from mlgym_synth.training.errors import ModelUnusable, TrainingRefused
from mlgym_synth.training.serve import server_command, serving
from mlgym_synth.training.transformers_server import keep_words_before_calls
from tests.training.tiny import SCHEMA, a_call, a_model_folder, a_row


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_student_answers_until_it_is_asked_to_end(tmp_path: Path) -> None:
    folder, port = a_model_folder(tmp_path / "student", qwen=True), a_free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlgym_synth.cli", "train", "serve", str(folder), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        said = process.stdout.readline() + process.stdout.readline()
        assert f"mlgym-synth rollout --agent openai:student --base-url http://127.0.0.1:{port}/v1" in said
        children = psutil.Process(process.pid).children(recursive=True)
        with OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0) as client:
            answer = client.chat.completions.create(
                model="student",
                messages=a_row()["messages"][:1],
                tools=[SCHEMA],  # type: ignore[list-item]
                max_tokens=8,
            )
        assert answer.usage is not None
        assert 0 < answer.usage.completion_tokens <= 8
        assert children
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=60)
        assert process.returncode == 0, complaints
        assert not [child for child in children if child.is_running()]
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_what_cannot_be_served_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="no such folder"), serving(tmp_path / "nowhere", a_free_port()):
        pass
    with pytest.raises(ModelUnusable, match=r"has no config\.json"), serving(tmp_path, a_free_port()):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TrainingRefused, match="port 0: agents have to know"), serving(model, 0):
            pass
        with pytest.raises(ModelUnusable, match="is a file, and served are folders"), serving(Path(__file__), port):
            pass
        with pytest.raises(TrainingRefused, match=f"port {port}"), serving(model, port):
            pass


def test_a_server_that_ends_at_once_is_told(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "server_command", lambda *_: [sys.executable, "-c", "raise SystemExit(7)"])
    with (
        (tmp_path / "log").open("wb") as log,
        pytest.raises(TrainingRefused, match="exit code 7"),
        serving(model, a_free_port(), output=log),
    ):
        pass


def test_a_server_that_does_not_answer_is_ended(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"import os, time, pathlib; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
    monkeypatch.setattr(serving_module, "server_command", lambda *_: [sys.executable, "-c", script + "time.sleep(600)"])
    with (
        (tmp_path / "log").open("wb") as log,
        pytest.raises(TrainingRefused, match="did not answer within 3 s"),
        serving(model, a_free_port(), output=log, timeout_s=3),
    ):
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    time.sleep(600)
pathlib.Path(sys.argv[1]).write_text(f"{os.getppid()} {os.getpid()}")
time.sleep(600)
"""
"""A server, and its worker, that do not end when asked."""
SERVES = """
import sys, time
from pathlib import Path
from mlgym_synth.training import serve
pids = Path(sys.argv[2])
serve.server_command = lambda *_: [sys.executable, "-c", sys.argv[3], str(pids)]
serve._GRACE_S, serve._tool_mode, serve._answers = 1.5, lambda *_: "text", lambda url: pids.exists()
raise SystemExit(serve.serve(Path(sys.argv[1]), int(sys.argv[4]), None, (), lambda server: print("ready", flush=True)))
"""


@pytest.mark.parametrize(
    "signals", [[signal.SIGHUP], [signal.SIGTERM, signal.SIGTERM], [signal.SIGINT, signal.SIGINT, signal.SIGHUP]]
)
def test_nothing_is_left_however_it_is_ended(signals: list[signal.Signals], model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVES, str(model), str(tmp_path / "pids"), STUBBORN, str(a_free_port())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        children = [psutil.Process(int(pid)) for pid in (tmp_path / "pids").read_text().split()]
        assert said == "ready\n"
        for number in signals:
            process.send_signal(number)
            time.sleep(0.4)
        _, complaints = process.communicate(timeout=30)
        assert process.returncode == 0, complaints
        _, left = psutil.wait_procs(children, 5)
        for child in left:
            child.kill()
        assert not left
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_vllm_is_told_how_calls_are_written() -> None:
    command = server_command("vllm", Path("/students/mine"), 8001, None, ["--dtype", "bfloat16"])
    assert command[-5:] == ["--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--dtype", "bfloat16"]
    assert "mine" in command
    assert "qwen3_coder" in server_command("vllm", Path("/students/mine"), 8001, "qwen3_coder", [])


def test_words_before_a_call_are_kept() -> None:
    """As they are in training; transformers alone drops them."""
    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.cli.serving.utils import Modality

    class Handler(ChatCompletionHandler):  # type: ignore[misc]
        pass

    messages = [{"role": "user", "content": "Go."}, a_call("ls", "First, I look.")]
    dropped = Handler.get_processor_inputs_from_messages(messages, Modality.LLM)
    assert dropped[1]["content"] == ""
    keep_words_before_calls(Handler)
    kept = Handler.get_processor_inputs_from_messages(messages, Modality.LLM)
    assert kept[0] == dropped[0]
    assert kept[1]["content"] == "First, I look."
    assert kept[1]["tool_calls"] == dropped[1]["tool_calls"]
