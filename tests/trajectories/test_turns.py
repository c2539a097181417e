"""How an episode is told as turns, in both forms."""

from __future__ import annotations

import json

import pytest

from mlgym_synth.agents.scripted import bash
from mlgym_synth.llm.acting import system_prompt
from mlgym_synth.trajectories import Said, Trajectory
from mlgym_synth.trajectories.turns import Form
from tests.trajectories.episodes import a_step, an_episode


def test_a_command_with_fences_gets_a_longer_one() -> None:
    (_, said) = Form(text=True).messages(an_episode(a_step(bash("cat <<E\n````\nE"), said=Said("So:"))))
    assert said["content"] == "So:\n\n`````bash\ncat <<E\n````\nE\n`````"


def test_what_the_agent_says_of_an_answer_is_not_the_models_word() -> None:
    said = Said("I would rather talk.")
    (_, turn, _) = Form().messages(an_episode(a_step({"malformed": "the answer calls no tool"}, said=said)))
    assert turn == {"role": "assistant", "content": "I would rather talk."}


def test_reasoning_is_kept_when_asked_for(odd: list[Trajectory]) -> None:
    assert "Hm, where am I?" not in json.dumps(Form().messages(odd[0]))
    turns = Form(reasoning=True).messages(odd[0])
    assert turns[1]["reasoning_content"] == "Hm, where am I?"
    assert turns[1]["content"] == "First, look. Ω"
    assert turns[3]["reasoning_content"] == ""


@pytest.mark.parametrize("text", [True, False])
def test_what_the_model_was_told_is_of_the_form_that_is_told(text: bool) -> None:
    """Whichever it played in: else turns would contradict what demands them."""
    for played_in_text in (True, False):
        first = Form(text=text).messages(an_episode(system=system_prompt(played_in_text)))[0]
        assert first == {"role": "system", "content": system_prompt(text)}
    own = an_episode(system="Act in text, or call tools.")
    assert Form(text=text).messages(own)[0]["content"] == "Act in text, or call tools."
    asked = Form(text=text, system=system_prompt(not text)).messages(own)[0]
    assert asked["content"] == system_prompt(not text), "as the caller wants it"
