"""What the benchmark scripts that serve a model share: it ends with them, and one that was left is told."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
import threading
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
        with pytest.raises(SystemExit, match=rf"it is process {getpid()}\)"), served.served([], "python", 1):
            raise AssertionError("served beside another")
        server.shutdown()
    assert served.listener(server.server_port) is None
