"""The random caller: what it calls, that it is its seed's, and that no env falls over it."""

from __future__ import annotations

import json

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.agents.fuzz import random_calls
from mlgym_synth.env import SynthEnv
from mlgym_synth.rollouts.episode import play
from mlgym_synth.tools import TOOLS, parse_action
from mlgym_synth.trajectories.model import plain


def calls(seed: int, count: int) -> list[object]:
    script = random_calls("## Submission\nWrite `answer.csv`, a CSV", seed)
    return [next(script) if not number else script.send("") for number in range(count)]


def test_it_calls_every_tool_and_a_third_is_no_valid_call() -> None:
    made = calls(0, 1500)
    parsed = [parse_action(action, TOOLS) for action in made]
    assert {call.tool.name for call in parsed if not isinstance(call, str)} == set(TOOLS)
    corrections = [call for call in parsed if isinstance(call, str)]
    assert 0.2 < len(corrections) / len(made) < 0.6
    assert {type(action).__name__ for action in made} >= {"dict", "list", "str", "NoneType", "bool", "float"}
    for wrong in ("there is no tool", "missing argument", "unknown argument", "must be a", "a mapping", "are not JSON"):
        assert any(wrong in text for text in corrections)


def test_all_of_it_is_json_and_follows_from_the_seed() -> None:
    made = calls(3, 400)
    assert json.dumps(made) == json.dumps(calls(3, 400)) != json.dumps(calls(4, 400))
    assert all(json.dumps(plain(action)) == json.dumps(action) for action in made)


@pytest.mark.parametrize("seed", range(2))
def test_no_episode_falls_over_it(seed: int) -> None:
    env = SynthEnv(registry.find("task-0018").folder, sandbox="bwrap", max_steps=200)
    trajectory = play(env, load_agent("scripted:random"), seed)
    env.close()
    assert (trajectory.fault, trajectory.error) == (None, None)
    assert trajectory.exit_status is not None
