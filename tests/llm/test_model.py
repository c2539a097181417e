"""The chat model against a real endpoint, with the real client, through every fault an endpoint has."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Coroutine
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel, Field

from mlgym_synth.errors import LLMError
from mlgym_synth.llm.model import (
    Budget,
    BudgetExhausted,
    ChatModel,
    Prices,
    Refused,
    Reply,
    Usage,
    prompt_sha256,
)
from mlgym_synth.llm.replies import retry_after_s
from mlgym_synth.llm.texts import extract_code
from tests.llm_server import LLMServer, Response, Script, answer, cut, failure, hang, huge

KEY = "sk-test-0123456789abcdef"
MESSAGES = [{"role": "system", "content": "You write tasks."}, {"role": "user", "content": "Propose one."}]
Result = TypeVar("Result")


class Column(BaseModel):
    name: str


class Proposal(BaseModel):
    title: str
    rows: int = Field(ge=1)
    columns: list[Column] = []


GOOD = json.dumps({"title": "Wine", "rows": 178, "columns": [{"name": "malic_acid"}]})
WINE = Proposal(title="Wine", rows=178, columns=[Column(name="malic_acid")])


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def chat(server: LLMServer, **options: Any) -> ChatModel:
    return ChatModel("author", base_url=server.url, **{"backoff_s": 0.001, "timeout_s": 10.0, **options})


def ask(script: Script, **options: Any) -> tuple[Reply, LLMServer]:
    """One text from a server with this script."""

    async def main() -> Reply:
        async with chat(server, **options) as model:
            return await model.text(MESSAGES)

    with LLMServer(script) as server:
        return asyncio.run(main()), server


def propose(script: Script, times: int = 1, **options: Any) -> tuple[Proposal, LLMServer]:
    """The last of several proposals from a server with this script."""

    async def main() -> Proposal:
        async with chat(server, **options) as model:
            for _ in range(times):
                proposal, _reply = await model.structured(MESSAGES, Proposal)
            return proposal

    with LLMServer(script) as server:
        return asyncio.run(main()), server


async def text_of(model: ChatModel) -> Reply:
    async with model:
        return await model.text(MESSAGES)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(main)


# Answers and what they cost


def test_a_text_comes_with_its_usage_and_its_price() -> None:
    reply, server = ask([answer("hello")], prices=Prices(2.0, 10.0), temperature=0.5, max_tokens=77)
    assert (reply.text, reply.reasoning, reply.model, reply.finish_reason) == ("hello", "", "served-model", "stop")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.requests) == (1000, 500, 1)
    assert reply.usage.cost_usd == pytest.approx(0.002 + 0.005)
    assert 0 < reply.usage.seconds < 10
    assert json.loads(json.dumps(asdict(reply)))["usage"]["output_tokens"] == 500
    (request,) = server.requests
    assert request.json == {"model": "author", "messages": MESSAGES, "temperature": 0.5, "max_tokens": 77}
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_without_prices_tokens_are_counted_and_nothing_is_charged() -> None:
    budget = Budget(max_usd=1.0)
    reply, _ = ask([answer("hello")], budget=budget)
    assert reply.usage.cost_usd == 0
    assert (budget.input_tokens, budget.output_tokens, budget.left, budget.exhausted) == (1000, 500, 1.0, False)


def test_tokens_that_are_not_reported_are_estimated() -> None:
    reply, _ = ask([answer("x" * 4000, tokens=None)])
    assert reply.usage.input_tokens > 10
    assert 1000 <= reply.usage.output_tokens < 1200


@pytest.mark.parametrize(
    "response",
    [
        answer("hello", reasoning_content="first, then"),
        answer("hello", reasoning="first, then"),
        answer("<think>first, then</think>\n\nhello"),
        answer("first, then</think>hello"),
    ],
)
def test_reasoning_is_kept_apart_from_the_text(response: Response) -> None:
    reply, _ = ask([response])
    assert (reply.text, reply.reasoning) == ("hello", "first, then")


def test_tags_inside_the_answer_are_its_own() -> None:
    proposal, _ = propose([answer('{"title": "all of <think>", "rows": 3}')])
    assert proposal.title == "all of <think>"


# Retries


@pytest.mark.parametrize(
    "fault",
    [failure(429), failure(500), failure(503), failure(529), cut(), Response(b'{"choices": [{"mess')],
    ids=["429", "500", "503", "529", "cut", "half a body"],
)
def test_a_passing_fault_is_retried(fault: Response) -> None:
    reply, server = ask([fault, fault, answer("hello")])
    assert reply.text == "hello"
    assert reply.usage.requests == len(server.requests) == 3


def test_a_hanging_request_is_given_up_and_retried() -> None:
    reply, server = ask([hang(), answer("hello")], timeout_s=0.3)
    assert reply.text == "hello"
    assert len(server.requests) == 2


def test_retry_after_is_waited_for() -> None:
    began = time.monotonic()
    reply, _ = ask([failure(429, retry_after="1"), answer("hello")])
    assert reply.text == "hello"
    assert time.monotonic() - began >= 1.0
    assert reply.usage.seconds >= 1.0


def test_retry_after_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgym_synth.llm.model.LONGEST_WAIT_S", 0.01)
    reply, _ = ask([failure(429, retry_after="86400"), answer("hello")])
    assert reply.usage.seconds < 5


def test_retry_after_may_be_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert retry_after_s(format_datetime(later, usegmt=True)) == pytest.approx(90, abs=3)
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_s("2.5") == 2.5
    assert [retry_after_s(value) for value in (None, "", "soon", "nan", "inf")] == [None] * 5


def test_a_fault_that_does_not_pass_ends_in_an_error_after_the_last_retry() -> None:
    with LLMServer([failure(429, "slow down")]) as server, pytest.raises(LLMError, match=r"429: .*slow down"):
        run(text_of(chat(server, retries=3)))
    assert len(server.requests) == 4


def test_waits_grow() -> None:
    reply, _ = ask([failure(500)] * 4 + [answer("hello")], backoff_s=0.04)
    assert reply.usage.seconds >= 0.04 * (1 + 2 + 4 + 8) / 2


def test_retries_are_visible_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask([failure(429, f"too many for {KEY}"), answer("hello")])
    assert "retry 1 of 6" in caplog.text
    assert KEY not in caplog.text


def test_no_server_is_an_error_that_names_the_address() -> None:
    with LLMServer([]) as server:
        pass
    with pytest.raises(LLMError, match=r"127\.0\.0\.1.*after 3 requests.*--base-url"):
        run(text_of(chat(server, retries=2)))


# Errors that no retry cures


@pytest.mark.parametrize(
    ("response", "cure"),
    [
        (failure(401, "bad key"), "set OPENAI_API_KEY"),
        (failure(403, "not yours"), "OPENAI_API_KEY"),
        (failure(404, "no such model"), "'author' and --base-url"),
        (failure(400, "context too long"), "context too long"),
        (failure(429, "pay first", code="insufficient_quota"), "pay first"),
    ],
    ids=["401", "403", "404", "400", "quota"],
)
def test_a_lasting_error_is_raised_at_once_and_says_what_to_do(response: Response, cure: str) -> None:
    with LLMServer([response]) as server, pytest.raises(LLMError, match=cure):
        run(text_of(chat(server)))
    assert len(server.requests) == 1


def test_the_key_is_in_no_error_and_no_repr() -> None:
    with LLMServer([failure(401, f"wrong key: {KEY}")]) as server:
        model = chat(server)
        with pytest.raises(LLMError) as caught:
            run(text_of(model))
    assert "wrong key: ***" in str(caught.value)
    assert caught.value.__context__ is None
    assert KEY not in repr(caught.value) + repr(model)


def test_an_endpoint_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert ask([answer("hello")])[0].text == "hello"
    with pytest.raises(LLMError, match="set OPENAI_API_KEY"):
        ChatModel("author")


def test_a_given_key_goes_before_the_environment() -> None:
    _, server = ask([answer("hello")], api_key=" sk-other\n")
    assert server.requests[0].headers["authorization"] == "Bearer sk-other"


@pytest.mark.parametrize("options", [{"base_url": "localhost:8000"}, {"api_key": "sk-\u2026"}])
def test_an_unusable_address_or_key_is_told_before_anything_is_sent(options: dict[str, str]) -> None:
    with pytest.raises(LLMError, match=r"--base-url|OPENAI_API_KEY"):
        ChatModel("author", **{"base_url": "http://127.0.0.1:1/v1", **options})  # type: ignore[arg-type]


def test_the_address_in_errors_has_no_password() -> None:
    assert "secret" not in repr(ChatModel("author", base_url="http://me:secret@127.0.0.1:1/v1"))


def test_an_error_inside_of_a_status_200_is_an_error() -> None:
    wrapped = Response(json.dumps({"error": {"message": "upstream wants money", "code": 402}}).encode())
    with LLMServer([wrapped]) as server, pytest.raises(LLMError, match="402: upstream wants money"):
        run(text_of(chat(server)))


# Options that a model does not take


def test_unsupported_options_are_left_out_for_the_rest_of_the_run() -> None:
    def reasoner(request: dict[str, Any]) -> Response:
        if "max_tokens" in request:
            return failure(400, "Unsupported parameter: 'max_tokens' is not supported, use 'max_completion_tokens'.")
        if "temperature" in request:
            return failure(400, "Unsupported value: 'temperature' does not support 0.2 with this model.")
        return answer("hello")

    async def main() -> None:
        async with chat(server, temperature=0.2, max_tokens=99) as model:
            await model.text(MESSAGES)
            await model.text(MESSAGES)

    with LLMServer(reasoner) as server:
        run(main())
    assert len(server.requests) == 4
    assert server.requests[-1].json == {"model": "author", "messages": MESSAGES, "max_completion_tokens": 99}


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
        (Response(b'{"choices": []}'), "empty"),
    ],
    ids=["length", "refusal", "filter", "null", "blank", "only thought", "huge", "no choice"],
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


# Budget, concurrency, cancelling


def test_no_request_starts_after_the_budget_is_spent() -> None:
    budget = Budget(max_usd=0.01)

    async def main() -> None:
        async with chat(server, budget=budget, prices=Prices(2.0, 10.0)) as model:
            await model.text(MESSAGES)
            assert budget.left == pytest.approx(0.003)
            await model.text(MESSAGES)
            await model.text(MESSAGES)

    with LLMServer([answer("hello")]) as server, pytest.raises(BudgetExhausted, match=r"0\.01 USD"):
        run(main())
    assert len(server.requests) == 2
    assert (budget.left, budget.exhausted, budget.requests) == (0.0, True, 2)


def test_a_budget_without_a_limit_only_counts() -> None:
    budget = Budget()
    budget.spend(Usage(1, 2, 3.0, 0.1, 1))
    assert (budget.spent_usd, budget.left, budget.exhausted) == (3.0, float("inf"), False)


def test_requests_at_a_time_are_bounded() -> None:
    async def main() -> list[Reply]:
        async with chat(server, concurrency=3) as model:
            return await asyncio.gather(*(model.text(MESSAGES) for _ in range(12)))

    with LLMServer(lambda _: Response(answer("hello").body, delay_s=0.05)) as server:
        assert len(run(main())) == 12
    assert server.peak == 3


def test_a_cancelled_run_closes_without_a_word() -> None:
    """As after Ctrl-C; in a process of its own, because what is wrong shows when the interpreter ends."""
    program = f"""
