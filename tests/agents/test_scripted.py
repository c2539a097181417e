"""Scripts as agents: what they are sent, that they start anew, what they do when they have ended; agents by name."""

from __future__ import annotations

import pytest

from mlgym_synth.agents import SCRIPTS, ScriptedAgent, load_agent
from mlgym_synth.agents.base import fingerprint_of
from mlgym_synth.agents.scripted import IDLE, Script, bash, tool


def echo(statement: str, seed: int) -> Script:
    """Repeat the statement, then what came back."""
    heard = yield bash(f"echo {statement} {seed}")
    yield bash(heard)


def test_a_script_gets_statement_seed_and_observations() -> None:
    agent = ScriptedAgent("echo", echo)
    agent.start("sum", [], 3)
    assert agent.act("sum") == bash("echo sum 3")
    assert agent.act("heard") == bash("heard")


def test_an_agent_idles_after_its_script() -> None:
    agent = ScriptedAgent("echo", echo)
    agent.start("sum", [], 0)
    for observation in "abc":
        action = agent.act(observation)
    assert action == IDLE
    assert agent.act("d") == IDLE


def test_an_episode_starts_the_script_anew() -> None:
    agent = ScriptedAgent("echo", echo)
    for seed in (1, 2):
        agent.start("sum", [], seed)
        assert agent.act("sum") == bash(f"echo sum {seed}")
        assert agent.usage.calls == 1
    assert agent.usage.cost_usd == 0


def test_an_agent_that_was_not_started_idles() -> None:
    assert ScriptedAgent("echo", echo).act("anything") == IDLE


def test_nop_does_nothing_and_baseline_submits() -> None:
    nop, baseline = load_agent("scripted:nop"), load_agent("scripted:baseline")
    for agent in (nop, baseline):
        agent.start("", [], 0)
    assert nop.act("") == IDLE
    assert [baseline.act("") for _ in range(2)] == [bash("python baseline.py"), tool("submit")]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_a_name_on_the_command_line(script: str) -> None:
    assert load_agent(f"scripted:{script}").name == f"scripted:{script}"


def test_a_fingerprint_is_of_name_and_code() -> None:
    prints = {script: fingerprint_of(load_agent(f"scripted:{script}")) for script in SCRIPTS}
    assert len(set(prints.values())) == len(SCRIPTS)
    assert prints["nop"] == fingerprint_of(load_agent("scripted:nop"))
    assert all(len(one) == 64 for one in prints.values())


def make() -> ScriptedAgent:
    """A factory, as one's own package would have."""
    return ScriptedAgent("mine", echo)


def test_an_agent_of_ones_own() -> None:
    assert load_agent(f"{__name__}:make").name == "mine"


@pytest.mark.parametrize("name", ["scripted:genius", "genius", "no.such.module:make", f"{__name__}:absent", ""])
def test_an_unknown_agent_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"Agents are scripted:nop, scripted:baseline, scripted:researcher"):
        load_agent(name)
