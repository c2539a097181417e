"""What the benchmark scripts that serve a model share: it ends with them, and one that was left is told."""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from os import getpid
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module("served")
    sys.modules.pop("served", None)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_unwinds_what_runs(ending: signal.Signals) -> None:
    code = """
import time, served
served.end_on_signals()
try:
    print("runs", flush=True)
    time.sleep(60)
finally:
    print("unwound", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=BENCHMARKS, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "runs\n"
        running.send_signal(ending)
        assert running.stdout.read() == "unwound\n"
    assert running.returncode == 128 + ending


def test_nohup_is_heeded(served: Any) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        served.end_on_signals()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert callable(signal.getsignal(signal.SIGTERM))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Models(BaseHTTPRequestHandler):
    """A server with a model."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": [{"id": "left"}]}')

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def test_a_server_that_was_left_is_told_by_its_process(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Models) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(served, "PORT", server.server_port)
        monkeypatch.setattr(served, "URL", f"http://127.0.0.1:{server.server_port}/v1")
        with pytest.raises(SystemExit, match=rf"it is process {getpid()}\)"), served.served([], 1, served.Server()):
            raise AssertionError("served beside another")
        server.shutdown()
    assert served.listener(server.server_port) is None


LLAMA = """#!{python}
import json, os, sys, configparser, http.server
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
presets = configparser.ConfigParser()
presets.read(given["--models-preset"])
print("loads nothing", flush=True)
if {broken}:
    sys.exit(7)
class Listed(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        known = [{{"id": name}} for name in presets.sections()]
        self.wfile.write(json.dumps({{"data": known, "given": sys.argv[1:], "pid": os.getpid()}}).encode())
http.server.HTTPServer(("127.0.0.1", int(given["--port"])), Listed).serve_forever()
"""


def a_program(folder: Path, broken: bool = False) -> Path:
    """What speaks as `llama-server` does, without a model."""
    program = folder / "llama-server"
    program.write_text(LLAMA.format(python=sys.executable, broken=broken))
    program.chmod(0o755)
    return program


@pytest.fixture
def port(served: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = int(free.getsockname()[1])
    monkeypatch.setattr(served, "PORT", number)
    monkeypatch.setattr(served, "URL", f"http://127.0.0.1:{number}/v1")
    return number


def test_models_are_served_while_they_are_needed(served: Any, port: int, tmp_path: Path) -> None:
    files = [tmp_path / "base.gguf", tmp_path / "sft-0.5.gguf"]
    with served.served(files, 1000, served.Server(str(a_program(tmp_path)), 3, 1)):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models") as answer:
            listed = json.load(answer)
        assert [each["id"] for each in listed["data"]] == ["base", "sft-0.5"]
        given = dict(itertools.pairwise(listed["given"]))
        assert (given["--ctx-size"], given["--parallel"], given["--threads"]) == ("3000", "3", "1")
    assert served.listener(port) is None
    assert not Path(f"/proc/{listed['pid']}").exists()


def test_a_server_that_does_not_start_is_told_with_its_words(served: Any, port: int, tmp_path: Path) -> None:
    del port
    with (
        pytest.raises(SystemExit, match=r"the server ended with 7\nloads nothing"),
        served.served([tmp_path / "base.gguf"], 1000, served.Server(str(a_program(tmp_path, broken=True)))),
    ):
        raise AssertionError("served")


def test_a_program_that_is_not_there_is_told(served: Any) -> None:
    parser = argparse.ArgumentParser()
    served.add_arguments(parser)
    with pytest.raises(SystemExit, match="--llama-server: there is no program nowhere"):
        served.server_of(parser.parse_args(["--llama-server", "nowhere"]))
