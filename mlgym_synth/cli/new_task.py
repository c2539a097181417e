"""`mlgym-synth tasks new`: a task on a table of one's own, ready to be read, improved and verified."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import yaml

from mlgym_synth import registry
from mlgym_synth.cli.common import Commands, add_command, console
from mlgym_synth.errors import TaskNotFound

EXAMPLE = "mlgym-synth tasks new my-tasks/envs/my-0001 --table patients.csv --target diagnosis"
_TEXTS = {
    "title": ("TEXT", "the statement's heading"),
    "ask": ("TEXT", "what to predict, in a sentence"),
    "row": ("TEXT", "what a row is, as in 'one patient'"),
    "about": ("TEXT", "where the data is from, in a sentence or two"),
    "group": ("COLUMN", "test rows are of other groups than train rows"),
    "time": ("COLUMN", "test rows are later than train rows"),
    "metric": ("NAME", "one that suits the target (default: drawn by the seed)"),
    "licence": ("TEXT", "of the data"),
    "citation": ("TEXT", "of the data"),
    "topic": ("TEXT", "for listings"),
}


def add_to(actions: Commands) -> None:
    """Declare the command."""
    command = add_command(actions, "new", "Make a task of a table of your own", EXAMPLE)
    command.add_argument("folder", type=Path, metavar="DIR/envs/ID", help="to be made; its name becomes the id")
    command.add_argument("--table", type=Path, required=True, metavar="FILE", help="CSV (UTF-8, a header) or parquet")
    command.add_argument("--target", required=True, metavar="COLUMN", help="what is to be predicted")
    command.add_argument(
        "--drop",
        nargs="+",
        action="extend",
        default=[],
        metavar="COLUMN",
        help="identifiers, and what gives the target away",
    )
    for name, (shown, text) in _TEXTS.items():
        command.add_argument(f"--{name}", metavar=shown, help=text)
    command.add_argument(
        "--task",
        choices=("classification", "regression"),
        help="what to make of the target (default: few values are classes)",
    )
    command.add_argument("--meanings", type=Path, metavar="FILE", help="YAML or JSON: column -> what it means")
    command.add_argument("--seed", type=int, default=0, help="of split, metric and baseline (default: %(default)s)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder and say what is in it."""
    from mlgym_synth.synthesis.own_table import Question, write_task

    folder: Path = arguments.folder
    _check(folder)
    given = {name: value for name in _TEXTS if (value := getattr(arguments, name)) is not None}
    question = Question(
        target=arguments.target,
        drop=tuple(arguments.drop),
        task=arguments.task,
        meanings=_meanings(arguments.meanings),
        **given,
    )
    written = write_task(folder, arguments.table, question, arguments.seed)
    spec = written.folder.spec
    console.print(f"{folder}: {spec.family}, {spec.metric.name} ({spec.metric.direction})")
    for name in ("README.md", "task.yaml", "workspace/baseline.py", "solution/solution.py"):
        console.print(f"  {name}")
    if written.left_out:
        kinds = "row numbers, identifiers, names, texts, or one value only"
        console.print(f"no features ({kinds}): {', '.join(written.left_out)}")
    if written.rows_left_out:
        why = f"no {arguments.target}: empty, or a word that CSV readers take for missing, such as NA or None"
        console.print(f"rows left out: {written.rows_left_out} ({why})")
    console.print("Read the four, make them better, then: ", end="")
    console.print(f"mlgym-synth verify --record {folder}", soft_wrap=True)
    return 0


def _check(folder: Path) -> None:
    if folder.resolve().parent.name != "envs":
        raise ValueError(f"{folder}: the folder above has to be called envs, as in {EXAMPLE.split()[3]}")
    name = folder.resolve().name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ValueError(f"{folder}: an id has small letters, digits and hyphens, as in my-0001")
    try:
        entry = registry.find(name)
    except TaskNotFound:
        return
    raise ValueError(f"{folder}: {name} is the id of a task in {entry.folder}. Name another.")


def _meanings(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        made: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: no YAML and no JSON: {' '.join(str(error).split())}") from error
    if not isinstance(made, dict):
        raise ValueError(f"{file}: holds no mapping. Write lines such as `age: age of the patient in years`.")
    if odd := [name for name in made if not isinstance(name, str)]:
        raise ValueError(f"{file}: {odd[0]!r} is no name of a column: put it in quotes, as YAML reads it otherwise.")
    return {name: str(text) for name, text in made.items() if text is not None}
