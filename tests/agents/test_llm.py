"""A model that plays, over real HTTP and in real sandboxes, through whatever endpoints and models do."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import LLMAgent, ModelSettings
from mlgym_synth.agents.scripted import bash, tool
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import ContextLengthExceeded
from mlgym_synth.llm.budget import Prices
from mlgym_synth.rollouts.episode import play
from mlgym_synth.tools import openai_schemas
from mlgym_synth.trajectories import Trajectory, to_dict
from tests.agents.playing import KEY, RUN, SUBMIT, TASK
from tests.llm_server import LLMServer, Response, Script, answer, call, cut, failure, hang, huge

RUN_TEXT = answer("First the baseline.\n\n```bash\npython baseline.py\n```")
SUBMIT_TEXT = answer("Good enough.\n\n```\nsubmit\n```")


@pytest.fixture
def env() -> Iterator[SynthEnv]:
    env = SynthEnv(registry.find(TASK).folder, sandbox="bwrap", max_steps=5)
    yield env
    env.close()


def played(env: SynthEnv, script: Script, seed: int = 3, **settings: Any) -> tuple[Trajectory, LLMServer]:
    """One episode with an endpoint that has this script."""
    with LLMServer(script) as server:
        agent = LLMAgent("player", ModelSettings(base_url=server.url, **{"timeout_s": 20.0, "retries": 2, **settings}))
        return play(env, agent, seed), server


def messages(server: LLMServer, place: int = -1) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = server.requests[place].json["messages"]
    return sent


# How it is played


def test_an_episode_by_calls_of_functions(env: SynthEnv) -> None:
    trajectory, server = played(env, [RUN, call(("validate", "")), SUBMIT], prices=Prices(2.0, 10.0))
    assert (trajectory.status, trajectory.agent, trajectory.error) == ("submitted", "openai:player", None)
    assert trajectory.total_reward == pytest.approx(0.5, abs=0.05)
    assert [step.action for step in trajectory.steps] == [bash("python baseline.py"), tool("validate"), tool("submit")]
    assert trajectory.steps[0].said.thought == "First the baseline."
    assert trajectory.steps[0].said.response == ""
    system, statement, said, observed, *_ = messages(server)
    assert (system["role"], statement) == ("system", {"role": "user", "content": trajectory.statement})
    assert said["content"] == "First the baseline."
    assert observed["tool_call_id"] == said["tool_calls"][0]["id"]
    assert observed["content"] == trajectory.steps[0].observation
    asked = server.requests[0].json
    assert (asked["tools"], asked["model"]) == (openai_schemas(), "player")
    assert [request.json["seed"] for request in server.requests] == [3, 4, 5]  # one for all would draw alike each time


def test_an_episode_in_text(env: SynthEnv) -> None:
    trajectory, server = played(env, [RUN_TEXT, answer("```\nvalidate\n```"), SUBMIT_TEXT], mode="text")
    assert trajectory.status == "submitted"
    assert trajectory.total_reward == pytest.approx(0.5, abs=0.05)
    assert [step.action for step in trajectory.steps] == [bash("python baseline.py"), tool("validate"), tool("submit")]
    first = trajectory.steps[0].said
    assert first.thought == "First the baseline."
    assert first.response == "First the baseline.\n\n```bash\npython baseline.py\n```"
    assert messages(server)[2:4] == [
        {"role": "assistant", "content": first.response},
        {"role": "user", "content": trajectory.steps[0].observation},
    ]
    assert all("tools" not in request.json for request in server.requests)
    assert "exactly one fenced block" in messages(server)[0]["content"]


def test_what_it_took_is_counted_for_every_step(env: SynthEnv) -> None:
    trajectory, _ = played(env, [RUN, SUBMIT], prices=Prices(2.0, 10.0))
    usage = trajectory.usage
    assert (usage.calls, usage.tokens_sent, usage.tokens_received) == (2, 2000, 1000)
    assert usage.cost_usd == pytest.approx(2 * (0.002 + 0.005))
    assert [step.usage.tokens_sent for step in trajectory.steps] == [1000, 1000]
    assert all(step.latency_s > 0 for step in trajectory.steps)


def test_reasoning_is_kept_apart_and_out_of_the_context(env: SynthEnv) -> None:
    beside = call(("bash", {"command": "python baseline.py"}), content="Run it.", reasoning_content="secret plan A")
    inside = answer("<think>secret plan B</think>\n```bash\nls\n```")
    trajectory, server = played(env, [beside, inside, SUBMIT])
    assert [step.said.reasoning for step in trajectory.steps] == ["secret plan A", "secret plan B", ""]
    assert [step.said.thought for step in trajectory.steps] == ["Run it.", "", ""]
    assert "secret plan" not in json.dumps([request.json for request in server.requests])


def test_log_probabilities_and_token_ids_are_kept(env: SynthEnv) -> None:
    choice = {"logprobs": {"content": [{"token": "a", "logprob": -0.5}]}, "token_ids": [7]}
    trajectory, server = played(env, [call(("submit", {}), choice=choice)], logprobs=True)
    assert (trajectory.steps[0].said.logprobs, trajectory.steps[0].said.token_ids) == ([-0.5], [7])
    assert json.loads(json.dumps(to_dict(trajectory)))["steps"][0]["said"]["token_ids"] == [7]
    assert server.requests[0].json["logprobs"] is True


# Functions or text


def without_functions(request: dict[str, Any]) -> Response:
    """An endpoint that takes no `tools`; the model plays the baseline in text."""
    if "tools" in request:
        return failure(400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set')
    return RUN_TEXT if len(request["messages"]) == 2 else SUBMIT_TEXT


def test_an_endpoint_without_functions_is_played_in_text_from_then_on(env: SynthEnv) -> None:
    with LLMServer(without_functions) as server:
        settings = ModelSettings(base_url=server.url)
        for _ in range(2):
            assert play(env, LLMAgent("player", settings), seed=0).status == "submitted"
    assert ["tools" in request.json for request in server.requests] == [True, False, False, False, False]


def test_functions_that_were_insisted_on_and_are_refused_are_the_models_failure(env: SynthEnv) -> None:
    trajectory, _ = played(env, without_functions, mode="tools")
    assert (trajectory.fault, trajectory.exit_status, trajectory.steps) == ("model", None, [])
    assert "ToolsUnsupported" in str(trajectory.error)


def test_an_endpoint_that_ignores_functions_is_understood_and_then_asked_for_text(env: SynthEnv) -> None:
    """As a server without a parser does, which leaves the model's calls in the text."""
    left = '<tool_call>\n{"name": "bash", "arguments": {"command": "python baseline.py"}}\n</tool_call>'
    trajectory, server = played(env, [answer(left), answer("It has run."), SUBMIT_TEXT])
    assert trajectory.status == "submitted"
    assert trajectory.steps[0].action == bash("python baseline.py")
    assert trajectory.steps[0].said.response == left
    assert "the answer calls no tool" in trajectory.steps[1].observation
    assert ["tools" in request.json for request in server.requests] == [True, True, False]


