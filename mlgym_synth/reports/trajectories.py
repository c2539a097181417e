"""The report on a rollout: an index of its episodes that sorts and filters, and a page for each of them beside it.

The ledger says which episodes there are, which fixes names, order and links; then the trajectories are read once, one
at a time. Figures count all of them; rows and pages are bounded, and the page says what was left out. Pages come before
the index that links to them, so that a reader finds whole pages at any time, also while the run still writes.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.reports import page
from mlgym_synth.reports.episode import Links, write_episode
from mlgym_synth.reports.episodes import RolloutIndex, index_parts
from mlgym_synth.reports.tally import Group, Outcome, outcome
from mlgym_synth.reports.text import counted
from mlgym_synth.trajectories.store import Summary, read_settings, read_summaries, read_trajectories

LIMIT = 10_000
"""Episodes with a row and a page of their own, unless the caller wants another number."""
_OURS = re.compile(r"[a-z0-9._-]+-\d{4,}\.html")
Key = tuple[str, int]


class NoEpisodes(MlgymSynthError):
    """There is nothing to report on."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a report holds: the index, how many episodes are counted in it, and how many have a page."""

    index: Path
    episodes: int
    pages: int


def write_report(
    folder: Path,
    out: Path | None = None,
    limit: int = LIMIT,
    on_episode: Callable[[int, int], None] | None = None,
    *,
    only: AbstractSet[Key] | None = None,
) -> Written:
    """Write the report on a run.

    Args:
        folder: what `rollout --out` wrote, or is writing.
        out: the index if it ends in `.html`, else the folder for an `index.html`; DIR/report by default.
        limit: how many episodes get a row and a page; the first ones of every task.
        on_episode: called after each episode that was read, with how many there were and are in all.
        only: task and index of the episodes that the report is on; None takes all.

    Raises:
        StoreInvalid: no store there, or a broken one.
        NoEpisodes: it is empty, or holds none of these.
        ValueError: the limit is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit={limit}: must be at least 1")
    summaries = [s for s in read_summaries(folder) if only is None or (s.task_id, s.index) in only]
    if not summaries:
        raise NoEpisodes(f"{folder}: {'no episode' if only is None else 'none of these episodes'} is stored there yet.")
    target = out or folder / "report"
    index = target if target.suffix == ".html" else target / "index.html"
    pages = index.with_name("episodes" if index.stem == "index" else f"{index.stem}-episodes")
    names = {key: episode_file(*key) for key in _chosen(summaries, limit)}
    outcomes = _write_pages(folder, summaries, names, pages, f"../{quote(index.name)}", on_episode)
    addresses = {key: f"{quote(pages.name)}/{name}" for key, name in names.items()}
    page.write_page(
        index,
        f"{counted(len(outcomes), 'episode')} of {counted(Group(outcomes).tasks, 'task')}",
        index_parts(RolloutIndex(outcomes, addresses, read_settings(folder))),
        broad=True,
        script=page.table_script(),
    )
    _remove_others(pages, set(names.values()))
    return Written(index, len(outcomes), len(names))


def _chosen(summaries: Sequence[Summary], limit: int) -> list[Key]:
    """The first episodes of every task, in the order of tasks."""
    by_task: dict[str, list[Key]] = defaultdict(list)
    for summary in summaries:
        by_task[summary.task_id].append((summary.task_id, summary.index))
    ranked = [(rank, key) for keys in by_task.values() for rank, key in enumerate(sorted(keys))]
    return sorted(key for _, key in sorted(ranked)[:limit])


def episode_file(task_id: str, index: int) -> str:
    """A file name for an episode; distinct for distinct tasks on every file system, and a name whatever the id is."""
    plain = re.sub(r"[^a-z0-9._-]+", "_", task_id.lower()).strip("._")[:80]
    if plain != task_id:
        plain += "-" + hashlib.sha256(task_id.encode()).hexdigest()[:12]
    return f"{plain.lstrip('-')}-{index:04d}.html"


def _write_pages(
    folder: Path,
    summaries: Sequence[Summary],
    names: Mapping[Key, str],
    pages: Path,
    index: str,
    on_episode: Callable[[int, int], None] | None,
) -> list[Outcome]:
    """Write the episodes' pages, and return what all episodes came to, in the order of tasks."""
    order = list(names)
    links = {
        key: Links(index, *(names[order[n]] if 0 <= n < len(order) else "" for n in (place - 1, place + 1)))
        for place, key in enumerate(order)
    }
    costs = {(summary.task_id, summary.index): summary.cost_usd for summary in summaries}
    outcomes: dict[Key, Outcome] = {}
    for trajectory in read_trajectories(folder):
        key = (trajectory.task_id, trajectory.index)
        if key not in costs:
            continue  # not asked for, or stored since the ledger was read
        if key in names:
            write_episode(pages / names[key], trajectory, links[key])
        outcomes[key] = outcome(trajectory, costs[key])
        if on_episode is not None:
            on_episode(len(outcomes), len(costs))
    return [outcomes[key] for key in sorted(outcomes)]


def _remove_others(pages: Path, names: set[str]) -> None:
    """Remove pages of an earlier report; what else lies there is not ours."""
    for file in pages.iterdir():
        if file.name not in names and _OURS.fullmatch(file.name) and page.is_ours(file):
            file.unlink()
