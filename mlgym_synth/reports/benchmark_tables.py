"""The tables of a benchmark as CSV and as Markdown: agents, tasks by agents, and what the audit found."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgym_synth.evaluation.analysis import Analysis
from mlgym_synth.evaluation.benchmark import AgentResults, EpisodeResult, Results
from mlgym_synth.evaluation.suites import SuiteTask
from mlgym_synth.grading.reward import clipped, progress

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; None where there is no value."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]


def write_tables(results: Results, analysis: Analysis | None, folder: Path) -> None:
    """Write `agents`, `tasks` and `findings` as `.csv`, the first two as `.md` too."""
    folder.mkdir(parents=True, exist_ok=True)
    agents, tasks = agent_table(results, analysis), task_table(results)
    for name, table in (("agents", agents), ("tasks", tasks), ("findings", _findings(results))):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows(table.rows)
    for name, table in (("agents", agents), ("tasks", tasks)):
        (folder / f"{name}.md").write_text(_markdown(table), encoding="utf-8")


def agent_table(results: Results, analysis: Analysis | None) -> Table:
    """A row an agent, the best first; figures of comparison are of the tasks that all have played."""
    columns = [
        *("agent", "AUP best", "AUP last", "AUP / x_max best", "low", "high", "strict AUP best"),
        *("mean progress", "progress low", "progress high", "runs above baseline"),
        *("episodes", "missing", "without a score", "flagged", "steps", "tool seconds", "tokens", "cost USD"),
    ]
    return Table(columns, [[*_standing(each, analysis), *_counts(each)] for each in by_rank(results, analysis)])


def by_rank(results: Results, analysis: Analysis | None) -> list[AgentResults]:
    """The agents, the best first and those without any episode last."""
    ranked = analysis.ranked if analysis else []
    places = {agent: place for place, agent in enumerate(ranked)}
    return sorted(results.agents, key=lambda each: places.get(each.agent, len(places)))


def task_table(results: Results) -> Table:
    """A row a task of the suite: for each agent its runs, its best score, its mean last one, its mean progress."""
    facts = ("task", "family", "metric", "direction", "baseline", "reference", "well known")
    per_agent = ("runs", "best", "last", "progress")
    names = [f"{each.agent} {name}" for each in results.agents for name in per_agent]
    rows: list[list[Value]] = []
    for task in results.benchmark.suite.tasks:
        scored = task.scored
        row: list[Value] = [task.id, task.entry.family, scored.metric, scored.direction, scored.baseline]
        row += [scored.reference, "yes" if task.well_known else ""]
        for each in results.agents:
            runs = results.runs(each.agent, task.id)
            best = max if scored.direction == "maximize" else min
            handed_in = [run.scores[-1] for run in runs if run.scores]
            row += [len(runs), best((s for run in runs for s in run.scores), default=None)]
            row += [sum(handed_in) / len(handed_in) if handed_in else None, mean_progress(task, runs)]
        rows.append(row)
    return Table([*facts, *names], rows)


def mean_progress(task: SuiteTask, runs: Sequence[EpisodeResult]) -> float | None:
    """Of what was handed in, as it enters a mean over tasks; None without runs or without a reference."""
    if task.scored.reference is None or not runs:
        return None
    return sum(run_progress(task, run) for run in runs) / len(runs)


def run_progress(task: SuiteTask, run: EpisodeResult) -> float:
    """One run's, within the bounds of a mean; the reference must be known."""
    scored = task.scored
    assert scored.reference is not None
    if not run.scores:
        return clipped(None)
    return clipped(progress(run.scores[-1], scored.baseline, scored.reference, scored.direction))


def _standing(each: AgentResults, analysis: Analysis | None) -> list[Value]:
    if analysis is None or each.agent not in analysis.scores.runs:
        return [each.agent, *[None] * 10]
    agent, mlgym = each.agent, analysis.mlgym
    known = analysis.intervals.normalized[agent]["best"] if analysis.intervals else None
    made = analysis.progress.get(agent)
    return [
        *(agent, mlgym.aup[agent]["best"], mlgym.aup[agent]["last"], mlgym.normalized[agent]["best"]),
        *(known or (None, None)),
        *(analysis.strict.aup[agent]["best"], made.value if made else None),
        *((made.interval if made else None) or (None, None)),
        analysis.beats_baseline[agent].value,
    ]


def _counts(each: AgentResults) -> list[Value]:
    runs = each.runs
    return [
        *(len(runs), each.missing, sum(not run.scores for run in runs), len(each.flagged)),
        *(sum(run.steps for run in runs), round(sum(run.tool_seconds for run in runs), 1)),
        *(sum(run.tokens for run in runs), round(each.cost_usd, 6)),
    ]


def _findings(results: Results) -> Table:
    rows: list[list[Value]] = [
        [
            each.agent,
            run.task_id,
            run.index,
            finding.step,
            *(finding.severity, finding.kind, finding.message, finding.evidence),
        ]
        for each in results.agents
        for run in each.runs
        for finding in run.findings
    ]
    return Table(["agent", "task", "run", "step", "severity", "kind", "told", "evidence"], rows)


def _markdown(table: Table) -> str:
    lines = [table.columns, ["---" if n == 0 else "---:" for n in range(len(table.columns))], *table.rows]
    return "".join("| " + " | ".join(map(_cell, line)) + " |\n" for line in lines)


def _cell(value: Value) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")
