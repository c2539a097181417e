"""The report on a benchmark: who is how good, how sure that is, at what cost, what failed, what looks like cheating.

Beside the page lie the tables and the drawings as files, and every agent's trajectories have a report of their own, to
which the numbers of this one link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from mlgym_synth.evaluation.analysis import Analysis
from mlgym_synth.evaluation.audit import counts
from mlgym_synth.evaluation.benchmark import AgentResults, EpisodeResult, Results
from mlgym_synth.evaluation.profiles import UNEVEN
from mlgym_synth.evaluation.statistics import Estimate, Interval
from mlgym_synth.evaluation.suites import SuiteTask
from mlgym_synth.reports import page, trajectories
from mlgym_synth.reports.benchmark_tables import by_rank, mean_progress, run_progress, write_tables
from mlgym_synth.reports.page import Markup
from mlgym_synth.reports.plots import draw_all
from mlgym_synth.reports.text import counted, not_compared

PAGE = "report.html"
_MOODS = {"high": "bad", "medium": "warn", "low": ""}
_ALL_LINKED = 12
"""Runs of a task that each have a link of their own in its cell."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of an agent's trajectories, as seen from the report; empty where it has none."""

    index: str = ""

    def rows(self, **fields: str) -> str:
        """The index, with the rows that have these values in these fields of its form."""
        return f"{self.index}#{urlencode(fields)}" if self.index else ""

    def episode(self, task_id: str, index: int, step: int | None = None) -> str:
        """An episode's page, at a step."""
        if not self.index:
            return ""
        folder = self.index.rpartition("/")[0]
        name = f"{folder}/episodes/{quote(trajectories.episode_file(task_id, index))}"
        return name if step is None else f"{name}#step-{step}"


def write_report(results: Results, analysis: Analysis | None, out: Path) -> Path:
    """Write the page, the tables (`tables/`), the drawings (`plots/`) and the reports on trajectories.

    Args:
        results: of the benchmark.
        analysis: of its scores; None where nothing can be compared yet.
        out: the folder, which the agents' stores lie in.

    Returns:
        The page.

    Raises:
        PlotsUnavailable: matplotlib is not installed.
    """
    write_tables(results, analysis, out / "tables")
    drawings = draw_all(results, analysis, out / "plots")
    links = {each.agent: _trajectories(each, out) for each in results.agents}
    suite = results.benchmark.suite.name
    title = (
        f"{counted(len(results.agents), 'agent')} on {counted(len(results.benchmark.suite.tasks), 'task')} ({suite})"
    )
    parts = _Report(results, analysis, drawings, links).parts()
    page.write_page(out / PAGE, title, parts, broad=True, script=page.table_script())
    return out / PAGE


def _trajectories(each: AgentResults, out: Path) -> Links:
    """The report on an agent's trajectories, written beside its store; of those that belong to the benchmark."""
    if not each.stored:
        return Links()
    written = trajectories.write_report(each.folder, limit=len(each.stored), only=each.stored)
    return Links(quote(written.index.relative_to(out).as_posix()))


