"""How a run is driven: it waits without working, what is paid for is kept, and no candidate stands in another's way."""

from __future__ import annotations

import asyncio
import json
import re
import selectors
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth import registry
from mlgym_synth.errors import BudgetExhausted
from mlgym_synth.folder import load_task
from mlgym_synth.gates.datasets import split_of
from mlgym_synth.gates.kept import judge_of, known
from mlgym_synth.llm.model import Budget, ChatModel, Prices, prompt_sha256
from mlgym_synth.synthesis.collection import Collection
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.examine import Examined
from mlgym_synth.synthesis.grounding import PackagedCatalogue
from mlgym_synth.synthesis.ledger import FOLDER, Ledger, LedgerInUse, Settled, Step, accounts
from mlgym_synth.synthesis.llm_author import LLMAuthor
from mlgym_synth.synthesis.pipeline import Progress, Settings, Synthesis
from mlgym_synth.synthesis.pool import in_pool
from mlgym_synth.synthesis.topics import topic
from tests.llm_server import LLMServer, Response, answer, failure, hang
from tests.synthesis.teaching import GROUNDED, PROPOSAL, files, written

SETTINGS = {"author": "llm"}
PACKAGED = json.dumps({**PROPOSAL, "datasets": ["ISLR/Wage"]})


async def synthesize(
    out: Path, server: LLMServer, budget: Budget | None = None, concurrency: int = 8, **settings: Any
) -> Progress:
    """A run for one task, mostly with two candidates at once; none of these comes as far as an examination."""
    model = ChatModel(
        "teacher",
        base_url=server.url,
        api_key="k",
        prices=Prices(1, 1),
        budget=budget,
        concurrency=concurrency,
        retries=2,
        backoff_s=0.01,
    )
    author = LLMAuthor(model, PackagedCatalogue(), seed=0)
    with Ledger(out, SETTINGS) as ledger, ThreadPoolExecutor(1) as pool:
        run = Synthesis(author, ledger, Collection(out, "bwrap"), pool, Settings(tasks=1, **{"at_once": 2, **settings}))
        try:
            return await run.run()
        finally:
            await author.close()


def prompt_of(request: dict[str, Any]) -> str:
    text: str = request["messages"][-1]["content"]
    return text


def is_of_first(request: dict[str, Any]) -> bool:
    """Whether the proposal of candidate 0 is asked for."""
    return f"Field: {topic(0, 0)[0]}\n" in prompt_of(request)


