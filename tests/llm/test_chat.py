"""Turns of a conversation: calls of functions, log-probabilities, and what endpoints refuse in their own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from mlgym_synth.errors import ContextLengthExceeded, LLMError, ToolsUnsupported
from mlgym_synth.llm.model import ChatModel, Refused, Reply
from mlgym_synth.llm.replies import FunctionCall
from tests.llm_server import LLMServer, Response, Script, answer, call, failure

MESSAGES = [{"role": "system", "content": "You play."}, {"role": "user", "content": "The task."}]
BASH = {"type": "function", "function": {"name": "bash", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def chat(
    script: Script, times: int = 1, tools: bool = True, seed: int | None = None, **options: Any
) -> tuple[list[Reply], LLMServer, ChatModel]:
    """Several turns, one after the other, with an endpoint that has this script."""

    async def main() -> list[Reply]:
        async with model:
            return [await model.chat(MESSAGES, [BASH] if tools else [], seed) for _ in range(times)]

    with LLMServer(script) as server:
        model = ChatModel("player", base_url=server.url, backoff_s=0.001, timeout_s=10.0, retries=2, **options)
        return asyncio.run(main()), server, model


def test_functions_are_offered_and_calls_come_back_as_they_were_written() -> None:
    (reply,), server, _ = chat([call(("bash", '{"command": "ls"'), ("submit", {}), content="Look.")], seed=7)
    assert reply.text == "Look."
    assert reply.calls == (FunctionCall("call-0", "bash", '{"command": "ls"'), FunctionCall("call-1", "submit", "{}"))
    assert reply.finish_reason == "tool_calls"
    (request,) = server.requests
    assert (request.json["tools"], request.json["parallel_tool_calls"], request.json["seed"]) == ([BASH], False, 7)


def test_without_functions_nothing_is_said_of_them() -> None:
    (reply,), server, _ = chat([answer("hello")], tools=False)
    assert reply.calls == ()
    assert server.requests[0].json == {"model": "player", "messages": MESSAGES, "max_tokens": 4096}


@pytest.mark.parametrize(
    ("calls", "read"),
    [
        ([{"function": {"name": "bash", "arguments": {"command": "ls"}}}], ("", "bash", '{"command": "ls"}')),
        ([{"id": None, "function": {"name": "validate", "arguments": None}}], ("", "validate", "")),
        ([{"id": 3, "function": "bash"}], ("", "", "")),
        (["bash"], ("", "", "")),
    ],
    ids=["parsed arguments", "no arguments", "no function", "a word"],
)
def test_calls_are_read_whatever_their_form(calls: list[Any], read: tuple[str, str, str]) -> None:
    (reply,), _, _ = chat([answer(None, tool_calls=calls)])
    assert reply.calls == (FunctionCall(*read),)


def test_an_answer_without_text_and_calls_is_refused_and_so_is_a_call_that_was_cut_off() -> None:
    with pytest.raises(Refused, match="empty"):
        chat([answer(None, tool_calls=[])])
    with pytest.raises(Refused, match="truncated at 500 tokens"):
        chat([call(("bash", '{"comm'), finish_reason="length")])


LONE = json.loads(r'"\ud83d.txt"')  # half a character: JSON can say it, UTF-8 cannot


def test_half_a_character_in_a_conversation_is_sent_as_a_question_mark() -> None:
    messages = [*MESSAGES, {"role": "tool", "content": f"no such file: {LONE}, \u00e9 \U0001f600"}]
    with LLMServer([answer("hello")]) as server:
        model = ChatModel("player", base_url=server.url)
        assert asyncio.run(closing(model, lambda: model.chat(messages))).text == "hello"
    assert server.requests[0].json["messages"][-1]["content"] == "no such file: ?.txt, \u00e9 \U0001f600"


@pytest.mark.parametrize("wrong", [{1}, float("nan")])
def test_what_is_no_json_is_the_callers_error_and_is_not_sent(wrong: Any) -> None:
    messages = [{"role": "user", "content": wrong}]
    with LLMServer([]) as server:
        model = ChatModel("player", base_url=server.url)
        with pytest.raises((TypeError, ValueError)):
            asyncio.run(closing(model, lambda: model.chat(messages)))
    assert server.requests == []


# Tokens


def entries(**fields: list[Any]) -> dict[str, Any]:
    """`logprobs` of a choice, from columns."""
    return {"content": [dict(zip(fields, row, strict=True)) for row in zip(*fields.values(), strict=True)]}


@pytest.mark.parametrize(
    ("choice", "logprobs", "token_ids"),
    [
        ({"logprobs": entries(token=["a", "b"], logprob=[-0.5, 0], bytes=[[97], [98]])}, [-0.5, 0.0], None),
        ({"logprobs": entries(token=["a", "b"], logprob=[-0.5, -1.5]), "token_ids": [5, 6]}, [-0.5, -1.5], [5, 6]),
        ({"logprobs": entries(token=["token_id:5", "token_id:6"], logprob=[-0.5, -1.5])}, [-0.5, -1.5], [5, 6]),
        ({"logprobs": entries(id=[5, 6], token=["a", "b"], logprob=[-0.5, -1.5])}, [-0.5, -1.5], [5, 6]),
        ({"logprobs": None, "token_ids": [5, 6]}, None, [5, 6]),
        ({"logprobs": entries(token=["a"], logprob=[-0.5]), "token_ids": [5, 6]}, [-0.5], None),
        ({"logprobs": entries(token=["a"], logprob=[float("-inf")])}, [-9999.0], None),
        ({"logprobs": entries(token=["a", "b"], logprob=[-0.5, float("nan")])}, None, None),
        ({"logprobs": {"tokens": ["a"], "token_logprobs": [-0.5]}, "token_ids": "5"}, None, None),
        ({"logprobs": entries(token=["a"], logprob=[10**400]), "token_ids": [True]}, None, None),
    ],
    ids=["openai", "vllm", "vllm ids as tokens", "llama.cpp", "ids", "misfit", "-inf", "nan", "old form", "nonsense"],
)
def test_tokens_are_kept_when_the_endpoint_gives_them(
    choice: dict[str, Any], logprobs: list[float] | None, token_ids: list[int] | None
) -> None:
    (reply,), server, _ = chat([answer("ab", choice=choice)], logprobs=True)
    assert (reply.logprobs, reply.token_ids) == (logprobs, token_ids)
    assert server.requests[0].json["logprobs"] is True


def test_an_answer_may_be_long_where_every_token_has_its_logprob() -> None:
    many = 8000
    content = [{"token": "word ", "logprob": -0.25, "bytes": list(b"word "), "top_logprobs": []}] * many * 3
    long = answer("word " * many, tokens=None, choice={"logprobs": {"content": content}})
    assert len(long.body) > 2_000_000
    (reply,), _, _ = chat([long], logprobs=True, max_tokens=many)
    assert reply.usage.output_tokens == len(reply.logprobs or []) == 3 * many
    with pytest.raises(Refused, match="MB"):
        chat([long], max_tokens=many)


# What endpoints do not take


@pytest.mark.parametrize(
    ("option", "status", "message"),
    [
        ("logprobs", 403, "You are not allowed to request logprobs from this model"),
        ("logprobs", 500, "logprobs is not supported for models created with logits_all=False"),
        ("return_token_ids", 400, "Unrecognized request argument supplied: return_token_ids"),
        ("seed", 422, "{'type': 'extra_forbidden', 'loc': ['body', 'seed'], 'msg': 'Extra inputs are not permitted'}"),
        ("parallel_tool_calls", 400, "Unsupported parameter: 'parallel_tool_calls' is not supported with this model."),
        ("top_p", 400, "Unsupported parameter: 'top_p' is not supported with temperature."),
        ("reasoning_effort", 400, "Unknown parameter: 'reasoning_effort'."),
    ],
)
def test_an_option_that_is_refused_is_left_out_from_then_on(option: str, status: int, message: str) -> None:
    def script(request: dict[str, Any]) -> Response:
        return failure(status, message) if option in request else answer("hello")

    settings: dict[str, Any] = {"logprobs": True, "top_p": 0.9, "reasoning_effort": "low", "temperature": 0.5}
    replies, server, _ = chat(script, times=2, seed=7, **settings)
    assert [reply.text for reply in replies] == ["hello", "hello"]
    assert [option in request.json for request in server.requests] == [True, False, False]
    assert {*server.requests[0].json} - {*server.requests[1].json} == {option}


def test_what_is_left_out_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def script(request: dict[str, Any]) -> Response:
        for option in ("temperature", "seed"):
            if option in request:
                return failure(400, f"Unsupported parameter: '{option}'.")
        return failure(400, "This model does not support tools.") if "tools" in request else answer("hello")

    async def main() -> None:
        async with model:
            asked = (model.chat(MESSAGES, [BASH] if place < 4 else [], seed=7) for place in range(8))
            await asyncio.gather(*asked, return_exceptions=True)  # which find out side by side

    with LLMServer(script) as server:
        model = ChatModel("player", base_url=server.url, temperature=0.5)
        asyncio.run(main())
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert sorted(line.rpartition("; ")[2] for line in told) == [
        "'seed' is left out from now on",
        "'temperature' is left out from now on",
        "'tools' are left out from now on",
    ]
    assert "Unsupported parameter: 'seed'" in "".join(told)


def test_an_option_that_only_goes_by_another_name_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    def script(request: dict[str, Any]) -> Response:
        return failure(400, "Unsupported parameter: 'max_tokens'.") if "max_tokens" in request else answer("hello")

    chat(script)
    assert caplog.records == []


@pytest.mark.parametrize("option", ["temperature", "top_p", "seed", "max_tokens"])
def test_a_server_that_breaks_says_nothing_of_what_shapes_answers(option: str) -> None:
    """Whatever of the request it quotes; only logprobs are known to be refused with a 500."""
    broken = failure(500, f'unexpected EOF, request was {{"{option}": 7, "logprobs": true}}')
    _, server, _ = chat([broken, answer("hello")], seed=7, temperature=0.5, top_p=0.9, logprobs=True)
    first, second = (request.json for request in server.requests)
    assert first == second


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
        (500, "tools param requires --jinja flag"),
        (400, "registry.ollama.ai/library/gemma:2b does not support tools"),
        (404, "No endpoints found that support tool use."),
        (400, "Unrecognized request argument supplied: tools"),
        (422, "{'type': 'extra_forbidden', 'loc': ['body', 'tools'], 'msg': 'Extra inputs are not permitted'}"),
        (400, "teacher-r1 does not support Function Calling"),
    ],
)
def test_an_endpoint_without_functions_is_noticed_at_once(status: int, message: str) -> None:
    with LLMServer([failure(status, message)]) as server:
        model = ChatModel("player", base_url=server.url)
        assert model.takes_tools
        with pytest.raises(ToolsUnsupported):
            asyncio.run(closing(model, lambda: model.chat(MESSAGES, [BASH])))
    assert len(server.requests) == 1
    assert not model.takes_tools


OLLAMA = 'error parsing tool call: raw=\'{"command":"python train.py --seed 1\', err=unexpected end of JSON input'


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (500, OLLAMA, None),
        (500, "Failed to parse input at pos 31: <tool_call>unsupported seed", None),
        (400, "Failed to call a function. See 'failed_generation' for more details.", "tool_use_failed"),
    ],
)
def test_a_call_that_the_endpoint_cannot_read_is_an_answer_of_no_use(status: int, message: str, code: str) -> None:
    """And says nothing of what the endpoint takes, whatever words the model has put into it."""

    async def main(model: ChatModel) -> None:
        async with model:
            with pytest.raises(Refused, match="could not read the call") as refused:
                await model.chat(MESSAGES, [BASH], seed=7)
            assert refused.value.reply is not None
            assert refused.value.reply.usage.output_tokens > 0
            assert (await model.chat(MESSAGES, [BASH], seed=7)).text == "hello"

    with LLMServer([failure(status, message, code=code), answer("hello")]) as server:
        model = ChatModel("player", base_url=server.url)
        asyncio.run(main(model))
    assert model.takes_tools
    assert model.budget.output_tokens > 0
    assert [("tools" in request.json, "seed" in request.json) for request in server.requests] == [(True, True)] * 2


async def closing(model: ChatModel, ask: Callable[[], Any]) -> Reply:
    async with model:
        reply: Reply = await ask()
        return reply


def test_a_schema_that_is_wrong_is_not_taken_for_an_endpoint_without_functions() -> None:
    with pytest.raises(LLMError, match="Invalid schema") as caught:
        chat([failure(400, "Invalid schema for function 'bash': in tools[0], 'type' is missing")])
    assert not isinstance(caught.value, ToolsUnsupported)


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "Please mind the limit.", "context_length_exceeded"),
        (400, "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001.", None),
        (400, "'max_tokens' is too large: 500. This model's maximum context length is 4096 tokens", None),
        (400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096.", None),
        (400, "the request exceeds the available context size. try increasing the context size", None),
        (500, "Requested tokens (2400) exceed context window of 2048", None),
        (400, "The input (5000 tokens) is longer than the model's context length (4096 tokens).", None),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", None),
        (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", None),
    ],
)
def test_a_conversation_that_is_too_long_is_told_from_other_faults(status: int, message: str, code: str | None) -> None:
    with LLMServer([failure(status, message, code=code)]) as server:
        model = ChatModel("player", base_url=server.url)
        with pytest.raises(ContextLengthExceeded):
            asyncio.run(closing(model, lambda: model.chat(MESSAGES, [BASH])))
    assert len(server.requests) == 1
    assert model.takes_tools


@pytest.mark.parametrize("message", ["System role not supported", "Conversation roles must alternate user/assistant"])
def test_a_template_without_a_system_turn_gets_its_words_in_the_first_user_turn(message: str) -> None:
    def script(request: dict[str, Any]) -> Response:
        return failure(400, message) if request["messages"][0]["role"] == "system" else answer("hello")

    _, server, _ = chat(script, times=2)
    assert [len(request.json["messages"]) for request in server.requests] == [2, 1, 1]
    assert server.requests[-1].json["messages"] == [{"role": "user", "content": "You play.\n\nThe task."}]


def test_a_reply_is_plain_data() -> None:
    (reply,), _, _ = chat([call(("bash", {"command": "ls"}))])
    assert json.loads(json.dumps(asdict(reply)))["calls"] == [
        {"id": "call-0", "name": "bash", "arguments": '{"command": "ls"}'}
    ]
