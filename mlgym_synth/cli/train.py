"""`mlgym-synth train sft|grpo|serve|recipes`: make a student out of trajectories, and serve it.

A further way to train is one more `_add_...` in `add_to`, a function that runs it, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgym_synth.cli.common import (
    Commands,
    add_command,
    add_json,
    add_registry,
    add_sandbox,
    console,
    errors,
    print_json,
    print_table,
    register_own,
)

if TYPE_CHECKING:
    from mlgym_synth.training.dry_run import DryRun
    from mlgym_synth.training.grpo import GrpoResult
    from mlgym_synth.training.serve import Serving
    from mlgym_synth.training.sft import Trained

EXAMPLE = "mlgym-synth train sft --data sft.jsonl --recipe smollm2-135m --model SmolLM2.gguf --out students/first"
_SHOWN_CHARACTERS = 1500  # of a stretch that is not trained on


def add_to(commands: Commands) -> None:
    """Declare the commands."""
    group = add_command(commands, "train", "Train and serve a student", EXAMPLE)
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_sft(actions)
    _add_grpo(actions)
    _add_serve(actions)
    recipes = add_command(actions, "recipes", "List the recipes that come with it", "mlgym-synth train recipes")
    add_json(recipes)
    recipes.set_defaults(run=list_recipes)


def add_training(actions: Commands, name: str, help_text: str, example: str) -> argparse.ArgumentParser:
    """A way to train, with the options that all have."""
    command = add_command(actions, name, help_text, example)
    command.add_argument("--model", metavar="M", help="a folder, a name on the Hub, or a .gguf file (or the recipe's)")
    command.add_argument("--tokenizer", metavar="PATH", help="the same, if not the model's own")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="a new folder, needed to train; the same one to go on after a crash"
    )
    command.add_argument("--recipe", metavar="NAME|FILE", help="`train recipes` lists them")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the recipe, as lora.r=8"
    )
    add_json(command)
    return command


def _add_sft(actions: Commands) -> None:
    sft = add_training(actions, "sft", "Fine-tune a model on exported trajectories", EXAMPLE)
    sft.add_argument(
        "--data",
        nargs="+",
        action="extend",
        type=Path,
        required=True,
        metavar="EXPORT",
        help="what `export --format trl` wrote",
    )
    sft.add_argument("--truncate", action="store_true", help="cut conversations that are too long, by tokens")
    sft.add_argument("--dry-run", action="store_true", help="check recipe and data without weights, and show the masks")
    sft.add_argument("--examples", type=int, default=3, metavar="N", help="dry run: shown (default: %(default)s)")
    sft.set_defaults(run=run_sft)


def _add_grpo(actions: Commands) -> None:
    grpo = add_training(
        actions,
        "grpo",
        "Train a model by GRPO on the tasks themselves, in sandboxes",
        "mlgym-synth train grpo --tasks 'task-00*' --recipe qwen3-0.6b-lora --out students/by-reward",
    )
    grpo.add_argument(
        "--tasks",
        nargs="+",
        action="extend",
        required=True,
        metavar="GLOB",
        help="ids or globs; those that are to train on",
    )
    grpo.add_argument("--steps", type=int, metavar="N", help="optimizer steps (or the recipe's)")
    add_sandbox(grpo)
    add_registry(grpo)
    grpo.set_defaults(run=run_grpo)


def _add_serve(actions: Commands) -> None:
    serve = add_command(
        actions, "serve", "Serve a student behind the OpenAI API", "mlgym-synth train serve students/first"
    )
    serve.add_argument(
        "folder", type=Path, metavar="DIR", help="a model folder: a base model, or what `train sft --out` wrote"
    )
    serve.add_argument("--port", type=int, default=8000, metavar="P", help="on this machine (default: %(default)s)")
    serve.add_argument("--tool-parser", metavar="NAME", help="vLLM: how it writes tool calls (default: hermes)")
    serve.add_argument(
        "--engine-arg", action="append", default=[], metavar="ARG", help="one more for the engine: --engine-arg=--dtype"
    )
    serve.set_defaults(run=run_serve)


def run_sft(arguments: argparse.Namespace) -> int:
    """Check and train; with `--dry-run` check and show, and end as the training would if that were refused."""
    from mlgym_synth.training import require_extra
    from mlgym_synth.training.dry_run import dry_run
    from mlgym_synth.training.processes import is_first
    from mlgym_synth.training.recipe import load_recipe
    from mlgym_synth.training.sft import train

    recipe = load_recipe(
        arguments.recipe,
        arguments.set,
        model=arguments.model,
        tokenizer=arguments.tokenizer,
        overlong="truncate" if arguments.truncate else None,
    )
    if not (recipe.model or (arguments.dry_run and recipe.tokenizer)):
        raise ValueError("give --model (or, for a dry run, --tokenizer): a folder, a name on the Hub, or a .gguf file")
    if arguments.out is None and not arguments.dry_run:
        raise ValueError("give --out: the folder for the student")
    require_extra()
    with _progress() as progress:
        if arguments.dry_run:
            found = dry_run(arguments.data, recipe, progress.read, arguments.examples, arguments.out)
        else:
            trained = train(arguments.data, recipe, arguments.out, progress)
    if arguments.dry_run:
        _show_dry_run(found, arguments.json)
        return 2 if found.prepared.refusals else 0  # as where the training itself is refused
    if is_first():
        _show_trained(trained, arguments.json)
    return 0


def run_grpo(arguments: argparse.Namespace) -> int:
    """Check and train."""
    from mlgym_synth.training.grpo import load_grpo_recipe, train_grpo
    from mlgym_synth.training.processes import is_first

    if arguments.out is None:
        raise ValueError("give --out: the folder for the student")
    given = {"model": arguments.model, "tokenizer": arguments.tokenizer, "steps": arguments.steps}
    recipe = load_grpo_recipe(arguments.recipe, arguments.set, **given)
    register_own(arguments)
    result = train_grpo(arguments.tasks, recipe, arguments.out, arguments.sandbox)
    if is_first():
        _show_grpo(result, arguments.json)
    return 0


def _show_grpo(result: GrpoResult, as_json: bool) -> None:
    if as_json:
        print_json({**dataclasses.asdict(result), "out": str(result.out)})
        return
    _say_what_was_there(result.already, result.resumed_from)
    ends = f"{result.rewards[0]:.3f} -> {result.rewards[-1]:.3f}" if result.rewards else "unknown"
    console.print(f"{result.steps} steps, mean return {ends}: {result.out}")


def run_serve(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from mlgym_synth.training.serve import serve

    def ready(server: Serving) -> None:
        console.print(f"{server.name} answers at {server.url} ({server.engine}). Let an agent play with it:")
        console.print(f"  {server.command()}")
        console.file.flush()

    return 1 if serve(arguments.folder, arguments.port, arguments.tool_parser, arguments.engine_arg, ready) else 0


def list_recipes(arguments: argparse.Namespace) -> int:
    """Print the recipes that come with the package, and where they and the launchers' configurations lie."""
    from mlgym_synth.training.grpo import load_grpo_recipe, shipped_grpo
    from mlgym_synth.training.recipe import LAUNCH, load_recipe, shipped

    recipes: list[tuple[str, str, Any, Path]] = [("sft", n, load_recipe(n), file) for n, file in shipped().items()]
    recipes += [("grpo", n, load_grpo_recipe(n), file) for n, file in shipped_grpo().items()]
    launchers = sorted(LAUNCH.glob("*.yaml"))
    if arguments.json:
        listed = [{"for": way, "name": n, "file": str(f), **r.model_dump(mode="json")} for way, n, r, f in recipes]
        print_json({"recipes": listed, "accelerate": [str(file) for file in launchers]})
        return 0
    print_table("", ["for", "recipe", "model"], [[way, name, str(recipe.model)] for way, name, recipe, _ in recipes])
    for _, name, recipe, _ in recipes:
        console.print(f"{name}: {recipe.description}")
    for file in launchers:
        console.print(f"for several GPUs: accelerate launch --config_file {file}")
    return 0


