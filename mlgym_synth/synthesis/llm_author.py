"""The author with a model: proposes, writes and mends tasks through any OpenAI-compatible endpoint.

Holds nothing between calls that the ledger does not: what a candidate is about follows from its number, what is known
of its data lies in the proposal, what went wrong in the failure. So a run that was killed asks nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlgym_synth.errors import CatalogueSilent, ContextLengthExceeded, DatasetUnavailable, PromptRefused, TaskInvalid
from mlgym_synth.llm.model import ChatModel, Refused, Reply, prompt_sha256
from mlgym_synth.llm.texts import extract_code, parse_object
from mlgym_synth.synthesis.author import Failure, Proposal, Rejected, Spent
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.grounding import Catalogue, Facts, HubCatalogue, PackagedCatalogue
from mlgym_synth.synthesis.model_plan import METRICS, Plan, Proposed, plain_meaning_of_target, spec_of
from mlgym_synth.synthesis.prompts import filled, prompts_sha256
from mlgym_synth.synthesis.templates.tabular.statement import metric_sentence, statement
from mlgym_synth.synthesis.topics import FAMILIES, topic
from mlgym_synth.task import CUSTOM_METRIC, Provenance, TaskSpec

PLAN, README, BASELINE, SOLUTION = FILES = ("task.json", "README.md", "baseline.py", "solution.py")
EVALUATOR = "evaluate.py"
"""A fifth file, where the metric is the task's own."""
MOST_LOOKED_AT = 5
"""Data sets of a proposal and its search that are looked at before it is given up."""
MOST_ABOUT, MOST_COLUMNS_TEXT, MOST_SAMPLE, MOST_REASON, MOST_FILES = 600, 4000, 2000, 2500, 8000
"""Characters of each part of a prompt, all files together. At three characters a token no prompt is longer than 5,192
tokens, so that a model with a context of 8,192 can take part, with --max-tokens 3000."""
TOO_LONG = "the prompt and its answer are longer than the model's context; a lower --max-tokens leaves more room"