class CountingSelector(selectors.DefaultSelector):
    """Counts how often the event loop goes round."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.rounds += 1
        return super().select(timeout)


def test_a_run_that_waits_for_one_candidate_does_nothing(tmp_path: Path) -> None:
    def respond(request: dict[str, Any]) -> Response:
        return replace(answer("no"), delay_s=3 if is_of_first(request) else 0)

    selector = CountingSelector()
    with (
        LLMServer(respond) as server,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner,
    ):
        assert runner.run(synthesize(tmp_path, server, max_attempts=1, most=3)).rejected == {"proposal": 3}
    assert selector.rounds < 1000  # a loop that asks again and again goes round tens of thousands of times


def everything_asked_is_kept(out: Path, server: LLMServer) -> bool:
    steps = accounts(out)[0].steps
    asked = {prompt_sha256(request.json["messages"]) for request in server.requests}
    return asked == {step.prompt_sha256 for step in steps if step.prompt_sha256}


def test_an_answer_under_way_is_kept_when_the_budget_is_spent(tmp_path: Path) -> None:
    def respond(request: dict[str, Any]) -> Response:
        return replace(answer(PACKAGED, tokens=(1_000_000, 0)), delay_s=0.2 if is_of_first(request) else 1.5)

    budget = Budget(0.5)
    with LLMServer(respond) as server:
        with pytest.raises(BudgetExhausted):
            asyncio.run(synthesize(tmp_path, server, budget))
        assert len(server.requests) == 2
        assert everything_asked_is_kept(tmp_path, server)
    assert budget.spent_usd == 2
    (account,) = accounts(tmp_path)
    assert sum(step.cost_usd for step in account.steps) == 2
    assert account.candidates == []


def registered_before(out: Path) -> None:
    """All of candidate 0 but its proposal is in the ledger, and passed."""
    entry = next(entry for entry in registry.select() if entry.family == "combinatorial-optimisation")
    made = {
        path.relative_to(entry.folder).as_posix(): path.read_text()
        for path in entry.folder.rglob("*")
        if path.is_file()
    }
    with Ledger(out, SETTINGS) as ledger:
        ledger.add(Step(0, "grounding", 0, True, result=json.dumps(asdict(GROUNDED))))
        ledger.add(Step(0, "writing", 0, True, result=Draft.of(made).dumps()))
        ledger.add(Step(0, "execution", 0, True, result=Examined("passed", "", made, [], 1, 1).dumps()))


@pytest.mark.parametrize(
    ("at_once", "concurrency", "asked"), [(2, 8, {2}), (6, 2, {2, 3, 4, 5})], ids=["under way", "in a queue"]
)
def test_when_the_last_task_is_there_answers_under_way_are_kept_and_nothing_more_is_asked(
    at_once: int, concurrency: int, asked: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLGYM_SYNTH_CACHE", str(tmp_path / "cache"))

    def respond(request: dict[str, Any]) -> Response:
        return replace(answer(PACKAGED), delay_s=0.2 if is_of_first(request) else 4)

    out = tmp_path / "out"
    registered_before(out)
    with LLMServer(respond) as server:
        assert asyncio.run(synthesize(out, server, at_once=at_once, concurrency=concurrency)).registered == 1
        assert len(server.requests) in asked
        assert everything_asked_is_kept(out, server)


def test_a_verdict_of_other_code_or_another_backend_is_not_kept(tmp_path: Path) -> None:
    folder = registry.find("task-0018").folder
    made = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    collection = Collection(tmp_path, "bwrap")
    for judge in ("of before", judge_of(load_task(folder).spec, "bwrap")):
        task_id = collection.next_id()
        added = collection.add(task_id, Examined("passed", "", made, [], 1, 1, judge))
        assert (known(added, "bwrap") is not None) == (judge != "of before")


def test_a_program_that_is_held_out_is_no_train_task_with_other_instances(tmp_path: Path) -> None:
    entry = registry.find("task-0766")
    assert entry.split == "heldout"
    made = {
        path.relative_to(entry.folder).as_posix(): path.read_text()
        for path in entry.folder.rglob("*")
        if path.is_file()
    }
    made["task.yaml"] = made["task.yaml"].replace("id: task-0766", "id: candidate-00000")
    collection, seen = Collection(tmp_path, "bwrap"), set()
    for seed in range(60):
        files = made | {"task.yaml": re.sub(r"(?m)^  seed: 737965123$", f"  seed: {seed}", made["task.yaml"])}
        split, why = split_of(collection.dataset_of(files)), collection.copy_in(files)
        assert why == ("its statement is 100% that of task-0766." if split == "train" else None)
        seen.add(split)
    assert seen == {"train", "heldout"}


def test_an_id_that_another_run_has_decided_on_is_not_given_again(tmp_path: Path) -> None:
    with Ledger(tmp_path, {**SETTINGS, "seed": 9}) as ledger:
        ledger.settle(Settled(0, "own-0005", "ranking", "Horses", "races", "registered", ""))
    assert Collection(tmp_path, "bwrap").next_id() == "own-0006"


def test_a_prompt_that_a_filter_refuses_is_the_fault_of_one_candidate(tmp_path: Path) -> None:
    def respond(request: dict[str, Any]) -> Response:
        return failure(400, "The prompt was filtered.", code="content_filter")

    with LLMServer(respond) as server:
        assert asyncio.run(synthesize(tmp_path, server, most=2)).rejected == {"proposal": 2}
    assert all("refuses the prompt" in one.reason for one in accounts(tmp_path)[0].candidates)


def test_a_run_that_is_called_off_waits_for_no_answer(tmp_path: Path) -> None:
    began = time.monotonic()
    with LLMServer([hang()]) as server, pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(synthesize(tmp_path, server), 1))
    assert time.monotonic() - began < 10


def test_a_prompt_that_is_too_long_is_the_fault_of_one_candidate(tmp_path: Path) -> None:
    def respond(request: dict[str, Any]) -> Response:
        if "Propose one task" in prompt_of(request):
            return answer(PACKAGED)
        return failure(400, "This model's maximum context length is 8192 tokens.", code="context_length_exceeded")

    with LLMServer(respond) as server:
        assert asyncio.run(synthesize(tmp_path, server, most=2)).rejected == {"writing": 2}
    assert all("longer than the model's context" in one.reason for one in accounts(tmp_path)[0].candidates)


def test_an_unusable_answer_does_not_hide_why_the_draft_failed(tmp_path: Path) -> None:
    with Ledger(tmp_path, SETTINGS) as ledger:
        failed = Examined("gate 5", "the baseline is no better than a constant", {}, [], 1, 1)
        for stage, result in (
            ("proposal", json.dumps(asdict(GROUNDED))),
            ("grounding", json.dumps(asdict(GROUNDED))),
            ("writing", written(files()).dumps()),
            ("execution", failed.dumps()),
        ):
            ledger.add(Step(0, stage, 0, True, result=result))
    with LLMServer([answer("I would rather talk about the weather.")]) as server:
        asyncio.run(synthesize(tmp_path, server, most=1, p_debug=1))
        first, second = (prompt_of(request.json) for request in server.requests)
    assert failed.reason in first
    assert failed.reason in second
    assert "no code block" in second
    (settled,) = accounts(tmp_path)[0].candidates
    assert settled.stage == "gate 5"
    assert settled.reason.startswith(failed.reason)


def test_two_runs_do_not_write_to_one_collection(tmp_path: Path) -> None:
    with Ledger(tmp_path, SETTINGS) as ledger:
        with pytest.raises(LedgerInUse, match="another run is writing here"):
            Ledger(tmp_path, {"author": "template"})
        assert [folder.name for folder in (tmp_path / FOLDER).glob("*/")] == [ledger.folder.name]
    Ledger(tmp_path, {"author": "template"}).close()


def test_work_that_nobody_waits_for_any_more_is_left_to_the_pool() -> None:
    """A pool that breaks stumbles over work that was cancelled behind its back."""
    release, done = threading.Event(), threading.Event()

    async def call_off(pool: ThreadPoolExecutor) -> None:
        first = asyncio.create_task(in_pool(pool, release.wait))
        second = asyncio.create_task(in_pool(pool, done.set))
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert first.cancelled()
        assert second.cancelled()

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(call_off(pool))
        release.set()
    assert done.is_set()


def test_what_fails_in_the_pool_fails_for_who_waits() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert asyncio.run(in_pool(pool, int, "3")) == 3
        with pytest.raises(ValueError, match="invalid literal"):
            asyncio.run(in_pool(pool, int, "three"))
