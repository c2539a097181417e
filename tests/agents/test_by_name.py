"""Agents with a model by name, and on the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mlgym_synth.agents import LLMAgent, ModelSettings, load_agent
from mlgym_synth.cli import main
from mlgym_synth.errors import LLMError
from tests.agents.playing import RUN, SUBMIT, TASK
from tests.llm_server import LLMServer


def test_the_name_of_a_model_may_have_colons_and_slashes() -> None:
    agent = load_agent("openai:org/qwen2.5:7b", ModelSettings(base_url="http://127.0.0.1:1/v1"))
    assert agent.name == "openai:org/qwen2.5:7b"
    with pytest.raises(ValueError, match="openai:MODEL"):
        load_agent("openai:")


def test_without_a_key_openai_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(LLMError, match="set OPENAI_API_KEY"):
        load_agent("openai:gpt")


def test_a_closed_agent_asks_nothing() -> None:
    with LLMServer([SUBMIT]) as server:
        agent = LLMAgent("player", ModelSettings(base_url=server.url))
        agent.close()
        with pytest.raises(LLMError, match="called off"):
            agent.act("")
    assert server.requests == []


def test_demo_plays_with_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    with LLMServer([RUN, SUBMIT]) as server:
        options = ["--temperature", "0.5", "--top-p", "0.9", "--max-tokens", "77", "--reasoning-effort", "low"]
        command = ["demo", TASK, "--agent", "openai:player", "--base-url", server.url, "--sandbox", "bwrap", "--json"]
        assert main([*command, *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["agent"], result["exit_status"]) == ("openai:player", "submitted")
    asked = server.requests[0].json
    assert [asked[name] for name in ("temperature", "top_p", "max_tokens", "reasoning_effort")] == [0.5, 0.9, 77, "low"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--context-tokens", "10"], "context_tokens 10: must be at least 1000"),
        (["--model-calls", "0"], "concurrency 0: must be at least 1"),
    ],
)
def test_settings_out_of_range_exit_2(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--agent", "openai:player", "--base-url", "http://127.0.0.1:1/v1", *options]) == 2
    assert message in capsys.readouterr().err


def test_agents_by_name_do_not_load_the_client() -> None:
    program = "import sys, mlgym_synth.agents; print('openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