@dataclass(frozen=True, slots=True)
class _Report:
    results: Results
    analysis: Analysis | None
    drawings: Mapping[str, str]
    links: Mapping[str, Links]

    def parts(self) -> Iterator[Markup]:
        """From the ranking to the single finding."""
        benchmark = self.results.benchmark
        steps = benchmark.agents[0].max_steps
        budget = f"at most {steps} steps" if steps else "each task's own step budget"
        told = (
            f"{counted(benchmark.runs, 'run')} of each task and agent, {budget}, seed {benchmark.seed} for all agents."
        )
        yield page.paragraph(told, "note")
        yield self._figures()
        yield from self._warnings()
        yield page.heading("Agents", _ABOUT_AGENTS)
        yield self._agents()
        certain = self.analysis is not None and self.analysis.intervals is not None
        yield from self._drawing("aup", "AUP and progress", _ABOUT_INTERVALS if certain else _NO_INTERVALS)
        yield from self._drawing("profiles", "Performance profiles", _ABOUT_PROFILES)
        yield from self._task_parts()
        yield from self._drawing("cost", "Cost against score", "Up and to the left is better.")
        yield from self._drawing(
            "failures", "How episodes ended", "Those cut short by infrastructure are in none of it."
        )
        yield self._statuses()
        yield from self._drawing("best_at_k", "Best of k runs", "The expected best progress of what k runs hand in.")
        yield from self._pairs()
        yield from self._audit()
        yield page.heading("Files")
        yield _files(benchmark.out)

    def _figures(self) -> Markup:
        results = self.results
        runs = [run for each in results.agents for run in each.runs]
        named: dict[str, page.Cell] = {
            "agents": len(results.agents),
            "tasks compared": len(results.tasks()),
            "episodes": len(runs),
            "missing": results.missing,
            "flagged by the audit": sum(bool(run.findings) for run in runs),
            "tool hours": sum(run.tool_seconds for run in runs) / 3600,
            "cost": f"{sum(each.cost_usd for each in results.agents):,.2f} USD",
        }
        return page.figures(named)

    def _warnings(self) -> Iterator[Markup]:
        results = self.results
        for each in results.agents:
            if each.missing:
                why = f" {each.stopped}" if each.stopped else ""
                told = f"{each.agent}: {counted(each.missing, 'episode')} missing, and not scored as failures.{why}"
                yield page.paragraph(told, "warning")
        if left_out := results.left_out():
            yield page.paragraph(not_compared(left_out), "warning")
        if self.analysis and (uneven := self.analysis.scores.unevenly_run):
            yield page.paragraph(UNEVEN.format(tasks=counted(len(uneven), "task")), "warning")
        grave = sum(any(f.severity == "high" for f in run.findings) for each in results.agents for run in each.runs)
        if grave:
            told = f"The audit found grave signs of cheating in {counted(grave, 'episode')}; scores stand as they came."
            yield page.paragraph(told, "warning")

    def _agents(self) -> Markup:
        columns = [
            *("agent", "AUP best", "strict AUP", "AUP / x_max", "95%", "mean progress", "95%", "above baseline"),
            *("no score", "flagged", "steps", "tool min", "USD"),
        ]
        return page.table(columns, [self._agent(each) for each in by_rank(self.results, self.analysis)], name="agents")

    def _agent(self, each: AgentResults) -> list[page.Cell]:
        links, found, runs = self.links[each.agent], self.analysis, each.runs
        cells: list[page.Cell] = [_link(links.index, each.agent)]
        if found is None or each.agent not in found.scores.runs:
            cells += [page.fixed(None)] * 7
        else:
            best, made = found.mlgym.aup[each.agent]["best"], found.progress.get(each.agent)
            known = found.intervals.normalized[each.agent]["best"] if found.intervals else None
            cells += [page.fixed(best), page.fixed(found.strict.aup[each.agent]["best"])]
            cells += [page.fixed(found.mlgym.normalized[each.agent]["best"]), _between(known)]
            cells += [page.fixed(made.value if made else None), _between(made.interval if made else None)]
            cells += [_percent(found.beats_baseline[each.agent])]
        failed, many = sum(not run.scores for run in runs), max(1, len(runs))
        cells += [_linked_number(links.index, failed), _linked_number("#audit", len(each.flagged))]
        minutes = sum(run.tool_seconds for run in runs) / 60
        cells += [sum(run.steps for run in runs) / many, page.fixed(minutes / many, 2)]
        return [*cells, page.number(each.cost_usd / many)]

    def _task_parts(self) -> Iterator[Markup]:
        tasks = self.results.benchmark.suite.tasks
        evidence, famous = ([task for task in tasks if task.well_known == flag] for flag in (False, True))
        if evidence:
            yield page.heading("Task by agent", _ABOUT_TASKS)
            yield self._heat_map(evidence, "tasks")
        if famous:
            yield page.heading("Well-known tasks", _ABOUT_FAMOUS)
            yield self._heat_map(famous, "well-known")

    def _heat_map(self, tasks: Sequence[SuiteTask], name: str) -> Markup:
        agents = by_rank(self.results, self.analysis)
        rows: list[list[page.Cell]] = []
        for task in tasks:
            metric = f"{'↑' if task.scored.direction == 'maximize' else '↓'} {task.scored.metric}"
            cells = [self._cell(task, each) for each in agents]
            rows.append([task.id, *cells, metric, task.entry.family])
        return page.table(["task", *(each.agent for each in agents), "metric", "family"], rows, name=name)

    def _cell(self, task: SuiteTask, each: AgentResults) -> Markup:
        runs, links = self.results.runs(each.agent, task.id), self.links[each.agent]
        if not runs:
            return Markup('<span class="small">missing</span>', number=True)
        value = mean_progress(task, runs)
        if value is None:
            handed_in = [run.scores[-1] for run in runs if run.scores]
            score = f"{sum(handed_in) / len(handed_in):.6g}" if handed_in else "none"
            shown = Markup(f'<span title="mean score: {score}; no reference is known">-</span>', number=True)
        else:
            shown = page.fixed(value, 2)
        single = len(runs) == 1
        address = links.episode(task.id, runs[0].index) if single else links.rows(text=task.id)
        inside = _link(address, shown.text).text
        if not single:
            inside += " " + " ".join(self._run_link(task, run, links) for run in runs[:_ALL_LINKED])
        return Markup(f'<span class="heat" style="--heat:{_heat(value)}">{inside}</span>', number=True)

    def _run_link(self, task: SuiteTask, run: EpisodeResult, links: Links) -> str:
        score = f"{run.scores[-1]:.6g}" if run.scores else run.status.replace("_", " ")
        if run.scores and task.scored.reference is not None:
            score += f", progress {run_progress(task, run):.2f}"
        mood = ' class="run bad"' if not run.scores else ' class="run"'
        title = f' title="{page.escaped(f"run {run.index + 1}: {score}")}"'
        address = links.episode(task.id, run.index)
        return page.link(address, str(run.index + 1), mood + title).text if address else str(run.index + 1)

    def _statuses(self) -> Markup:
        names = sorted({status for each in self.results.agents for status in each.statuses})
        rows: list[list[page.Cell]] = []
        for each in by_rank(self.results, self.analysis):
            links = self.links[each.agent]
            row: list[page.Cell] = [_link(links.index, each.agent)]
            for name in names:
                row.append(_linked_number(links.rows(status=name.replace("_", " ")), each.statuses[name]))
            rows.append([*row, each.missing])
        return page.table(["agent", *(name.replace("_", " ") for name in names), "missing"], rows)

    def _pairs(self) -> Iterator[Markup]:
        if self.analysis is None or not self.analysis.pairs:
            return
        yield page.heading("Agents compared, task by task", _ABOUT_PAIRS)
        rows: list[list[page.Cell]] = []
        for (first, second), found in self.analysis.pairs.items():
            gain = found.difference
            rows.append(
                [
                    *(_link(self.links[first].index, first), _link(self.links[second].index, second), len(found.tasks)),
                    *(page.fixed(found.improvement.value), _between(found.improvement.interval)),
                    *(page.fixed(gain.value if gain else None), _between(gain.interval if gain else None)),
                ]
            )
        columns = ["first", "second", "tasks", "P(first better)", "95%", "progress gained", "95%"]
        yield page.table(columns, rows)

    def _audit(self) -> Iterator[Markup]:
        yield Markup('<div id="audit"></div>')
        yield page.heading("Audit", _ABOUT_AUDIT)
        flagged = [(each, run) for each in self.results.agents for run in each.flagged]
        if not flagged:
            yield page.paragraph("Nothing was found.")
            return
        rows: list[list[page.Cell]] = []
        for each in self.results.agents:
            if each.flagged:
                kinds = counts([finding for run in each.runs for finding in run.findings])
                told = ", ".join(f"{kind.replace('_', ' ')} {times}" for kind, times in kinds.most_common())
                share = f"{len(each.flagged)} of {len(each.runs)}"
                rows.append([_link(self.links[each.agent].index, each.agent), share, told])
        yield page.table(["agent", "episodes flagged", "findings"], rows)
        found: list[list[page.Cell]] = []
        everything = [(each, run, finding) for each, run in flagged for finding in run.findings]
        for each, run, f in sorted(everything, key=lambda item: list(_MOODS).index(item[2].severity)):
            address = self.links[each.agent].episode(run.task_id, run.index, f.step)
            where = f"{run.task_id} #{run.index}" + (f", step {f.step}" if f.step else "")
            found.append(
                [
                    *(page.mark(f.severity, _MOODS[f.severity]), each.agent, _link(address, where), f.message),
                    Markup(f'<q class="evidence">{page.escaped(f.evidence)}</q>'),
                ]
            )
        yield page.table(["severity", "agent", "where", "what", "evidence"], found, name="findings")

    def _drawing(self, name: str, title: str, note: str) -> Iterator[Markup]:
        if name in self.drawings:
            yield page.heading(title, note)
            yield Markup(f'<div class="wide plot">{self.drawings[name]}</div>')


