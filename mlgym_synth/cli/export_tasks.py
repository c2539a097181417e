"""`mlgym-synth export-tasks`: write tasks in the form of another framework."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mlgym_synth import registry
from mlgym_synth.cli.common import (
    Commands,
    add_command,
    add_json,
    add_registry,
    add_split,
    console,
    errors,
    print_json,
    register_own,
)

EXAMPLE = "mlgym-synth export-tasks --format mlgym --out for-mlgym 'task-000*'"


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(commands, "export-tasks", "Write tasks as another framework's", EXAMPLE)
    command.add_argument("tasks", nargs="*", default=["synth/*"], metavar="GLOB", help="ids or globs (default: all)")
    command.add_argument("--format", choices=("mlgym",), required=True, help="MLGym's configs and data folders")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to, made if missing")
    add_split(command)
    command.add_argument("--seed", type=int, default=0, help="draws ids and row order (default: %(default)s)")
    add_registry(command)
    add_json(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write what was chosen; exit code 1 where a task could not be written."""
    register_own(arguments)
    entries = registry.select(arguments.tasks, split=arguments.split)
    if not entries:
        raise ValueError(f"export-tasks: no task of split {arguments.split!r} matches {' '.join(arguments.tasks)}")
    from mlgym_synth.evaluation.mlgym.export import Exported, export_tasks

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
        job = bar.add_task("exporting", total=len(entries))

        def note(one: Exported) -> None:
            bar.advance(job)
            if one.fault is not None:
                errors.print(f"skipped {one.id}: {one.fault}")

        done = export_tasks(entries, arguments.out, seed=arguments.seed, on_result=note)
    skipped = [one for one in done if one.fault is not None]
    if arguments.json:
        print_json([dataclasses.asdict(one) for one in done])
    else:
        console.print(f"{len(done) - len(skipped)} of {len(done)} tasks are in {arguments.out}.")
    return 1 if skipped else 0
