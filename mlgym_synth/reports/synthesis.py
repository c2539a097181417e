"""The funnel of a synthesis: how many candidates came past every stage, and why the others did not."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.gates.verify import GATES
from mlgym_synth.reports import page
from mlgym_synth.reports.page import Markup
from mlgym_synth.reports.text import counted, kind_of
from mlgym_synth.synthesis.ledger import Account, Settled, Step, accounts

LEVELS = (
    *("proposed", "grounded", "written", "runs"),
    *(f"gate {number}" for number, *_ in GATES),
    *("gate 10", "registered"),
)
"""What a candidate comes past, in the order in which it is judged; gate 10, no copy, comes last."""
_STOPS = {"proposal": 0, "grounding": 1, "writing": 2, "debugging": 2}
EXAMPLES = 2
MOST_REASONS = 12
MOST_WORDS = 400
_BRACKETS = re.compile(r"\([^()]*(?:\([^()]*\)[^()]*)*\)")
"""What stands in them is of the one candidate: its column, its data set."""


class NoLedger(MlgymSynthError):
    """There is nothing to report on."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate of a run.

    Attributes:
        settled: what became of it.
        reached: how many of `LEVELS` it came past.
        steps: its attempts.
    """

    settled: Settled
    reached: int
    steps: Sequence[Step]


def write_report(out: Path, file: Path) -> int:
    """Write the page on all runs of a collection.

    Args:
        out: what `synthesize --out` wrote.
        file: the page to write.

    Returns:
        The number of candidates in it.

    Raises:
        NoLedger: no run has settled a candidate there.
    """
    runs = accounts(out)
    found = [candidate for run in runs for candidate in candidates(run)]
    if not found:
        raise NoLedger(
            f"{out}: no ledger of a synthesis with a candidate in it. Give the DIR of `synthesize --out DIR`."
        )
    tasks = sum(candidate.settled.task_id is not None for candidate in found)
    page.write_page(file, f"How {counted(tasks, 'task')} came about", _parts(runs, found))
    return len(found)


def candidates(run: Account) -> Iterator[Candidate]:
    """The settled candidates of one run."""
    by_number: dict[int, list[Step]] = defaultdict(list)
    for step in run.steps:
        by_number[step.candidate].append(step)
    for settled in run.candidates:
        steps = by_number[settled.number]
        yield Candidate(settled, _reached(settled, steps), steps)


def _reached(settled: Settled, steps: Iterable[Step]) -> int:
    """The furthest of all attempts counts: one may come past more than the last."""
    if settled.task_id is not None:
        return len(LEVELS)
    if settled.stage == "gate 10":
        return LEVELS.index("gate 10")
    return max((_past(step) for step in steps), default=0)


def _past(step: Step) -> int:
    if step.stage != "execution":
        return _STOPS[step.stage] + step.passed
    stage = json.loads(step.result)["stage"]
    return LEVELS.index("gate 10" if stage == "passed" else stage)


def _seconds(step: Step) -> float:
    """Of work: an examination's own, without its wait for a worker."""
    return float(json.loads(step.result)["seconds"]) if step.stage == "execution" else step.seconds


def _parts(runs: Sequence[Account], found: Sequence[Candidate]) -> Iterator[Markup]:
    yield _summary(runs, found)
    yield page.heading(
        "The funnel", "Candidates that came past each stage; the furthest of a candidate's attempts counts."
    )
    yield page.bars(_funnel(found))
    yield page.heading("By family", "Seconds are those of all attempts, failed candidates included, for each task.")
    yield _families(found)
    yield page.heading(
        "What was rejected, and why",
        "Reasons that differ only in numbers, tasks' ids and what stands in quotes or brackets are one.",
    )
    yield from _rejections(found)
    yield page.heading("Runs")
    yield _runs(runs)


def _funnel(found: Sequence[Candidate]) -> list[tuple[str, int]]:
    return [(level, sum(c.reached > number for c in found)) for number, level in enumerate(LEVELS)]


