"""`mlgym-synth report`: pages that show what a run did."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mlgym_synth.cli.common import Commands, add_command, console, errors


def add_to(commands: Commands) -> None:
    """Declare the commands."""
    group = add_command(commands, "report", "Write a page about a run", "mlgym-synth report synthesis my-tasks")
    kinds = group.add_subparsers(dest="kind", metavar="KIND", required=True)
    synthesis = add_command(
        kinds, "synthesis", "The funnel of a synthesis, as one HTML file", "mlgym-synth report synthesis my-tasks"
    )
    synthesis.add_argument("folder", type=Path, metavar="DIR", help="what `synthesize --out DIR` wrote")
    synthesis.add_argument("--out", type=Path, metavar="FILE", help="the page (default: DIR/synthesis.html)")
    synthesis.set_defaults(run=report_synthesis)
    trajectories = add_command(
        kinds,
        "trajectories",
        "The episodes of a rollout, as HTML: an index, and a page for each",
        "mlgym-synth report trajectories my-run",
    )
    trajectories.add_argument("folder", type=Path, metavar="DIR", help="what `rollout --out DIR` wrote or is writing")
    trajectories.add_argument(
        "--out", type=Path, metavar="PATH", help="a folder, or the index as FILE.html (default: DIR/report)"
    )
    trajectories.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="episodes with a row and a page; figures count all (default: 10000, the first ones of every task)",
    )
    trajectories.set_defaults(run=report_trajectories)


def report_synthesis(arguments: argparse.Namespace) -> int:
    """Write the funnel."""
    from mlgym_synth.reports.synthesis import write_report
    from mlgym_synth.reports.text import counted

    file = arguments.out or arguments.folder / "synthesis.html"
    count = write_report(arguments.folder, file)
    console.print(f"{counted(count, 'candidate')}: {file}")
    return 0


def report_trajectories(arguments: argparse.Namespace) -> int:
    """Write the index and the episodes' pages."""
    from mlgym_synth.reports.trajectories import LIMIT, write_report

    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as shown:
        bar = shown.add_task("episodes", total=None)
        limit = LIMIT if arguments.limit is None else arguments.limit
        written = write_report(
            arguments.folder,
            arguments.out,
            limit,
            on_episode=lambda done, total: shown.update(bar, completed=done, total=total),
        )
    left_out = "" if written.pages == written.episodes else f", {written.pages:,} of them with a page"
    console.print(f"{written.episodes:,} episodes{left_out}: {written.index}")
    return 0
