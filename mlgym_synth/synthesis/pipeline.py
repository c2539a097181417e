"""The run: proposal -> grounding -> writing -> execution and gates <-> debugging -> no copy -> registration.

Every stage is looked up in the ledger before it is run, so a run that was killed goes on where it was. Candidates are
worked on side by side, but settled in the order of their numbers: the same seed gives the same tasks, however many
workers there are.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mlgym_synth.errors import BudgetExhausted, CatalogueSilent, MlgymSynthError, SandboxDied
from mlgym_synth.synthesis.author import Author, Failure, Proposal, Rejected, Spent
from mlgym_synth.synthesis.collection import Collection
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.examine import Examined, examine
from mlgym_synth.synthesis.ledger import Ledger, Settled, Step
from mlgym_synth.synthesis.pool import in_pool

INFRASTRUCTURE_TRIES = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run goes.

    Attributes:
        tasks: stop when this run has registered so many.
        seed: of the choice between mending and starting over.
        max_attempts: drafts that a candidate may have.
        p_debug: chance that a failed draft is mended; else it is written anew.
        at_once: candidates worked on side by side.
        sandbox: backend.
        most: candidates after which the run ends, however many tasks it has.
    """

    tasks: int
    seed: int = 0
    max_attempts: int = 3
    p_debug: float = 0.7
    at_once: int = 4
    sandbox: str = "auto"
    most: float = math.inf


@dataclass(slots=True)
class Progress:
    """Where a run is; given to whoever watches after every candidate."""

    registered: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    cost_usd: float = 0.0
    last: Settled | None = None


class _Exhausted(Exception):
    """The author has nothing left to propose."""


@dataclass(frozen=True, slots=True)
class _Developed:
    """A candidate before it is settled: its proposal if there is one, and the examination it passed or its failure."""

    number: int
    proposal: Proposal | None
    examined: Examined | None
    failure: Failure | None


