"""The index of a rollout's report: what its episodes came to, by family and task, what failed, and a row for each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlgym_synth.reports import page
from mlgym_synth.reports.charts import histogram
from mlgym_synth.reports.episode import metric_text, status_mark
from mlgym_synth.reports.page import Markup
from mlgym_synth.reports.tally import Group, Mean, Outcome

_TABLE = "episodes"
_NOBODY = "(none)"


@dataclass(frozen=True, slots=True)
class RolloutIndex:
    """What an index tells of.

    Attributes:
        episodes: all of them, in the order of tasks.
        addresses: of those that have a page, by task and index.
        settings: what the run was begun with.
    """

    episodes: Sequence[Outcome]
    addresses: Mapping[tuple[str, int], str]
    settings: Mapping[str, Any]


def index_parts(run: RolloutIndex) -> Iterator[Markup]:
    """The parts of the index, from the whole to the single episode."""
    whole = Group(run.episodes)
    yield page.paragraph(_who_and_when(run), "note")
    yield _figures(whole)
    if whole.judged:
        yield histogram(whole.returns)
    yield page.heading(
        "By family",
        "Intervals are bootstrap intervals: whole tasks are drawn, or episodes where there is one task only.",
    )
    yield _families(run.episodes)
    if failures := whole.failures():
        yield page.heading("Failures", "Those of a model or of infrastructure say nothing of the agent: in no mean.")
        yield _failures(run, failures)
    yield page.heading("Episodes", _left_out(run))
    shown = [e for e in run.episodes if (e.task_id, e.index) in run.addresses]
    yield _filter(shown)
    yield _episodes(run, shown)
    yield page.heading("By task")
    yield _tasks(run)
    if run.settings:
        items = [Markup(f"{page.escaped(name)}: {page.escaped(json.dumps(v))}") for name, v in run.settings.items()]
        yield page.folded("Settings of the run", items)


def _who_and_when(run: RolloutIndex) -> str:
    """Who played, and when."""
    agents = sorted({episode.agent for episode in run.episodes})
    named = ", ".join(agents[:5]) + (f" and {len(agents) - 5} more" if len(agents) > 5 else "")
    known = [episode.started_at for episode in run.episodes if 0 < episode.started_at < 1e11]
    if not known:
        return f"Played by {named}."
    first, last = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}" for at in (min(known), max(known)))
    return f"Played by {named}; begun between {first} and {last} UTC."


def _left_out(run: RolloutIndex) -> str:
    """A note on counted episodes that have no row in the table."""
    absent = len(run.episodes) - len(run.addresses)
    if not absent:
        return ""
    return (
        f"The first episodes of every task have a row and a page, {len(run.addresses):,} in all; {absent:,} more are in"
        " all figures, but not shown. --limit says how many are."
    )


def _figures(whole: Group) -> Markup:
    void = len(whole.episodes) - len(whole.judged)
    named: dict[str, page.Cell] = {
        "episodes": len(whole.episodes),
        "tasks": whole.tasks,
        "mean return": _mean(whole.mean_return),
        "mean progress": _mean(whole.mean_progress),
        "valid submission": _percent(whole.valid_share),
        "cut short": Markup(f"{void:,}<small>not the agent's failure</small>") if void else 0,
        "tool hours": sum(episode.tool_seconds for episode in whole.episodes) / 3600,
        "tokens": sum(episode.tokens for episode in whole.episodes),
        "cost": f"{sum(episode.cost_usd for episode in whole.episodes):,.2f} USD",
    }
    return page.figures(named)


def _families(episodes: Sequence[Outcome]) -> Markup:
    columns = ["family", "tasks", "episodes", "mean return", "95%", "valid", "mean progress", "steps", "tool min"]
    rows: list[list[page.Cell]] = []
    for family, members in _by(episodes, lambda episode: episode.family or _NOBODY).items():
        group = Group(members)
        steps = sum(episode.steps for episode in members) / len(members)
        minutes = sum(episode.tool_seconds for episode in members) / 60
        rows.append(
            [
                *(family, group.tasks, len(members), _value(group.mean_return), _interval(group.mean_return)),
                *(_percent(group.valid_share), _value(group.mean_progress), steps, round(minutes, 2)),
            ]
        )
    return page.table(columns, rows)


def _failures(run: RolloutIndex, failures: Mapping[tuple[str, str, str], int]) -> Markup:
    first: dict[tuple[str, str], Outcome] = {}
    for episode in run.episodes:
        first.setdefault((episode.status, episode.failure), episode)
    rows: list[list[page.Cell]] = []
    for (whose, status, failure), count in sorted(failures.items(), key=lambda pair: -pair[1]):
        rows.append([whose, status_mark(status), failure or "-", count, _link(run, first[status, failure])])
    return page.table(["whose", "how it ended", "what failed", "episodes", "the first"], rows)


def _filter(shown: Sequence[Outcome]) -> Markup:
    """The form above the table; the script shows it, since without one it would do nothing."""
    choices = "".join(
        f'<label>{name}<select name="{name}" data-test="equal"><option value="">all'
        + "".join(f"<option>{page.escaped(value)}" for value in sorted(set(values)))
        + "</select></label>"
        for name, values in (
            ("family", [episode.family for episode in shown]),
            ("status", [_status(episode) for episode in shown]),
            ("split", [episode.split for episode in shown]),
        )
        if len(set(values)) > 1
    )
    return Markup(
        f'<form data-table="{_TABLE}" hidden><label>text<input type="search" name="text" data-test="text"'
        f' placeholder="task, agent, metric ..."></label>{choices}<label>return at least<input type="number"'
        ' name="return" data-test="least" min="0" max="1" step="any"></label><button type="reset">Clear</button>'
        "<output></output></form>"
    )


def _episodes(run: RolloutIndex, shown: Sequence[Outcome]) -> Markup:
    """A row for each; columns that would be empty in all rows are left out."""
    columns: dict[str, Callable[[Outcome], page.Cell]] = {
        "task": lambda e: page.link(run.addresses[e.task_id, e.index], e.task_id or "(unknown)"),
        "#": lambda e: e.index,
        "family": lambda e: e.family,
        "split": lambda e: e.split,
        "agent": lambda e: e.agent,
        "status": lambda e: status_mark(e.status),
        "return": lambda e: page.fixed(e.worth),
        "progress": lambda e: page.fixed(e.progress, 2),
        "test score": lambda e: page.number(e.test_score, 4),
        "baseline": lambda e: page.number(e.baseline_score, 4),
        "metric": lambda e: metric_text(e.metric, e.direction),
        "steps": lambda e: e.steps,
        "seconds": lambda e: round(e.seconds, 1),
        "tokens": lambda e: e.tokens,
        "cost USD": lambda e: page.number(e.cost_usd),
    }
    for name, field in (("split", "split"), ("tokens", "tokens"), ("cost USD", "cost_usd")):
        if not any(getattr(episode, field) for episode in shown):
            del columns[name]
    return page.table(list(columns), [[cell(e) for cell in columns.values()] for e in shown], name=_TABLE)


def _tasks(run: RolloutIndex) -> Markup:
    columns = ["task", "family", "episodes", "mean return", "worst", "best", "valid", "mean progress", "steps"]
    rows: list[list[page.Cell]] = []
    for members in _by(run.episodes, lambda episode: episode.task_id).values():
        group = Group(members)
        returns = group.returns
        ends = (page.fixed(min(returns)), page.fixed(max(returns))) if returns else (page.fixed(None),) * 2
        steps = sum(episode.steps for episode in members) / len(members)
        rows.append(
            [
                *(_link(run, members[0], members[0].task_id), members[0].family or _NOBODY, len(members)),
                *(_value(group.mean_return), *ends, _percent(group.valid_share), _value(group.mean_progress), steps),
            ]
        )
    return page.table(columns, rows, name="tasks")


def _link(run: RolloutIndex, episode: Outcome, text: str = "") -> page.Cell:
    """To an episode's page, if it has one."""
    words = text or f"{episode.task_id} #{episode.index}"
    address = run.addresses.get((episode.task_id, episode.index))
    return page.link(address, words) if address else words


def _by(episodes: Sequence[Outcome], key: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    parts: dict[str, list[Outcome]] = defaultdict(list)
    for episode in episodes:
        parts[key(episode)].append(episode)
    return dict(sorted(parts.items()))


def _status(episode: Outcome) -> str:
    return episode.status.replace("_", " ")


def _mean(mean: Mean | None) -> Markup:
    if mean is None or mean.interval is None:
        return _value(mean)
    return Markup(f"{mean.value:.3f}<small>95%: {_interval(mean).text}</small>")


def _value(mean: Mean | None) -> Markup:
    return page.fixed(None if mean is None else mean.value)


def _interval(mean: Mean | None) -> Markup:
    if mean is None or mean.interval is None:
        return Markup("-", number=True)
    low, high = mean.interval
    return Markup(f"{low:.3f} to {high:.3f}", number=True)


def _percent(share: float | None) -> Markup:
    return Markup("-" if share is None else f"{100 * share:.0f}%", number=True)
