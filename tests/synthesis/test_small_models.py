"""A model with a context of 8,192 tokens writes and mends: prompts are short, and one that is not is an attempt."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from mlgym_synth.errors import ContextLengthExceeded
from mlgym_synth.synthesis.author import Failure, Proposal, Rejected, Spent
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.grounding import Facts
from mlgym_synth.synthesis.llm_author import LLMAuthor
from tests.llm_server import Response, answer, failure
from tests.synthesis.teaching import GROUNDED, PROPOSAL, ask, files, written

CONTEXT, ANSWER = 8192, 3000
TOO_LONG = failure(400, "This model's maximum context length is 8192 tokens.", code="context_length_exceeded")
LONG = Failure("gate 5", "word " * 2000 + "and so it failed.")
EVERYTHING = "word " * 4000
"""20,000 characters: of each file, and of all columns."""


def wide() -> Proposal:
    """A proposal on data of which much can be said."""
    facts = Facts(**GROUNDED.body["facts"])
    columns = {name: f"{text} {EVERYTHING[:2000]}" for name, text in facts.columns.items()}
    wider = replace(facts, columns=columns, sample=EVERYTHING, about=EVERYTHING)
    most = {"title": PROPOSAL["title"], "question": EVERYTHING[:2000]}
    return replace(GROUNDED, body={**GROUNDED.body, **most, "facts": asdict(wider)})


def prompt(action: Callable[[LLMAuthor], Awaitable[tuple[Draft, Spent]]]) -> str:
    """What a model is asked whose endpoint takes no prompt that leaves too little room for the answer."""
    asked: list[str] = []

    def respond(request: dict[str, Any]) -> Response:
        asked.append(request["messages"][-1]["content"])
        return answer(files()) if len(asked[0]) / 3 + ANSWER <= CONTEXT else TOO_LONG

    ask(respond, action)
    return asked[0]


@pytest.mark.parametrize("failure", [None, LONG])
def test_a_wide_table_is_written_about_in_a_small_context(failure: Failure | None) -> None:
    assert "First rows:\nword word" in prompt(lambda author: author.write(wide(), 1, failure))


def test_long_files_are_mended_in_a_small_context() -> None:
    draft = written(files())
    long = replace(
        draft,
        statement=draft.statement.replace("A survey", f"A survey {EVERYTHING}"),
        workspace={"baseline.py": draft.workspace["baseline.py"] + EVERYTHING},
        grader={"evaluate.py": "def evaluate(truth, prediction):\n    return 0.0\n"},
    )
    said = prompt(lambda author: author.debug(wide(), long, LONG, 1))
    assert "and so it failed." in said
    for whole in (draft.solution["solution.py"], long.grader["evaluate.py"], '"target": "wage"'):
        assert whole in said, "short files are shown whole, whatever the others are"
    assert said.count("more characters]\n```") == 2
    assert len(said) > 12_000, "the room there is is used"


@pytest.mark.parametrize("mends", [False, True])
def test_a_prompt_that_is_too_long_is_an_attempt(mends: bool) -> None:
    draft = written(files())

    def action(author: LLMAuthor) -> Awaitable[tuple[Draft, Spent]]:
        return author.debug(GROUNDED, draft, LONG, 1) if mends else author.write(GROUNDED, 0, None)

    with pytest.raises(Rejected, match="longer than the model's context; a lower --max-tokens") as caught:
        ask([TOO_LONG], action)
    assert caught.value.spent.prompt_sha256


def test_a_model_that_cannot_even_be_asked_for_a_proposal_ends_the_run() -> None:
    with pytest.raises(ContextLengthExceeded, match="lower --max-tokens"):
        ask([TOO_LONG], lambda author: author.propose(0, 0, None))
    with pytest.raises(Rejected, match="longer than the model's context"):
        ask([TOO_LONG, answer(json.dumps(PROPOSAL))], lambda author: author.propose(0, 1, LONG))