import asyncio, os, signal, threading
from mlgym_synth.llm.model import ChatModel
from tests.llm_server import LLMServer, hang

async def main(server):
    async with ChatModel("author", base_url=server.url, api_key="{KEY}", concurrency=2) as model:
        await asyncio.gather(*(model.text([{{"role": "user", "content": "?"}}]) for _ in range(5)))

def interrupt(server):
    while len(server.requests) < 2:
        server.closing.wait(0.01)
    os.kill(os.getpid(), signal.SIGINT)

with LLMServer([hang()]) as server:
    threading.Thread(target=interrupt, args=(server,)).start()
    try:
        asyncio.run(main(server))
    except KeyboardInterrupt:
        print("interrupted")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("interrupted\n", "", 0)


def test_the_client_is_imported_where_it_is_used() -> None:
    program = "import sys, mlgym_synth.llm.model; print('openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


def test_a_model_can_be_used_again_after_it_was_closed() -> None:
    with LLMServer([answer("hello")]) as server:
        model = chat(server)
        assert [run(text_of(model)).text for _ in range(2)] == ["hello", "hello"]


# Prompts and code


def test_a_prompt_is_known_by_its_content() -> None:
    swapped = [dict(reversed(message.items())) for message in MESSAGES]
    assert prompt_sha256(MESSAGES) == prompt_sha256(swapped)
    assert prompt_sha256(MESSAGES) != prompt_sha256(MESSAGES[:1])
    assert len(prompt_sha256([])) == 64