class LLMAuthor:
    """Writes what a model says.

    Args:
        model: whom to ask.
        catalogue: where data is from.
        seed: of the order of topics.
        families: only these; all that a model can write if empty.
    """

    debugs = True
    paid = True

    def __init__(self, model: ChatModel, catalogue: Catalogue, seed: int, families: Sequence[str] = ()) -> None:
        self._model, self._catalogue, self._seed = model, catalogue, seed
        self._families = tuple(families) or FAMILIES
        self._closed = False

    async def propose(self, number: int, attempt: int, failure: Failure | None) -> tuple[Proposal, Spent] | None:
        """Ask for a task in the field and of the family that the candidate's number stands for."""
        field, family = topic(self._seed, number)
        if family not in self._families:
            family = self._families[number % len(self._families)]
        known = await asyncio.to_thread(self._known, f"{field} {family}")
        if failure is not None:
            known += f"\nAn earlier proposal came to nothing: {failure.reason[:MOST_REASON]}\n"
        messages = _messages(filled("propose", field=field, family=family, rows=300, known=known))
        with _of_use(messages, shortest=failure is None):
            said, reply = await self._model.structured(messages, Proposed)
        body = {**said.model_dump(), "family": family, "field": field, "number": number}
        return Proposal(family, said.title, (said.datasets or [""])[0], body), _spent(messages, reply)

    async def ground(self, proposal: Proposal) -> Proposal:
        """Look for the data sets it names, then for its words; the first that can carry a task is taken."""
        return await asyncio.to_thread(self._grounded, proposal)

    async def write(self, proposal: Proposal, attempt: int, failure: Failure | None) -> tuple[Draft, Spent]:
        """Ask for all files; an answer that was no draft is told why."""
        body, facts = proposal.body, Facts(**proposal.body["facts"])
        prompt = filled(
            "write",
            title=body["title"],
            question=body["question"],
            family=body["family"],
            about=facts.about[:MOST_ABOUT],
            sample=facts.sample[:MOST_SAMPLE],
            families=", ".join(self._families),
            submission="the column named like the target",
            **_shown(facts),
        )
        if failure is not None:
            prompt += f"\nAn earlier answer could not be used: {failure.reason[:MOST_REASON]}\n"
        return await self._asked(prompt, {}, proposal, attempt)

    async def debug(self, proposal: Proposal, draft: Draft, failure: Failure, attempt: int) -> tuple[Draft, Spent]:
        """Show the files and what was said of them; those that come back replace them."""
        facts = Facts(**proposal.body["facts"])
        files = {
            PLAN: json.dumps(_plan_of(draft.spec, facts)),
            README: _story(draft.statement),
            BASELINE: draft.workspace[BASELINE],
            SOLUTION: draft.solution[SOLUTION],
            **draft.grader,
        }
        shown = "\n\n".join(f"``` {name}\n{text}\n```" for name, text in _shortened(files, MOST_FILES).items())
        prompt = filled(
            "debug",
            title=draft.spec.title,
            stage=failure.stage,
            reason=failure.reason[-MOST_REASON:],
            files=shown,
            **_shown(facts),
        )
        return await self._asked(prompt, files, proposal, attempt)

    async def close(self) -> None:
        """Close the connections, and look at no further data set."""
        self._closed = True
        await self._model.close()

    def stop(self) -> None:
        """Send nothing more; answers under way still come."""
        self._model.stop()

    async def _asked(
        self, prompt: str, before: Mapping[str, str], proposal: Proposal, attempt: int
    ) -> tuple[Draft, Spent]:
        messages = _messages(prompt)
        with _of_use(messages):
            reply = await self._model.text(messages)
        spent = _spent(messages, reply)
        try:
            found = extract_code(reply.text, () if before else FILES)
            answered = {name.rsplit("/", 1)[-1]: text for name, text in found.items()}
            if not answered.keys() & {*FILES, EVALUATOR}:
                raise Refused(f"the answer holds none of the files {', '.join(FILES)} in a fenced block with its name")
            files = {**before, **answered}
            _require(files, FILES)
            plan = parse_object(files[PLAN], Plan)
            if plan.family not in self._families:
                raise Rejected(f"task.json: family: {plan.family} is not asked for. Take {', '.join(self._families)}.")
            own = plan.metric == CUSTOM_METRIC
            _require(files, (EVALUATOR,) if own else ())
            provenance = Provenance(
                author=f"llm:{self._model.model}",
                seed=self._seed,
                prompts_sha256=prompts_sha256(),
                attempts=attempt + 1,
            )
            facts = Facts(**proposal.body["facts"])
            spec = await asyncio.to_thread(spec_of, plan, facts, proposal.body["field"], provenance)
        except CatalogueSilent:
            raise
        except (Refused, DatasetUnavailable, TaskInvalid) as fault:
            raise Rejected(str(fault), spent) from fault
        except Rejected as rejected:
            raise Rejected(rejected.reason, spent) from rejected
        text = statement(spec.title, [*_paragraphs(files[README]), _duty(spec)], spec.columns)
        grader = {EVALUATOR: files[EVALUATOR]} if own else {}
        return Draft(spec, text, {BASELINE: files[BASELINE]}, {SOLUTION: files[SOLUTION]}, grader), spent

    def _known(self, words: str) -> str:
        """Some of the data sets that there are, where a catalogue is small enough to show."""
        if not isinstance(self._catalogue, PackagedCatalogue):
            return ""
        offered = self._catalogue.offered(words)
        listed = "\n".join(f"- {self._catalogue.title(name)}" for name in offered)
        return f"\nData sets that can be had, among others:\n{listed}\n" if offered else ""

    def _grounded(self, proposal: Proposal) -> Proposal:
        body = proposal.body
        names, reasons = [name for name in body["datasets"] if name.strip()][:3], []
        words = body["search"] or body["title"]
        try:
            names += [name for name in self._catalogue.offered(words) if name not in names]
            for name in names[:MOST_LOOKED_AT]:
                if self._closed:  # nobody waits for it any more but the end of the process
                    raise CatalogueSilent("the run was ended while it looked at data sets")
                try:
                    facts = self._catalogue.facts(name)
                except DatasetUnavailable as unavailable:
                    reasons.append(str(unavailable))
                else:
                    return Proposal(proposal.family, proposal.title, facts.name, {**body, "facts": asdict(facts)})
            self._catalogue.offered(words)  # whether it is the data sets, or the catalogue that has gone by now
        except CatalogueSilent:
            raise
        except DatasetUnavailable as refused:
            reasons.append(str(refused))
        raise Rejected(" ".join(reasons) or f"no data set is found by the words {words!r}.")


def catalogue_of(name: str) -> Catalogue:
    """By the name that the command line has for it."""
    return HubCatalogue() if name == "hub" else PackagedCatalogue()


def _require(files: Mapping[str, str], names: Sequence[str]) -> None:
    missing = [name for name in names if not files.get(name, "").strip()]
    if missing:
        raise Refused(f"the answer lacks {', '.join(missing)}: fenced code blocks with these names are needed")