def test_a_model_that_does_call_functions_is_never_asked_for_text(env: SynthEnv) -> None:
    trajectory, server = played(env, [RUN, answer("Hm."), answer("Hm."), answer("Hm."), SUBMIT])
    assert trajectory.status == "submitted"
    assert all("tools" in request.json for request in server.requests)


# What goes wrong


def test_faults_that_pass_are_waited_out(env: SynthEnv) -> None:
    script = [failure(429, retry_after="1"), RUN, failure(500), cut(), call(("validate", {})), hang(), SUBMIT]
    trajectory, server = played(env, script, timeout_s=1.0)
    assert (trajectory.status, trajectory.error) == ("submitted", None)
    assert len(server.requests) == 7
    assert trajectory.usage.calls == 3


def test_a_call_that_the_endpoint_could_not_read_costs_a_step(env: SynthEnv) -> None:
    unread = failure(500, "error parsing tool call: raw='{', err=unexpected end of JSON input")
    trajectory, server = played(env, [unread, unread, RUN, SUBMIT])
    assert (trajectory.status, len(trajectory.steps), trajectory.usage.calls) == ("submitted", 4, 4)
    assert "the endpoint could not read the call" in trajectory.steps[1].observation
    assert trajectory.steps[1].said.response == "", "what the endpoint says is nothing that a model said"
    assert all("tools" in request.json for request in server.requests)


def test_an_endpoint_that_failed_for_good_is_the_models_failure(env: SynthEnv) -> None:
    trajectory, _ = played(env, [RUN, failure(503, "overloaded")])
    assert (trajectory.fault, trajectory.status, len(trajectory.steps)) == ("model", "model_failed", 1)
    assert "overloaded" in str(trajectory.error)
    assert trajectory.void


def test_a_budget_that_is_spent_is_no_failure_of_the_agent(env: SynthEnv) -> None:
    trajectory, server = played(env, [RUN], prices=Prices(1.0, 1.0), max_cost_usd=0.002)
    assert (trajectory.fault, len(trajectory.steps), len(server.requests)) == ("model", 2, 2)
    assert "BudgetExhausted" in str(trajectory.error)