class _Bar:
    """One line on a terminal: what was read, then the steps and the loss."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._task = bar, bar.add_task("reading", total=None)

    def read(self, rows: int) -> None:
        self._bar.update(self._task, completed=rows)

    def stepped(self, step: int, steps: int, loss: float | None) -> None:
        told = "training" if loss is None else f"loss {loss:.4f}"
        self._bar.update(self._task, description=told, completed=step, total=steps)


@contextlib.contextmanager
def _progress() -> Iterator[Any]:
    from mlgym_synth.training.processes import is_first
    from mlgym_synth.training.sft import Quiet

    if not errors.is_terminal or not is_first():
        yield Quiet()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        yield _Bar(bar)


def _show_trained(trained: Trained, as_json: bool) -> None:
    if as_json:
        print_json({**dataclasses.asdict(trained), "out": str(trained.out)})
        return
    _say_what_was_there(trained.already, trained.resumed_from)
    first, last = ("unknown" if loss is None else f"{loss:.4f}" for loss in (trained.first_loss, trained.last_loss))
    console.print(f"{trained.steps} steps, loss {first} -> {last}: {trained.out}")
    console.print(f"Serve it: mlgym-synth train serve {trained.out}")


def _say_what_was_there(already: bool, resumed_from: int | None) -> None:
    if already:
        console.print("Trained already; nothing was done.")
    elif resumed_from:
        console.print(f"Went on after step {resumed_from}.")


def _show_dry_run(found: DryRun, as_json: bool) -> None:
    summary = found.summary()
    if as_json:
        print_json(summary)
        return
    from rich.table import Table
    from rich.text import Text

    for number, example in enumerate(found.examples, 1):
        console.rule(f"example {number}: the loss is of what is green")
        shown = Text()
        for trained, text in example:
            if not trained and len(text) > _SHOWN_CHARACTERS:
                half = _SHOWN_CHARACTERS // 2
                text = f"{text[:half]}\n[... {len(text) - 2 * half:,} characters ...]\n{text[-half:]}"
            shown.append(text, style="bold green" if trained else "dim")
        console.print(shown)
    length = summary["length"]
    rows = [
        ["conversations", f"{summary['rows']:,} ({summary['kept']:,} kept) about {summary['tasks']:,} tasks"],
        ["tokens of one", ", ".join(f"{name} {length[name]:,}" for name in ("min", "median", "p95", "max"))],
        [
            "tokens",
            f"{length['total']:,}; {summary['overlong']:,} conversations too long, {summary['cut_tokens']:,} cut",
        ],
        ["trained on", f"{summary['trained_tokens']:,} of {summary['tokens']:,} ({summary['trained_share']:.1%})"],
        ["masks", summary["masks"]],
        [
            "steps",
            f"{summary['steps']:,}; {summary['steps_per_epoch']:,} an epoch of {summary['sequences']:,} sequences",
        ],
        *(["note", note] for note in summary["notes"]),
    ]
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*map(Text, row))
    console.print(grid)
