"""The author without a model: takes up the templates' ideas one after another, the same for the same seed."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import asdict

from mlgym_synth.errors import DatasetUnavailable, GradingError, SubmissionInvalid
from mlgym_synth.synthesis.author import Failure, Proposal, Rejected, Spent
from mlgym_synth.synthesis.draft import Draft, Unsuitable
from mlgym_synth.synthesis.pool import in_pool
from mlgym_synth.synthesis.templates import all_templates, plan
from mlgym_synth.synthesis.templates.base import Idea


class TemplateAuthor:
    """Writes what templates hold.

    Args:
        seed: of the plan, and with a candidate's number of everything drawn in it.
        pool: where drafts are written; trying models on data takes a core.
        families: only these; all if empty.
    """

    debugs = False
    paid = False

    def __init__(self, seed: int, pool: Executor, families: tuple[str, ...] = ()) -> None:
        self._seed, self._pool = seed, pool
        self._plan = plan(seed, families)

    async def propose(self, number: int, attempt: int, failure: Failure | None) -> tuple[Proposal, Spent] | None:
        """The idea of that number in the plan."""
        if number >= len(self._plan):
            return None
        idea = self._plan[number]
        body = {**asdict(idea), "seed": self._seed * 1_000_003 + number}
        return Proposal(idea.family, idea.key, idea.dataset, body), Spent()

    async def ground(self, proposal: Proposal) -> Proposal:
        """Nothing to ask: templates name data that lie in packages."""
        return proposal

    async def write(self, proposal: Proposal, attempt: int, failure: Failure | None) -> tuple[Draft, Spent]:
        """Write it in the pool."""
        text, reason = await in_pool(self._pool, write_idea, proposal.body)
        if text is None:
            raise Rejected(reason)
        return Draft.loads(text), Spent()

    async def debug(self, proposal: Proposal, draft: Draft, failure: Failure, attempt: int) -> tuple[Draft, Spent]:
        """Never: a template has tried what it knows before it hands a draft over."""
        raise Rejected(failure.reason)

    def stop(self) -> None:
        """Nothing is asked of anybody."""

    async def close(self) -> None:
        """Nothing is held."""


def write_idea(body: dict[str, object]) -> tuple[str | None, str]:
    """Write one idea: the draft's text, or None and why not. Runs in a worker process."""
    fields = dict(body)
    seed = int(str(fields.pop("seed")))
    idea = Idea(**{name: str(value) for name, value in fields.items()})
    try:
        return all_templates()[idea.template].write(idea, seed).dumps(), ""
    except (Unsuitable, DatasetUnavailable, GradingError, SubmissionInvalid) as unsuitable:
        return None, str(unsuitable)