_ABOUT_AGENTS = (
    "AUP as MLGym computes it: relative to the agents compared, so one more or less moves every figure, and a failed"
    " task still earns area; in the strict AUP it earns none. Progress does not depend on the others: 0 is the"
    " baseline, 1 the reference, -1 a run without a valid submission, each task's within -1 and 2. The columns from"
    " 'no score' on are of all finished episodes, also of tasks that are not compared: steps and minutes of one of"
    " them, USD what was spent for one, with what episodes cost that were cut short."
)
_ABOUT_INTERVALS = (
    "Intervals hold 95%: runs are drawn anew within each task. Those of AUP are rough. An agent that has only one run"
    " on some task has none."
)
_NO_INTERVALS = "There are no intervals: no agent has two runs of every task."
_ABOUT_PROFILES = (
    "The share of tasks on which an agent's best run is within a factor of the best of all; further up and to the left"
    " is better. Where an agent has no score, a negative one, or one worse than the baseline, it counts as 1.05 times"
    " as far off as the worst."
)
_ABOUT_TASKS = (
    "Mean progress of what was handed in; the small numbers are the runs. Progress below 0 is worse than the baseline,"
    " -1 is a failure."
)
_ABOUT_FAMOUS = "Data that every model has seen. They are in no AUP, no progress and no comparison on this page."
_ABOUT_PAIRS = (
    "Over the tasks that are compared: those that all agents here have finished. Intervals hold 95%: data sets are"
    " drawn anew, and where all say the same, the interval is what so few can have missed."
)
_ABOUT_AUDIT = (
    "What in the trajectories looks like cheating. Labels and evaluators are in no sandbox, so most of it is an attempt"
    " that gained nothing; scores are shown as they came. High: no innocent reading. Low: worth a look."
)


