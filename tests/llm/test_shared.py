"""Model calls from threads: what equal settings share, what ends a call early, how a process leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest

from mlgym_synth.errors import BudgetExhausted, LLMError
from mlgym_synth.llm.budget import Prices
from mlgym_synth.llm.settings import ModelSettings
from mlgym_synth.llm.shared import SharedModel
from tests.llm_server import LLMServer, Response, answer, failure, hang

MESSAGES = [{"role": "user", "content": "?"}]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_equal_settings_share_the_bound_on_requests_over_threads() -> None:
    def ask(_: int) -> str:
        return SharedModel("player", ModelSettings(base_url=server.url, concurrency=3)).chat(MESSAGES).text

    with LLMServer(lambda _: Response(answer("hello").body, delay_s=0.05)) as server, ThreadPoolExecutor(12) as pool:
        assert list(pool.map(ask, range(24))) == ["hello"] * 24
    assert server.peak == 3


def test_equal_settings_share_what_is_learnt_and_what_may_be_spent() -> None:
    def script(request: dict[str, Any]) -> Response:
        return failure(400, "tools are not supported") if "tools" in request else answer("hello")

    with LLMServer(script) as server:
        settings = ModelSettings(base_url=server.url, prices=Prices(1.0, 1.0), max_cost_usd=0.001)
        first, second = SharedModel("player", settings), SharedModel("player", settings)
        with pytest.raises(LLMError, match="tools are not supported"):
            first.chat(MESSAGES, [{"type": "function"}])
        assert not second.takes_tools
        first.chat(MESSAGES)
        with pytest.raises(BudgetExhausted):
            second.chat(MESSAGES)
        other = SharedModel("another", settings)
        assert other.takes_tools
        assert other.chat(MESSAGES).text == "hello"


def test_a_call_can_be_called_off_from_another_thread() -> None:
    def close() -> None:
        while not server.requests:
            server.closing.wait(0.01)
        model.close()

    with LLMServer([hang(), answer("hello")]) as server:
        model = SharedModel("player", ModelSettings(base_url=server.url))
        threading.Thread(target=close).start()
        with pytest.raises(LLMError, match="called off"):
            model.chat(MESSAGES)
        with pytest.raises(LLMError, match="called off"):
            model.chat(MESSAGES)
        assert SharedModel("player", ModelSettings(base_url=server.url)).chat(MESSAGES).text == "hello"


LEAVING = """
import contextlib, os, signal, threading
from mlgym_synth.errors import LLMError
from mlgym_synth.llm.settings import ModelSettings
from mlgym_synth.llm.shared import SharedModel
from tests.llm_server import LLMServer, answer, hang

def ask():
    return model.chat([{"role": "user", "content": "?"}]).text

def another():
    with contextlib.suppress(LLMError):
        ask()

def interrupt():
    while len(server.requests) < 3:
        server.closing.wait(0.01)
    os.kill(os.getpid(), signal.SIGINT)

with LLMServer([answer("hello"), hang(600)]) as server:
    model = SharedModel("player", ModelSettings(base_url=server.url))
    print(ask())
    threading.Thread(target=another, daemon=True).start()
    threading.Thread(target=interrupt).start()
    try:
        ask()
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_an_interrupt_does_not_wait_for_answers_and_the_process_leaves_without_a_word() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", LEAVING], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("hello\ninterrupted\n", "", 0)


# Settings


def test_settings_are_json() -> None:
    settings = ModelSettings(base_url="http://h/v1", temperature=0.5, mode="text", prices=Prices(1.0, 2.0))
    assert ModelSettings.from_dict(json.loads(json.dumps(asdict(settings)))) == settings
    assert ModelSettings.from_dict({}) == ModelSettings()


def test_the_place_and_the_price_of_a_model_decide_nothing() -> None:
    settings = ModelSettings(base_url="http://me:secret@h/v1", prices=Prices(1.0, 2.0), concurrency=3, timeout_s=5)
    assert settings.decisive() == ModelSettings().decisive()
    assert ModelSettings(temperature=0.1).decisive() != ModelSettings().decisive()


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": 0}, {"context_tokens": 10}, {"concurrency": 0}, {"retries": -1}, {"timeout_s": 0},
        {"mode": "json"}, {"max_cost_usd": 1.0},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|needs prices"):
        ModelSettings(**wrong)
