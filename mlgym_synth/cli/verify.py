"""`mlgym-synth verify`: run the gates over registered tasks; `--record` measures and writes what was measured."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mlgym_synth import registry
from mlgym_synth.cli.common import (
    Commands,
    add_command,
    add_json,
    add_registry,
    add_sandbox,
    console,
    errors,
    is_folder,
    positive_int,
    print_json,
    register_own,
    report_progress,
)
from mlgym_synth.errors import TaskNotFound
from mlgym_synth.folder import TaskFolder, load_task

if TYPE_CHECKING:
    from mlgym_synth.gates import Verdict


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(commands, "verify", "Run the gates over tasks", "mlgym-synth verify task-0001")
    command.add_argument(
        "tasks", nargs="*", metavar="ID", help="ids, globs ('own-*' with --registry), or folders of tasks in the making"
    )
    command.add_argument("--all", action="store_true", help="every registered task")
    command.add_argument("--sample", type=positive_int, metavar="N", help="N registered tasks at random")
    command.add_argument("--seed", type=int, default=0, help="of the sample (default: %(default)s)")
    command.add_argument(
        "--workers", type=positive_int, default=os.cpu_count() or 1, help="tasks at a time (default: %(default)s)"
    )
    command.add_argument("--fresh", action="store_true", help="run again what is known from before")
    command.add_argument(
        "--record",
        action="store_true",
        help="measure baseline and reference into task.yaml first, and write the index of the folder around envs/",
    )
    add_registry(command)
    add_sandbox(command)
    add_json(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Verify what was chosen; exit code 1 where a task fails."""
    register_own(arguments)
    folders = chosen(arguments)
    # Here and not above, so that a wrong command line is answered at once.
    from mlgym_synth.gates import verify_many, write_index
    from mlgym_synth.sandbox.runtime import ensure_runtime

    ensure_runtime(progress=report_progress)
    others, roots, unmeasured = registry.select(), set[Path](), dict[str, str]()
    if arguments.record:
        folders, unmeasured = _recorded(folders, arguments.sandbox)
        roots = {path.parents[1] for folder in folders if (path := folder.path.resolve()).parent.name == "envs"}
        for root in roots:
            write_index(root)
        others = [entry for entry in others if entry.root.resolve() not in roots]
        others += [entry for root in roots for entry in registry.read_index(root)]
    verdicts: list[Verdict] = []
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
        job = bar.add_task("verifying", total=len(folders))

        def note(verdict: Verdict) -> None:
            verdicts.append(verdict)
            bar.advance(job)
            if not arguments.json:
                _show(verdict)

        verify_many(
            folders,
            workers=arguments.workers,
            sandbox=arguments.sandbox,
            fresh=arguments.fresh,
            others=others,
            of_all_collections=arguments.record,
            on_result=note,
        )
    for root in roots:
        write_index(root, {verdict.task_id: verdict.passed for verdict in verdicts})
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if arguments.json:
        listed = [{**dataclasses.asdict(verdict), "passed": verdict.passed} for verdict in verdicts]
        print_json(listed + [{"task_id": name, "passed": False, "error": why} for name, why in unmeasured.items()])
    else:
        console.print(f"{len(verdicts) - len(failed)} of {len(verdicts) + len(unmeasured)} tasks pass all gates.")
    return 1 if failed or unmeasured else 0


def _recorded(folders: Sequence[TaskFolder], sandbox: str) -> tuple[list[TaskFolder], dict[str, str]]:
    """The folders with what was measured, and of those that could not be measured the ids, and why."""
    from mlgym_synth.gates import record
    from mlgym_synth.gates.verify import FAULTS

    made, unmeasured = list[TaskFolder](), dict[str, str]()
    for folder in folders:
        _refuse_taken(folder)
    for folder in folders:
        report_progress(f"measuring {folder.spec.id}")
        try:
            made.append(record(folder, sandbox=sandbox))
        except FAULTS as error:
            errors.print(f"{folder.spec.id} could not be measured: {error}")
            unmeasured[folder.spec.id] = str(error)
    return made, unmeasured


def chosen(arguments: argparse.Namespace) -> list[TaskFolder]:
    """The folders the arguments name.

    Raises:
        ValueError: none named, or more than one way of naming them.
        TaskNotFound: an id that is not registered.
    """
    ways = [bool(arguments.tasks), arguments.all, arguments.sample is not None]
    if sum(ways) != 1:
        raise ValueError("verify: name tasks, or give --all, or --sample N (one of the three)")
    if arguments.tasks:
        folders = [load_task(name) for name in arguments.tasks if is_folder(name)]
        patterns = [name for name in arguments.tasks if not is_folder(name)]
        return folders + [load_task(e.folder) for e in (registry.select(patterns) if patterns else [])]
    entries = registry.select()
    if arguments.sample is not None:
        entries = random.Random(arguments.seed).sample(entries, min(arguments.sample, len(entries)))
    return [load_task(entry.folder) for entry in entries]


def _refuse_taken(folder: TaskFolder) -> None:
    with contextlib.suppress(TaskNotFound):
        other = registry.find(folder.spec.id).folder
        if other.resolve() != folder.path.resolve():
            raise ValueError(f"{folder.path}: {folder.spec.id} is the id of the task in {other}. Take another.")


def _show(verdict: Verdict) -> None:
    mark = "[green]pass[/green]" if verdict.passed else "[red]FAIL[/red]"
    console.print(f"{mark}  {verdict.task_id}  [dim]{verdict.seconds:.1f} s[/dim]", markup=True)
    for result in verdict.results:
        if not result.passed:
            console.print(f"      gate {result.gate} ({result.name}): ", end="")
            console.print(result.reason)