def _messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _shortened(files: Mapping[str, str], most: int) -> dict[str, str]:
    """The same files with `most` characters together: what short ones leave of their shares goes to longer ones."""
    shown: dict[str, str] = {}
    for place, name in enumerate(sorted(files, key=lambda name: len(files[name]))):
        share = (most - sum(map(len, shown.values()))) // (len(files) - place)
        shown[name] = files[name][:share]
    return {
        name: shown[name] + (f"\n[{left:,} more characters]" if (left := len(text) - len(shown[name])) else "")
        for name, text in files.items()
    }


@contextlib.contextmanager
def _of_use(messages: list[dict[str, str]], shortest: bool = False) -> Iterator[None]:
    """An answer that is of no use, or a prompt that is too long to get one, is an attempt that counts.

    Where even the shortest prompt is too long, no candidate is to blame.
    """
    try:
        yield
    except Refused as refused:
        raise Rejected(refused.reason, _spent(messages, refused.reply)) from refused
    except PromptRefused as refused:
        raise Rejected(str(refused)[:MOST_REASON], _spent(messages, None)) from refused
    except ContextLengthExceeded as exceeded:
        if shortest:
            raise
        raise Rejected(TOO_LONG, _spent(messages, None)) from exceeded


def _spent(messages: list[dict[str, str]], reply: Reply | None) -> Spent:
    if reply is None:
        return Spent(prompt_sha256=prompt_sha256(messages))
    usage = reply.usage
    return Spent(usage.input_tokens, usage.output_tokens, usage.cost_usd, prompt_sha256(messages))


def _shown(facts: Facts) -> dict[str, Any]:
    lines = [f"- {name}: {text}" for name, text in facts.columns.items()]
    share = MOST_COLUMNS_TEXT // max(1, len(lines)) - 1  # of the longest that can be, so that every column is told of
    columns = "\n".join(lines)
    return {
        "dataset": facts.name,
        "rows": facts.rows,
        "columns": columns if len(columns) <= MOST_COLUMNS_TEXT else "\n".join(line[:share] for line in lines),
        "metrics": ", ".join(METRICS),
    }


def _plan_of(spec: TaskSpec, facts: Facts) -> dict[str, Any]:
    """The plan that a spec was made from: what the model is shown to mend."""
    data = spec.data
    assert data.kind == "table"
    assert data.features is not None
    kept = {*data.features, data.target}
    if data.split.method == "group":  # no feature either, and dropped by nobody
        kept.add(str(data.split.column))
    meanings = {column.name: column.meaning for column in spec.columns}
    meanings[data.target] = plain_meaning_of_target(meanings[data.target], data.positive)
    return {
        "family": spec.family,
        "title": spec.title,
        "target": data.target,
        "positive": data.positive,
        "drop": [name for name in facts.columns if name not in kept],
        "split": data.split.method,
        "split_column": data.split.column,
        "metric": spec.metric.name,
        "direction": spec.metric.direction,
        "optimum": spec.metric.optimum,
        "meanings": meanings,
    }


def _story(text: str) -> str:
    """The model's own part of a statement: between the title and the columns."""
    return text.split("\n", 1)[1].split("\n\nColumns:\n")[0].strip()


def _paragraphs(text: str) -> list[str]:
    """Its paragraphs without the heading, as ours is above them; of lesser headings the words stay."""
    parts = [re.sub(r"\A# .*(\n|\Z)", "", part.strip()) for part in text.split("\n\n")]
    return [part.lstrip("# ") for part in parts if part.strip()]


def _duty(spec: TaskSpec) -> str:
    """Files, format and metric: what every statement must say, and says the same way."""
    (column,) = spec.submission.columns if spec.submission.kind == "predictions" else (None,)
    assert column is not None
    what = f"`{column.name}`" + (", a number from 0 to 1" if column.high is not None else "")
    if column.values is not None:
        what += f", one of {', '.join(map(str, column.values))}"
    few = " Only some rows of the train set have a label; the rest is `unlabelled.csv`." if few_labels(spec) else ""
    return (
        f"`train.csv` has the columns above, `test.csv` all but the target, and `id`.{few} Write `submission.csv` with "
        f"the columns `id` and {what}: one row for each row of `test.csv`. {metric_sentence(spec.metric)}"
    )


def few_labels(spec: TaskSpec) -> bool:
    """Whether most train rows come without a label."""
    return spec.data.kind == "table" and spec.data.labels == "few"