def _summary(runs: Sequence[Account], found: Sequence[Candidate]) -> Markup:
    steps = [step for run in runs for step in run.steps]
    tasks = sum(c.settled.task_id is not None for c in found)
    drafts = sum(step.stage == "execution" for step in steps)
    seconds, cost = sum(map(_seconds, steps)), sum(step.cost_usd for step in steps)
    named: dict[str, page.Cell] = {"candidates": len(found), "tasks": tasks, "drafts executed": drafts}
    named["worker hours"] = seconds / 3600
    if tasks:
        named |= {"seconds a task": seconds / tasks, "drafts a task": drafts / tasks}
    if tokens := sum(step.input_tokens + step.output_tokens for step in steps):
        named |= {"tokens": tokens, "cost": f"{cost:.2f} USD"}
        named |= {"cost a task": f"{cost / tasks:.4f} USD", "tokens a task": tokens // tasks} if tasks else {}
    return page.figures(named)


def _families(found: Sequence[Candidate]) -> Markup:
    by_family: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in found:
        by_family[candidate.settled.family or "(none yet)"].append(candidate)
    shown = ("proposed", "grounded", "written", "runs", "gate 9", "gate 4", "gate 6", "registered")
    rows: list[list[page.Cell]] = []
    for family, members in sorted(by_family.items(), key=lambda pair: -len(pair[1])):
        counts = dict(_funnel(members))
        tasks, spent = counts["registered"], sum(_seconds(step) for c in members for step in c.steps)
        cost = sum(step.cost_usd for c in members for step in c.steps)
        priced = f"{cost / tasks:.4f} USD" if tasks and cost else "-"
        rows.append([family, *(counts[level] for level in shown), spent / tasks if tasks else "-", priced])
    return page.table(["family", *shown, "s a task", "cost a task"], rows)


def _rejections(found: Sequence[Candidate]) -> Iterator[Markup]:
    by_stage: dict[str, list[Settled]] = defaultdict(list)
    for candidate in found:
        if candidate.settled.task_id is None:
            by_stage[candidate.settled.stage].append(candidate.settled)
    for stage, rejected in sorted(by_stage.items(), key=lambda pair: -len(pair[1])):
        alike: dict[str, list[Settled]] = defaultdict(list)
        for settled in rejected:
            alike[kind_of(_BRACKETS.sub("(#)", settled.reason))].append(settled)
        common = sorted(alike.values(), key=len, reverse=True)[:MOST_REASONS]
        told = f"{counted(len(rejected), 'candidate')}, {counted(len(alike), 'reason')}"
        yield page.folded(f"{stage}: {told}", map(_examples, common))


def _examples(alike: Sequence[Settled]) -> Markup:
    """A reason, how often it was given, and some of those it was given for; each says where its own differs."""
    first = _shortened(alike[0].reason)
    times = f"<b>{len(alike):,} times:</b> " if len(alike) > 1 else ""
    lines = [f"{times}{page.escaped(first)}"]
    for settled in alike[:EXAMPLES]:
        own = _shortened(settled.reason)
        where = " · ".join(part for part in (settled.title, settled.dataset, settled.family) if part)
        lines.append(f'<span class="quote">{page.escaped(where + (f": {own}" if own != first else ""))}</span>')
    return Markup("<br>".join(lines))


def _shortened(reason: str) -> str:
    return reason if len(reason) <= MOST_WORDS else reason[:MOST_WORDS] + " …"


def _runs(runs: Sequence[Account]) -> Markup:
    rows: list[list[page.Cell]] = []
    for run in runs:
        settings = ", ".join(f"{name} {value}" for name, value in run.settings.items() if value not in (None, [], ""))
        rows.append([settings, len(run.candidates), sum(c.task_id is not None for c in run.candidates)])
    return page.table(["settings", "candidates", "tasks"], rows)