SLOPPY = [
    (answer("I would look at the files."), "the answer calls no tool"),
    (call(("bash", "{'command': 'ls'}")), "arguments are not JSON"),
    (call(("bash", "[" * 100_000)), "arguments are not JSON"),
    (call(("bash", "[1]")), "arguments are list, not a mapping"),
    (call(("bash", {"cmd": "ls"})), "unknown argument 'cmd'"),
    (call(("python", {"code": "1"})), "there is no tool 'python'"),
    (call(("", "")), "there is no tool ''"),
    (call(("bash", '{"comm'), finish_reason="length"), "truncated at 500 tokens"),
    (answer(""), "empty"),
    (answer(None, refusal="I cannot help with that."), "refused"),
    (huge(5.0), "answer of 5.0 MB"),
]
SLOPPY_TEXT = [
    (answer("I would look at the files."), "no fenced block with a command. Write a sentence, and below it a block"),
    (answer("```python\nx = 1\n```"), "a block of python is no command"),
    (answer("```bash\nls"), "a code block does not end"),
    (answer('```json\n{"tool": "bash",\n```'), "cannot be read"),
    (answer('```json\n{"tool": "python", "arguments": {}}\n```'), "there is no tool 'python'"),
    (answer("la " * 9000 + "```bash\nls\n", finish_reason="length"), "truncated at 500 tokens"),
]


@pytest.mark.parametrize(("mode", "sloppy", "ending"), [("tools", SLOPPY, SUBMIT), ("text", SLOPPY_TEXT, SUBMIT_TEXT)])
def test_an_answer_that_is_no_action_costs_a_step_and_the_model_reads_why(
    mode: str, sloppy: list[tuple[Response, str]], ending: Response
) -> None:
    env = SynthEnv(registry.find(TASK).folder, sandbox="bwrap")
    trajectory, server = played(env, [*(one for bad, _ in sloppy for one in (bad, RUN)), ending], mode=mode)
    env.close()
    assert (trajectory.status, trajectory.error) == ("submitted", None)
    assert len(trajectory.steps) == 2 * len(sloppy) + 1
    for step, (_, reason), said, read in zip(
        trajectory.steps[::2], sloppy, messages(server)[2::4], messages(server)[3::4], strict=False
    ):
        assert step.tool is None
        assert step.observation.startswith("This action was not run")
        assert reason in step.observation
        assert read["content"] == step.observation
        assert said["content"] or said["tool_calls"]
        assert len(json.dumps(said)) < 5000
        for made in said.get("tool_calls", ()):
            assert isinstance(json.loads(made["function"]["arguments"]), dict)
            assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", made["function"]["name"])


def does_as_it_has_done(request: dict[str, Any]) -> Response:
    """A weak model: it says again what it has said, else it does what it has read last."""
    said = [message["content"] for message in request["messages"] if message["role"] == "assistant"]
    if said:
        return SUBMIT_TEXT if "```bash" in said[-1] else answer(said[-1])
    examples = re.findall(r"```bash\n.*?\n```", request["messages"][-1]["content"], re.S)
    return answer(f"As told.\n\n{examples[-1]}" if examples else "I would look at the files first.")


def test_a_model_that_misses_again_no_longer_reads_its_own_words(env: SynthEnv) -> None:
    trajectory, server = played(env, does_as_it_has_done, mode="text")
    assert [step.tool for step in trajectory.steps] == [None, None, "bash", "submit"]
    assert [message["role"] for message in messages(server, 1)] == ["system", "user", "assistant", "user"]
    _, told = messages(server, 2)
    assert told["content"].startswith(
        f"{trajectory.statement}\n\n[2 answers in a row held no action.]\nThis action was"
    )
    assert re.search(r"python baseline\.py\n```\n\[step 2 of 5\]$", told["content"]), "what is read last is done"
    assert [message["role"] for message in messages(server, 3)] == ["system", "user", "assistant", "user"]


def test_of_several_calls_the_first_is_run_and_the_model_is_told(env: SynthEnv) -> None:
    several = call(("bash", {"command": "python baseline.py"}), ("validate", {}), ("submit", {}))
    trajectory, server = played(env, [several, SUBMIT])
    assert [step.tool for step in trajectory.steps] == ["bash", "submit"]
    assert len(messages(server)[2]["tool_calls"]) == 1
    note, _, observation = messages(server)[3]["content"].partition("\n")
    assert "Only the first of 3 calls was run" in note
    assert observation == trajectory.steps[0].observation


def test_a_command_that_is_whole_is_run_though_the_answer_is_cut_off(env: SynthEnv) -> None:
    talkative = answer(
        "Run it.\n```bash\npython baseline.py\n```\nThen I would\n```bash\npython", finish_reason="length"
    )
    trajectory, server = played(env, [talkative, SUBMIT_TEXT], mode="text")
    assert [step.tool for step in trajectory.steps] == ["bash", "submit"]
    assert messages(server)[2]["content"] == "Run it.\n```bash\npython baseline.py\n```"
    assert "Only the first block was run" in messages(server)[3]["content"]


