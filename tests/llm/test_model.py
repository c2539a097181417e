"""The chat model against a real endpoint, with the real client, through every fault an endpoint has."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from mlgym_synth.errors import LLMError, ModelNotConfigured
from mlgym_synth.llm.model import (
    Budget,
    BudgetExhausted,
    ChatModel,
    Prices,
    Reply,
    Usage,
)
from mlgym_synth.llm.replies import retry_after_s
from tests.llm.asking import KEY, MESSAGES, ask, chat, propose, run, text_of
from tests.llm_server import LLMServer, Response, answer, cut, failure, hang

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
    [
        *(failure(429), failure(500), failure(503), failure(529), cut()),
        *(Response(b'{"choices": [{"mess'), Response(b'{"choices": []}')),
    ],
    ids=["429", "500", "503", "529", "cut", "half a body", "no choice"],
)
def test_a_passing_fault_is_retried(fault: Response) -> None:
    reply, server = ask([fault, fault, answer("hello")])
    assert reply.text == "hello"
    assert reply.usage.requests == len(server.requests) == 3


@pytest.mark.parametrize(
    "fault",
    [
        replace(failure(503), cut_after=20),
        replace(failure(429), cut_after=0),
        replace(failure(502), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["cut", "no body", "no gzip"],
)
def test_an_error_that_cannot_be_read_is_retried(fault: Response) -> None:
    reply, _ = ask([fault, fault, answer("hello")])
    assert (reply.text, reply.usage.requests) == ("hello", 3)
    with LLMServer([fault]) as server, pytest.raises(LLMError, match=r"no readable answer \(\w+Error\).*--base-url"):
        run(text_of(chat(server, retries=1)))


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


def test_only_our_own_waits_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that says when it will answer does not answer before: retries until then are lost."""
    monkeypatch.setattr("mlgym_synth.llm.model.LONGEST_WAIT_S", 0.2)
    reply, server = ask([failure(429, retry_after="1.5"), answer("hello")])
    assert reply.usage.seconds >= 1.5
    assert len(server.requests) == 2
    reply, _ = ask([failure(500), answer("hello")], backoff_s=60.0)
    assert 0.2 <= reply.usage.seconds < 30


def test_a_wait_that_no_retry_outlasts_is_told_at_once() -> None:
    with LLMServer([failure(429, retry_after="86400")]) as server, pytest.raises(LLMError) as caught:
        run(text_of(chat(server)))
    assert "it asks to wait for 1 day, 0:00:00; go on then" in str(caught.value)
    assert len(server.requests) == 1


def test_retry_after_may_be_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert retry_after_s(format_datetime(later, usegmt=True)) == pytest.approx(90, abs=3)
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_s("2.5") == 2.5
    assert [retry_after_s(value) for value in (None, "", "soon", "nan", "inf")] == [None] * 5


def test_a_fault_that_does_not_pass_ends_in_an_error_after_the_last_retry() -> None:
    told = r"429: .*slow down.*lower --model-calls"
    with LLMServer([failure(429, "slow down")]) as server, pytest.raises(LLMError, match=told):
        run(text_of(chat(server, retries=3)))
    assert len(server.requests) == 4


def test_waits_grow() -> None:
    reply, _ = ask([failure(500)] * 4 + [answer("hello")], backoff_s=0.04)
    assert reply.usage.seconds >= 0.04 * (1 + 2 + 4 + 8) / 2


def test_waits_grow_where_the_endpoint_asks_for_none(caplog: pytest.LogCaptureFixture) -> None:
    ask([failure(429, retry_after="0")] * 3 + [answer("hello")], backoff_s=0.1)
    waits = [float(found) for found in re.findall(r"retry \d of 6 in ([\d.]+) s", caplog.text)]
    assert len(waits) == 3
    assert waits[-1] >= 0.1 * 4 / 2


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
        (failure(400, "no such field"), "no such field"),
        (failure(400, "prompt is too long"), r"lower --max-tokens \(.* new --out\), or serve it with a longer"),
        (failure(429, "pay first", code="insufficient_quota"), "pay first"),
    ],
    ids=["401", "403", "404", "400", "context", "quota"],
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
    with pytest.raises(ModelNotConfigured, match="set OPENAI_API_KEY"):
        ChatModel("author")


def test_a_given_key_goes_before_the_environment() -> None:
    _, server = ask([answer("hello")], api_key=" sk-other\n")
    assert server.requests[0].headers["authorization"] == "Bearer sk-other"


@pytest.mark.parametrize("options", [{"base_url": "localhost:8000"}, {"api_key": "sk-\u2026"}])
def test_an_unusable_address_or_key_is_told_before_anything_is_sent(options: dict[str, str]) -> None:
    with pytest.raises(ModelNotConfigured, match=r"--base-url|OPENAI_API_KEY"):
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