class Synthesis:
    """One run.

    Args:
        author: who proposes and writes.
        ledger: what is known from before; written here only.
        collection: where tasks go.
        pool: where drafts are examined.
        settings: how the run goes.
        on_progress: called after every candidate.
    """

    def __init__(
        self,
        author: Author,
        ledger: Ledger,
        collection: Collection,
        pool: Executor,
        settings: Settings,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._author, self._ledger, self._collection = author, ledger, collection
        self._pool, self._settings, self._on_progress = pool, settings, on_progress
        self._progress = Progress(cost_usd=ledger.spent_usd())
        self._asked: set[asyncio.Task[Step]] = set()

    @property
    def progress(self) -> Progress:
        """Where the run is."""
        return self._progress

    async def run(self) -> Progress:
        """Work until the tasks are there, the author has nothing left, or a bound is met.

        Raises:
            BudgetExhausted: it is spent; everything that was paid for is kept.
            MlgymSynthError: infrastructure failed; everything finished so far is kept.
        """
        for settled in self._ledger.settled():
            self._settled(settled)
        running: dict[int, asyncio.Task[_Developed]] = {}
        try:
            await self._settle_in_order(running)
            await self._last_answers(running)
        except (BudgetExhausted, CatalogueSilent, SandboxDied):
            await self._last_answers(running)
            raise
        finally:
            await _called_off([*running.values(), *self._asked])
        return self._progress

    async def _settle_in_order(self, running: dict[int, asyncio.Task[_Developed]]) -> None:
        """Work on the candidates that are not settled; `running` holds those that are worked on."""
        following = launched = 1 + max((s.number for s in self._ledger.settled()), default=-1)
        while self._progress.registered < self._settings.tasks:
            while len(running) < self._settings.at_once and launched < self._settings.most:
                running[launched] = asyncio.create_task(self._develop(launched))
                launched += 1
            if following not in running:
                return
            try:
                developed = await running[following]  # whichever is done before it has to wait for it
            except _Exhausted:
                return
            del running[following]
            self._settle(developed)
            following += 1

    async def _last_answers(self, running: dict[int, asyncio.Task[_Developed]]) -> None:
        """End the candidates, but not what the author is being asked for them: it is paid for, and the next run's."""
        self._author.stop()
        await _called_off(running.values())
        await asyncio.gather(*self._asked, return_exceptions=True)

    async def _develop(self, number: int) -> _Developed:
        proposal, failure = None, None
        attempts = self._settings.max_attempts if self._author.debugs else 1
        for attempt in range(attempts):
            proposal, failure = await self._propose(number, attempt, failure)
            if proposal is not None:
                break
        if proposal is None:
            return _Developed(number, None, None, failure)
        draft: Draft | None = None
        for attempt in range(attempts):
            mended = failure is not None and self._mends(number, attempt)
            written, broken = await self._write(
                number, attempt, proposal, *((draft, failure) if mended else (None, None))
            )
            if written is None:
                assert broken is not None
                failure = broken if draft is None or failure is None else failure.beside(broken)
                continue
            draft = written
            examined = await self._examine(number, attempt, draft)
            if examined.passed:
                return _Developed(number, proposal, examined, None)
            failure = Failure(examined.stage, examined.reason)
        return _Developed(number, proposal, None, failure)

    def _mends(self, number: int, attempt: int) -> bool:
        return random.Random(f"{self._settings.seed} {number} {attempt}").random() < self._settings.p_debug

    async def _propose(
        self, number: int, attempt: int, failure: Failure | None
    ) -> tuple[Proposal | None, Failure | None]:
        async def propose() -> tuple[str, Spent]:
            made = await self._author.propose(number, attempt, failure)
            if made is None:
                raise _Exhausted
            return json.dumps(asdict(made[0])), made[1]

        step = await self._ask(number, "proposal", attempt, propose)
        if not step.passed:
            return None, Failure("proposal", step.reason)
        proposal = Proposal(**json.loads(step.result))

        async def ground() -> tuple[str, Spent]:
            return json.dumps(asdict(await self._author.ground(proposal))), Spent()

        step = await self._step(number, "grounding", attempt, ground)
        if not step.passed:
            return None, Failure("grounding", step.reason)
        return Proposal(**json.loads(step.result)), None

    async def _write(
        self, number: int, attempt: int, proposal: Proposal, draft: Draft | None, failure: Failure | None
    ) -> tuple[Draft | None, Failure | None]:
        async def write() -> tuple[str, Spent]:
            if draft is not None and failure is not None:
                made, spent = await self._author.debug(proposal, draft, failure, attempt)
            else:
                made, spent = await self._author.write(proposal, attempt, failure)
            return made.dumps(), spent

        stage = "writing" if draft is None else "debugging"
        step = await self._ask(number, stage, attempt, write)
        if not step.passed:
            return None, Failure(stage, step.reason)
        return Draft.loads(step.result), None

    async def _examine(self, number: int, attempt: int, draft: Draft) -> Examined:
        folder = self._ledger.folder / "work" / f"candidate-{number:05d}"

        async def run() -> tuple[str, Spent]:
            for left in reversed(range(INFRASTRUCTURE_TRIES)):
                try:
                    found = await in_pool(self._pool, examine, draft.dumps(), str(folder), self._settings.sandbox)
                    return found.dumps(), Spent()
                except SandboxDied:
                    if not left:
                        raise
                except BrokenProcessPool as error:
                    raise SandboxDied(f"candidate {number}: the process that examined it was killed.") from error
            raise AssertionError("unreachable")

        step = await self._step(number, "execution", attempt, run)
        return Examined.loads(step.result)

    async def _ask(
        self, number: int, stage: str, attempt: int, work: Callable[[], Awaitable[tuple[str, Spent]]]
    ) -> Step:
        """A step of the author's; one that is paid for goes on when its candidate is called off."""
        if not self._author.paid:
            return await self._step(number, stage, attempt, work)
        asked = asyncio.create_task(self._step(number, stage, attempt, work))
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return await asyncio.shield(asked)

    async def _step(
        self, number: int, stage: str, attempt: int, work: Callable[[], Awaitable[tuple[str, Spent]]]
    ) -> Step:
        known = self._ledger.step(number, stage, attempt)
        if known is not None:
            return known
        began = time.monotonic()
        try:
            result, spent = await work()
            step = Step(number, stage, attempt, True, "", result)
        except Rejected as rejected:
            spent = rejected.spent
            step = Step(number, stage, attempt, False, rejected.reason)
        made = replace(step, seconds=round(time.monotonic() - began, 3), **asdict(spent))
        self._ledger.add(made)
        self._progress.cost_usd += made.cost_usd
        return made

    def _settle(self, developed: _Developed) -> None:
        """Decide on a candidate, whose earlier ones are all decided: a copy, a task, or neither."""
        number, proposal, examined = developed.number, developed.proposal, developed.examined
        family, title, dataset = (proposal.family, proposal.title, proposal.dataset) if proposal else ("", "", "")
        if examined is None:
            assert developed.failure is not None
            failure = developed.failure
            settled = Settled(number, None, family, title, dataset, failure.stage, failure.reason)
        elif (why := self._collection.copy_in(examined.files)) is not None:
            settled = Settled(number, None, family, title, dataset, "gate 10", why)
        else:
            draft = Draft.of(examined.files).spec
            name, task_id = self._collection.dataset_of(examined.files), self._collection.next_id()
            settled = Settled(number, task_id, draft.family, draft.title, name, "registered", "")
        self._ledger.settle(settled)  # before the folder: what is decided is carried out again if need be
        self._settled(settled)

    def _settled(self, settled: Settled) -> None:
        if settled.task_id is None:
            self._progress.rejected[settled.stage] = self._progress.rejected.get(settled.stage, 0) + 1
        else:
            self._progress.registered += 1
            if settled.task_id not in self._collection:
                self._collection.add(settled.task_id, self._passed(settled.number))
        self._progress.last = settled
        self._on_progress(self._progress)

    def _passed(self, number: int) -> Examined:
        for attempt in range(self._settings.max_attempts):
            step = self._ledger.step(number, "execution", attempt)
            if step is not None and (examined := Examined.loads(step.result)).passed:
                return examined
        raise MlgymSynthError(f"candidate {number} is registered in the ledger, but no examination passed it.")


async def _called_off(tasks: Iterable[asyncio.Task[Any]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