@pytest.mark.parametrize(
    "text",
    [
        "```python baseline.py\nx = 1\n```",
        "```baseline.py\nx = 1\n```",
        "```python:baseline.py\nx = 1\n```",
        '```python title="baseline.py"\nx = 1\n```',
        "```python\n# file: baseline.py\nx = 1\n```",
        "```python\n# baseline.py\nx = 1\n```",
        "**baseline.py**\n\n```python\nx = 1\n```",
        "### baseline.py\n```python\nx = 1\n```",
        "### 1. `baseline.py`:\n```python\nx = 1\n```",
        "File: baseline.py\n~~~~\nx = 1\n~~~~",
        "<think>```</think>Here:\r\n\r\n```python baseline.py\r\nx = 1\r\n```\r\n",
        "- item\n\n  **./baseline.py**\n  ```python\n  x = 1\n  ```",
        "```bash\npython baseline.py\n```\n```python baseline.py\nx = 1\n```",
    ],
)
def test_a_file_is_named_in_any_of_the_usual_ways(text: str) -> None:
    assert extract_code(text) == {"baseline.py": "x = 1\n"}


def test_several_files_and_blocks_inside_of_blocks() -> None:
    readme = "# Wine\n```bash\npython baseline.py\n```\nGood luck.\n"
    text = f"```markdown README.md\n{readme}```\ntext\n```yaml src/task.yaml\na: 1\n```\n"
    assert extract_code(text) == {"README.md": readme, "src/task.yaml": "a: 1\n"}


