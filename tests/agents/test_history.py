"""Conversations that fit: what is shortened first, what stays, and how seldom the head of a conversation changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from mlgym_synth.agents.history import KEPT_WHOLE, Turn, characters, cut, fitted, render, with_turn
from mlgym_synth.llm.replies import FunctionCall

STATEMENT = "Predict the wage."


def turns(count: int, observed: int = 1000, written: int = 0) -> list[Turn]:
    """Bash calls with observations and commands of so many characters."""
    return [
        Turn(
            number,
            f"Thought {number}.",
            FunctionCall("", "bash", json.dumps({"command": "x" * written})),
            f"seen {number}: ".ljust(observed, "o"),
        )
        for number in range(count)
    ]


def within(limit: int) -> Callable[[Sequence[Turn]], bool]:
    return lambda kept: characters(render("Play.", STATEMENT, kept, in_text=False)) <= limit


def test_what_fits_stays_as_it_is() -> None:
    whole = turns(8)
    assert fitted(whole, within(20_000)) == whole


def test_old_observations_are_elided_first_and_the_last_stay_whole() -> None:
    whole = turns(20)
    kept = fitted(whole, within(12_000))
    assert within(12_000)(kept)
    assert len(kept) == 20
    assert kept[-KEPT_WHOLE:] == whole[-KEPT_WHOLE:]
    assert kept[0].observation == "[old output left out: 1 lines]"
    assert [turn.text for turn in kept] == [turn.text for turn in whole]


def test_then_a_long_observation_loses_its_middle() -> None:
    whole = [*turns(3), Turn(3, "", None, "head " + "x" * 50_000 + " [step 4 of 50]")]
    kept = fitted(whole, within(14_000))
    assert within(14_000)(kept)
    assert kept[:3] == whole[:3]
    assert kept[3].observation.startswith("head x")
    assert kept[3].observation.endswith("[step 4 of 50]")
    assert "characters left out" in kept[3].observation


def test_then_the_oldest_turns_go_and_it_is_said() -> None:
    kept = fitted(turns(100), within(9_000))
    assert within(9_000)(kept)
    assert kept[-1] == turns(100)[-1]
    first = render("Play.", STATEMENT, kept, in_text=False)[1]["content"]
    assert first.startswith(STATEMENT)
    assert f"The first {kept[0].number} answers and observations are left out" in first


@pytest.mark.parametrize("limit", [500, 2000, 5000, 20_000])
@pytest.mark.parametrize(("observed", "written"), [(20_000, 0), (10, 20_000), (9000, 9000)])
def test_whatever_is_long_fits_in_the_end(limit: int, observed: int, written: int) -> None:
    kept = fitted(turns(12, observed, written), within(limit))
    longest = max(limit, 5 * 400)  # five turns of three texts, each cut to 100 characters
    assert characters(render("Play.", STATEMENT, kept, in_text=False)) <= longest
    assert kept[-1].number == 11
    assert all(isinstance(json.loads(turn.call.arguments), dict) for turn in kept if turn.call)


def test_from_one_request_to_the_next_the_head_seldom_changes() -> None:
    whole, changed = turns(60), 0
    before: list[dict[str, object]] = []
    for count in range(1, 60):
        sent = render("Play.", STATEMENT, fitted(whole[:count], within(20_000)), in_text=False)
        changed += sent[: len(before)] != before
        before = sent
    assert 0 < changed <= 12


def test_turns_are_rendered_as_calls_and_as_text() -> None:
    called = Turn(0, "Look.", FunctionCall("id-1", "bash", '{"command": "ls"}'), "a.py")
    silent = Turn(1, "", FunctionCall("", "view", '{"path": "a.py"}'), "x = 1")
    written = Turn(2, "I am done.", None, "This action was not run")
    as_calls = render("Play.", STATEMENT, [called, silent, written], in_text=False)
    assert [message["role"] for message in as_calls] == [
        "system", "user", "assistant", "tool", "assistant", "tool", "assistant", "user",
    ]  # fmt: skip
    assert as_calls[2]["tool_calls"][0]["id"] == as_calls[3]["tool_call_id"] == "id-1"
    assert (as_calls[4]["content"], as_calls[5]["tool_call_id"]) == (None, "call00001")
    as_text = render("Play.", STATEMENT, [called, silent, written], in_text=True)
    assert [message["role"] for message in as_text] == ["system", "user", *["assistant", "user"] * 3]
    assert as_text[2]["content"] == "Look.\n\n```bash\nls\n```"
    assert as_text[4]["content"] == '```\nview {"path": "a.py"}\n```'


def test_of_the_same_said_and_seen_again_the_last_stays() -> None:
    def look(number: int, step: int, seen: str = "a.py") -> Turn:
        call = FunctionCall(f"id-{number}", "bash", '{"command": "ls"}')
        return Turn(number, "Look.", call, f"{seen}\n[step {step} of 12]")

    kept: list[Turn] = []
    for number, seen in enumerate(["a.py", "a.py", "a.py", "b.py", "a.py"]):
        kept = with_turn(kept, look(number, number + 1, seen))
    assert [turn.observation for turn in kept] == [
        "a.py\n[step 3 of 12]", "b.py\n[step 4 of 12]", "a.py\n[step 5 of 12]",
    ]  # fmt: skip
    assert [turn.number for turn in kept] == [0, 3, 4]
    assert len(with_turn(turns(1), turns(2)[1])) == 2  # observations without the step that they end with


def test_of_misses_in_a_row_what_they_were_told_stays_and_roles_take_turns() -> None:
    def missed(number: int) -> Turn:
        return Turn(number, "I would look.", None, f"Not run.\n[step {number + 1} of 12]", missed=1)

    kept: list[Turn] = []
    for turn in (turns(1)[0], missed(1), missed(2), missed(3), turns(5)[4], missed(5)):
        kept = with_turn(kept, turn)
    assert [(turn.number, turn.missed) for turn in kept] == [(0, 0), (1, 3), (4, 0), (5, 1)]
    for in_text in (True, False):
        sent = render("Play.", STATEMENT, kept, in_text)
        told = sent[3]["content"]
        assert told.endswith("\n\n[3 answers in a row held no action.]\nNot run.\n[step 4 of 12]")
        assert [message["role"] == "assistant" for message in sent] == [False, False, *[True, False] * 3]
        assert sent[6]["content"] == "I would look.", "a single one is seen as it was"
        shortest = render("Play.", STATEMENT, fitted(kept, within(1)), in_text)
        assert "3 answers in a row" in shortest[3]["content"]


def test_a_cut_says_how_much_it_took() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("a" * 1000 + "b" * 1000, 100) == "a" * 50 + "\n[1,900 characters left out]\n" + "b" * 50
