"""Objects out of a chat model: how they are asked for, found in what comes, and refused."""

from __future__ import annotations

from typing import Any

import pytest

from mlgym_synth.llm.model import (
    Budget,
    Prices,
    Refused,
)
from tests.llm.asking import GOOD, MESSAGES, WINE, Proposal, ask, chat, propose, run, text_of
from tests.llm_server import LLMServer, Response, answer, failure, huge

# Structured output


def test_an_object_is_asked_for_by_a_strict_schema() -> None:
    proposal, server = propose([answer(GOOD)])
    assert proposal == WINE
    asked = server.requests[0].json
    assert asked["messages"] == MESSAGES
    shape = asked["response_format"]["json_schema"]
    assert shape["name"] == "Proposal"
    assert shape["schema"]["required"] == ["title", "rows", "columns"]
    assert shape["schema"]["$defs"]["Column"]["additionalProperties"] is False


@pytest.mark.parametrize("status", [400, 422, 500, 501])
def test_an_endpoint_without_schemas_is_asked_for_json_from_then_on(status: int) -> None:
    def script(request: dict[str, Any]) -> Response:
        if request.get("response_format", {}).get("type") == "json_schema":
            return failure(status, f"response_format: unknown variant json_schema in {request}")
        return answer(GOOD)

    proposal, server = propose(script, times=2)
    assert proposal == WINE
    kinds = [request.json["response_format"]["type"] for request in server.requests]
    assert kinds == ["json_schema", "json_object", "json_object"]
    assert '"malic_acid"' not in str(server.requests[1].json)
    assert [message["role"] for message in server.requests[1].json["messages"]] == ["system", "user"]
    assert '"title"' in server.requests[1].json["messages"][-1]["content"]
    assert server.requests[1].json["max_tokens"] == 4096


def test_an_endpoint_without_response_formats_is_asked_in_the_prompt_from_then_on() -> None:
    def script(request: dict[str, Any]) -> Response:
        return failure(400, "response_format is not supported") if "response_format" in request else answer(GOOD)

    proposal, server = propose(script, times=2)
    assert proposal == WINE
    assert ["response_format" in request.json for request in server.requests] == [True, True, False, False]
    assert '"title"' in server.requests[-1].json["messages"][-1]["content"]


def test_an_endpoint_that_ignores_the_schema_is_told_in_the_prompt() -> None:
    async def main() -> None:
        async with chat(server) as model:
            with pytest.raises(Refused, match="not JSON"):
                await model.structured(MESSAGES, Proposal)
            assert (await model.structured(MESSAGES, Proposal))[0] == WINE

    with LLMServer([answer("Wine quality, perhaps?"), answer(GOOD)]) as server:
        run(main())
    assert '"title"' in server.requests[1].json["messages"][-1]["content"]


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{GOOD}\n```",
        f"Sure, here you are:\n\n{GOOD}\n\nShall I go on {{or not}}?",
        f"An empty {{}} would not do.\n```json\n{GOOD}\n```",
        f"<think>maybe {{}} or {{'title': 1}}</think>{GOOD}",
        f"no object {{}} yet</think>{GOOD}",
        f"With {{braces}} before: {GOOD}",
        GOOD + GOOD.replace("Wine", "Beer"),
    ],
    ids=["fence", "prose", "fence after braces", "think", "lone end of think", "braces", "two objects"],
)
def test_the_object_is_found_in_what_is_around_it(text: str) -> None:
    assert propose([answer(text)])[0] == WINE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I would rather not.", "not JSON"),
        ("[1, 2, 3]", "not JSON"),
        ('{"title": "Wi', "truncated"),
        (GOOD[:-2], "truncated"),
        ('{"title": "Wine"}', "rows: Field required"),
        ('{"title": "Wine", "rows": 0}', "rows: Input should be greater than or equal to 1"),
        ('{"title": "Wine", "rows": 1, "columns": [{}]}', r"columns\.0\.name: Field required"),
        ('{"a":' * 100_000, "not JSON"),
        ("<think>hm, {", "empty"),
        ("", "empty"),
    ],
    ids=["prose", "list", "in a string", "in an object", "missing", "bound", "nested", "deep", "unclosed", "nothing"],
)
def test_an_answer_that_is_no_proposal_is_refused_with_its_reason_and_its_cost(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as caught:
        propose([answer(text)], prices=Prices(1.0, 1.0))
    assert caught.value.reason == str(caught.value)
    assert caught.value.reply is not None
    assert caught.value.reply.usage.cost_usd == pytest.approx(0.0015)


# Refusals


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (answer("print(", finish_reason="length"), "truncated at 500 tokens"),
        (answer(None, refusal="I cannot help with that."), "refused"),
        (answer("", finish_reason="content_filter"), "refused"),
        (answer(None), "empty"),
        (answer(" \n"), "empty"),
        (answer("<think>and so on"), "empty"),
        (huge(5.0), r"answer of 5\.0 MB"),
    ],
    ids=["length", "refusal", "filter", "null", "blank", "only thought", "huge"],
)
def test_an_unusable_answer_is_refused_once_and_paid_for(response: Response, reason: str) -> None:
    budget = Budget(max_usd=100.0)
    with LLMServer([response]) as server, pytest.raises(Refused, match=reason) as caught:
        run(text_of(chat(server, budget=budget, prices=Prices(1.0, 1.0))))
    assert len(server.requests) == 1
    assert caught.value.reply is not None
    assert budget.spent_usd == caught.value.reply.usage.cost_usd > 0


def test_an_endless_answer_without_a_length_is_cut_off() -> None:
    with pytest.raises(Refused, match="MB"):
        ask([huge(20.0, unsized=True)])


def test_an_answer_is_fit_to_be_stored() -> None:
    reply, _ = ask([answer("a\ud800b")])
    assert reply.text.encode() == b"a?b"