def test_a_single_block_needs_no_name() -> None:
    assert extract_code("So:\n```python\nx = 1\n\n\ny = 2\n```\nDone.") == {"": "x = 1\n\n\ny = 2\n"}


def test_blocks_without_names_are_what_was_asked_for_when_their_number_fits() -> None:
    asked = ("task.json", "baseline.py")
    nameless = "```json\n{}\n```\nand\n```python\nx = 1\n```"
    assert extract_code(nameless, asked) == {"task.json": "{}\n", "baseline.py": "x = 1\n"}
    assert extract_code("```json\n{}\n```\n```python baseline.py\nx = 1\n```", asked) == {
        "baseline.py": "x = 1\n",
        "task.json": "{}\n",
    }
    with pytest.raises(Refused, match="without file names"):
        extract_code(nameless, (*asked, "solution.py"))
    with pytest.raises(Refused, match="leaves the folder"):
        extract_code("```python ../baseline.py\nx = 1\n```\n```json\n{}\n```", asked)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no code", "no code block"),
        ("```python\nx = 1\n", "truncated"),
        ("```python a.py\nx = 1\n```\n```python b.py\nx = ", "truncated"),
        ("```\na\n```\n```\nb\n```", "several code blocks without file names"),
        ("```python ../a.py\nx = 1\n```", "leaves the folder"),
        ("```python /tmp/a.py\nx = 1\n```", "leaves the folder"),
    ],
)
def test_code_that_cannot_be_taken_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        extract_code(text)


@pytest.mark.parametrize("unit", ["{ ", '{"', "[{", "```\n", "<think></think>", "</think>", '{"a":', "a/", "`"])
def test_reading_is_linear_in_the_text(unit: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refused):
        extract_code(unit * (2_000_000 // len(unit)))
    with pytest.raises(Refused):
        propose([answer(unit * (1_500_000 // len(unit) // 2))])
    assert time.monotonic() - began < 10
