"""`mlgym-synth tasks list|show|new`: what there is, whether it runs on this machine, and one on a table of your own."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from typing import Any

from rich.markdown import Markdown

from mlgym_synth import registry
from mlgym_synth.cli import new_task
from mlgym_synth.cli.common import (
    Commands,
    add_command,
    add_json,
    add_mlgym,
    add_registry,
    add_split,
    console,
    errors,
    positive_int,
    print_json,
    register_own,
)
from mlgym_synth.data.own_files import content_hash
from mlgym_synth.errors import DatasetUnavailable, SandboxUnavailable
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.registry import TaskEntry
from mlgym_synth.task import OWN_FILE

_PACKAGES = {
    "scikit-learn": ("sklearn", "data"),
    "scikit-image": ("skimage", "data"),
    "huggingface": ("pandas", "hub"),
}
"""Sources that are not called like the module they come with: the module, and the extra that installs it."""


def add_to(commands: Commands) -> None:
    """Declare the commands."""
    group = add_command(commands, "tasks", "List, show and make tasks", "mlgym-synth tasks list --family ranking")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = add_command(actions, "list", "List tasks, one a line", "mlgym-synth tasks list 'task-000*'")
    listing.add_argument("patterns", nargs="*", default=["*"], metavar="GLOB", help="which ids (default: all)")
    listing.add_argument(
        "--suite", choices=("synth", "mlgym"), default="synth", help="ours or MLGym's (default: %(default)s)"
    )
    add_mlgym(listing, "a checkout of MLGym, for --suite mlgym")
    listing.add_argument("--family", help="only this family")
    add_split(listing)
    listing.add_argument("--metric", help="only this metric")
    listing.add_argument("--dataset", metavar="TEXT", help="only where the data set's name holds this")
    listing.add_argument("--limit", type=positive_int, metavar="N", help="the first so many")
    show = add_command(actions, "show", "Show one task and whether it runs here", "mlgym-synth tasks show task-0001")
    show.add_argument("task", help="its id")
    new_task.add_to(actions)
    for command, function in ((listing, list_tasks), (show, show_task)):
        add_registry(command)
        add_json(command)
        command.set_defaults(run=function)


def list_tasks(arguments: argparse.Namespace) -> int:
    """Print the index, filtered; tasks of one's own first."""
    if arguments.suite == "mlgym":
        return list_mlgym(arguments)
    if arguments.mlgym_root is not None:
        raise ValueError("--mlgym-root goes with --suite mlgym")
    register_own(arguments)
    entries = registry.select(
        arguments.patterns,
        split=arguments.split,
        family=arguments.family or (),
        first=arguments.registry,
        **{name: getattr(arguments, name) for name in ("metric", "dataset", "limit")},
    )
    if not entries:
        raise ValueError(_nothing(arguments))
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
    _print_table(rows)
    of = "" if len(entries) == registry.count() else f" of {registry.count():,}"
    console.print(f"{len(entries):,} task{'s' * (len(entries) != 1)}{of}", style="dim")
    return 0


def list_mlgym(arguments: argparse.Namespace) -> int:
    """Print every task config of a checkout of MLGym, and what it lacks here; exit code 1 where one is broken."""
    if arguments.mlgym_root is None:
        raise ValueError("--suite mlgym needs --mlgym-root PATH, a checkout of github.com/facebookresearch/MLGym")
    if arguments.family or arguments.metric or arguments.dataset or arguments.split != "all":
        raise ValueError("--suite mlgym is filtered by globs only, `mlgym/rl*`")
    if arguments.registry is not None:
        raise ValueError("--registry is for tasks of ours: leave it out, or leave out --suite mlgym")
    from mlgym_synth.evaluation.mlgym import Listed, survey

    def fields(one: Listed) -> dict[str, Any]:
        known: dict[str, Any] = {"id": one.id, "config": one.config, "state": one.state, "missing": one.missing}
        if (published := one.published) is not None:
            known |= {"class": one.entrypoint, "metric": published.metric, "direction": published.direction}
            known |= {"baseline": one.baseline, "reference": published.reference}
        return known

    found = survey(arguments.mlgym_root)
    listed = found.named(arguments.patterns)[: arguments.limit]
    if arguments.json:
        print_json([fields(one) for one in listed])
    else:
        shown = [("id", "class", "state", "what is missing")]
        shown += [(one.id, one.entrypoint or "-", one.state, one.reason or "-") for one in listed]
        _print_table(shown)
        running = sum(one.state == "runs" for one in listed)
        console.print(f"{running} of {len(listed)} run here", style="dim")
    if found.fault is not None:
        errors.print(found.fault)
    return 1 if found.fault is not None or any(one.state == "broken" for one in listed) else 0


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns side by side; the first row is their names."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        console.print(line, style="bold" if number == 0 else None)


def _nothing(arguments: argparse.Namespace) -> str:
    """Which option leaves nothing, and what it could have been."""
    entries = registry.select(arguments.patterns)
    for name, plural in (("family", "Families"), ("metric", "Metrics")):
        known = sorted({getattr(entry, name) for entry in entries})
        if (wanted := getattr(arguments, name)) is not None and wanted not in known:
            return f"--{name} {wanted}: none of these tasks is of it. {plural} are {', '.join(known)}."
    return "no task matches all of these options. Leave one out."


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
    console.print(f"\n{entry.gym_id}", style="bold", end="")
    console.print(f"  {spec.family}, {spec.metric.name} ({spec.metric.direction})")
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
    if source is not None and source.package == OWN_FILE:
        try:
            content_hash(source)
        except DatasetUnavailable as error:
            missing["data"] = str(error)
    elif source is not None:
        module, extra = _PACKAGES.get(source.package, (source.package, "data"))
        if importlib.util.find_spec(module) is None:
            missing["data"] = f"the package {module} is not installed (pip install 'mlgym-synth[{extra}]')"
    try:
        choose_backend("auto")
    except SandboxUnavailable as error:
        missing["sandbox"] = str(error)
    return missing


def _fields(entry: TaskEntry) -> dict[str, Any]:
    names = ("family", "metric", "direction", "dataset", "split", "baseline", "reference", "verified", "sha256")
    return {"id": entry.gym_id, **{name: getattr(entry, name) for name in names}, "folder": str(entry.folder)}
