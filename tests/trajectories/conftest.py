"""Episodes to filter and to export: three that were really played, and edge cases made by hand."""

from __future__ import annotations

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import ScriptedAgent, load_agent
from mlgym_synth.agents.scripted import Script, bash, tool
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.episode import play
from mlgym_synth.trajectories import Said, Trajectory
from tests.trajectories.episodes import a_step, an_episode

TASK = "task-0018"  # a program task: its baseline takes no time


def looks_around(statement: str, seed: int) -> Script:
    yield tool("view", path="baseline.py", start=1, end=5)
    yield "ls -la"  # no tool call: the env corrects it
    yield tool("create", path="zürich.txt", content="```\nGrüezi 👋\n```")
    yield bash("cat zürich.txt; python baseline.py")
    yield tool("validate")
    yield tool("submit")


@pytest.fixture(scope="session")
def played() -> list[Trajectory]:
    """Of the baseline, of one that looks around, and of one that does nothing until its budget is spent."""
    env = SynthEnv(registry.find(TASK).folder, sandbox="bwrap", max_steps=7)
    agents = [load_agent("scripted:baseline"), ScriptedAgent("scripted:looks_around", looks_around)]
    try:
        trajectories = [play(env, agent, seed=3) for agent in [*agents, load_agent("scripted:nop")]]
    finally:
        env.close()
    for index, trajectory in enumerate(trajectories):
        trajectory.index, trajectory.split = index, "train"
    return trajectories


@pytest.fixture(scope="session")
def odd() -> list[Trajectory]:
    """What models and shells come up with."""
    return [
        an_episode(
            a_step(bash("ls"), "a\x00b\x1b[1m\ud800", said=Said("First, look. Ω", "Hm, where am I?")),
            a_step({"tool": "view", "arguments": '{"path": "a.csv"}'}, "1,2", said=Said("")),  # as some endpoints do
            a_step({"tool": "view", "arguments": "{path: a.csv"}, "not JSON", said=Said("And again.")),
            a_step({"tool": "fly", "arguments": {}}, "there is no tool 'fly'"),
            a_step({"tool": "bash", "arguments": {"command": "x", "timeout_s": float("nan")}}, "corrected"),
            a_step({"tool": "bash", "arguments": {"command": "x", "timeout_s": 10**40}}, "corrected"),
            a_step({"tool": "bash", "arguments": {}, "why": "?"}, "corrected"),
            a_step(None, "corrected"),
            a_step(object(), "corrected"),
            a_step(tool("submit"), "Handed in.", reward=0.6),
        ),
        an_episode(
            a_step(bash("ls"), "a.csv", said=Said("I look.", "", "I look.\n\n```\nls\n```")),
            a_step(tool("submit"), "Handed in.", reward=0.6, said=Said("", "", "```\nsubmit\n```")),
            agent="openai:text mode/v2__x",
            seed=1,
        ),
        an_episode(
            a_step(tool("validate"), "0.5", tool="validate", score=1.75),
            exit_status=None, fault="agent", error="KeyError: 'plan'", test_score=None, progress=None, seed=2,
        ),
    ]  # fmt: skip