def _files(out: Path) -> Markup:
    """What lies beside the page; where nothing can be compared, there are no scores."""
    listed = {
        "scores.json": "what `mlgym-synth aup` reads",
        "scores-well-known.json": "the same, of well-known tasks",
        "summary.json": "all figures of this page",
        "tables/agents.csv": "and agents.md",
        "tables/tasks.csv": "and tasks.md",
        "tables/findings.csv": "of the audit",
        "plots/": "the drawings as PNG and SVG",
    }
    there = {name: told for name, told in listed.items() if (out / name).is_file() or any((out / name).glob("*"))}
    items = "".join(f"<li>{page.link(name, name).text}: {page.escaped(told)}" for name, told in there.items())
    return Markup(f"<ul>{items}</ul>")


def _heat(value: float | None) -> str:
    """A colour: the better, the greener; the worse than the baseline, the redder."""
    if value is None:
        return "transparent"
    kind, strength = ("good", 44 * min(1.0, value / 1.5)) if value >= 0 else ("bad", 30 * min(1.0, -value))
    return f"color-mix(in srgb, var(--{kind}) {strength:.0f}%, transparent)"


def _link(address: str, text: str) -> Markup:
    return page.link(address, text) if address else Markup(page.escaped(text))


def _linked_number(address: str, count: int) -> Markup:
    return Markup(_link(address, f"{count:,}").text if count else "0", number=True)


def _between(known: Interval | None) -> Markup:
    return Markup(f"{known[0]:.3f} to {known[1]:.3f}" if known else "-", number=True)


def _percent(estimate: Estimate) -> Markup:
    return Markup(f"{100 * estimate.value:.0f}%", number=True)