@pytest.mark.parametrize("mode", ["auto", "tools", "text"])
@pytest.mark.parametrize("nonsense", [answer("la " * 400), call(("sing", "la")), huge(3.0)], ids=["la", "sing", "huge"])
def test_nonsense_for_ever_ends_with_the_budget(env: SynthEnv, mode: str, nonsense: Response) -> None:
    trajectory, _ = played(env, [nonsense], mode=mode)
    assert (trajectory.status, trajectory.error, len(trajectory.steps)) == ("no_submission", None, 5)
    assert trajectory.total_reward == 0


# Long conversations


def counting(context: int, reply: Callable[[int], Response]) -> tuple[Script, list[int]]:
    """An endpoint whose model has a context of so many tokens, of three characters each; and what it took."""
    taken: list[int] = []

    def script(request: dict[str, Any]) -> Response:
        told = [request["messages"], request.get("tools", [])]
        tokens = len(json.dumps(told)) // 3
        if tokens > context:
            return failure(400, f"This model's maximum context length is {context} tokens. You requested {tokens}.")
        taken.append(tokens)
        response = reply(len(taken))
        completion = json.loads(response.body)
        completion["usage"] = {"prompt_tokens": tokens, "completion_tokens": 10}
        return Response(json.dumps(completion).encode())

    return script, taken


def converse(agent: LLMAgent, statement: str, steps: int) -> list[Any]:
    agent.start(statement, openai_schemas(), 0)
    observations = (f"output {step}\n" + "some line\n" * (20 + 50 * (step % 7)) for step in range(steps))
    return [agent.act(statement), *map(agent.act, observations)]


@pytest.mark.parametrize("mode", ["tools", "text"])
def test_a_long_conversation_stays_inside_the_context_and_keeps_the_statement(mode: str) -> None:
    reply = call(("bash", {"command": "ls " * 50})) if mode == "tools" else answer("```bash\n" + "ls " * 50 + "\n```")
    script, taken = counting(100_000, lambda _: reply)
    statement = "Predict the wage. " * 50
    with LLMServer(script) as server:
        agent = LLMAgent("player", ModelSettings(base_url=server.url, context_tokens=6000, mode=mode))  # type: ignore[arg-type]
        actions = converse(agent, statement, 40)
    assert len(set(map(str, actions))) == 1
    assert 4000 < max(taken[1:]) <= 6000 * 1.1  # what is estimated is a few per cent off
    assert all(messages(server, place)[1]["content"].startswith(statement) for place in range(41))
    assert messages(server)[-1]["content"].startswith("output 39\n")


def test_a_context_that_is_smaller_than_was_said_is_found_out() -> None:
    script, taken = counting(5000, lambda _: call(("bash", {"command": "ls"})))
    with LLMServer(script) as server:
        agent = LLMAgent("player", ModelSettings(base_url=server.url))
        assert len(converse(agent, "Predict the wage.", 40)) == 41
    assert max(taken) <= 5000
    assert len(server.requests) - len(taken) < 8
    assert agent.usage.calls == 41
    assert messages(server)[1]["content"].startswith("Predict the wage.")


def test_a_statement_that_is_too_long_for_the_model_is_the_models_failure() -> None:
    script, _ = counting(2000, lambda _: SUBMIT)
    with LLMServer(script) as server:
        agent = LLMAgent("player", ModelSettings(base_url=server.url))
        agent.start("Predict the wage. " * 1000, openai_schemas(), 0)
        with pytest.raises(ContextLengthExceeded, match="maximum context length is 2000"):
            agent.act("")
    assert len(server.requests) == 1


# What is not told


def test_the_key_is_nowhere(env: SynthEnv, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG, "mlgym_synth"),
        LLMServer([failure(500, f"no {KEY}"), RUN, failure(401, KEY)]) as server,
    ):
        agent = LLMAgent("player", ModelSettings(base_url=server.url))
        trajectory = play(env, agent, seed=0)
    assert trajectory.fault == "model"
    assert len(trajectory.steps) == 1
    assert "***" in str(trajectory.error)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "retry 1" in caplog.text
    for told in (json.dumps(to_dict(trajectory)), caplog.text, agent.fingerprint, repr(ModelSettings())):
        assert KEY not in told


def test_the_fingerprint_is_of_what_shapes_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprint(model: str = "player", **settings: Any) -> str:
        return LLMAgent(model, ModelSettings(**{"base_url": "http://127.0.0.1:1/v1", **settings})).fingerprint

    same = fingerprint()
    assert len(same) == 64
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    assert fingerprint(base_url="http://127.0.0.1:2/v1", timeout_s=5, concurrency=1, prices=Prices(1.0, 1.0)) == same
    others = [
        fingerprint("other"),
        fingerprint(temperature=0.0),
        fingerprint(mode="text"),
        fingerprint(context_tokens=9000),
    ]
    assert len({same, *others}) == 5
