"""What the commands share: options that mean the same everywhere, and how results are printed."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from mlgym_synth import registry
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.llm.budget import FREE, Prices
from mlgym_synth.llm.settings import Mode, ModelSettings

console = Console(highlight=False, markup=False, soft_wrap=True)  # paths and what others say may hold brackets
errors = Console(highlight=False, markup=False, soft_wrap=True, stderr=True)

SAY_EVERY_S = 30.0
"""Seconds between progress lines in a log."""

Commands = Any  # argparse keeps the type of `add_subparsers` private


def add_command(commands: Commands, name: str, help_text: str, example: str) -> argparse.ArgumentParser:
    """A subparser with its help and an example of its use."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=f"{help_text}.", epilog=f"example: {example}"
    )
    return made


def positive_int(text: str) -> int:
    """An option's whole number, at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value}: must be at least 1")
    return value


def finite(text: str) -> float:
    """An option's number."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text}: must be a finite number")
    return value


def non_negative(text: str) -> float:
    """An option's number that is not below 0."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: must be a number that is not below 0")
    return value


def positive_float(text: str) -> float:
    """An option's number above 0."""
    if not (value := non_negative(text)):
        raise argparse.ArgumentTypeError("0: must be above 0")
    return value


def add_json(command: argparse.ArgumentParser) -> None:
    """`--json`: print the result as JSON instead of text."""
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def add_sandbox(command: argparse.ArgumentParser) -> None:
    """`--sandbox`: which backend."""
    command.add_argument(
        "--sandbox", choices=("auto", "docker", "bwrap"), default="auto", help="where agents run (default: %(default)s)"
    )


def add_registry(command: argparse.ArgumentParser) -> None:
    """`--registry DIR`: tasks of one's own besides the shipped ones."""
    command.add_argument(
        "--registry", metavar="DIR", type=Path, help="also tasks that `synthesize` or `verify --record` wrote to DIR"
    )


def add_split(command: argparse.ArgumentParser) -> None:
    """`--split`: only the tasks of one split."""
    command.add_argument(
        "--split", choices=("train", "heldout", "all"), default="all", help="only its tasks (default: %(default)s)"
    )


def add_endpoint(command: argparse.ArgumentParser, whose: str, max_tokens: int) -> None:
    """The options of whatever asks a model; `whose` says in their help when they count."""
    command.add_argument(
        "--base-url", metavar="URL", help=f"{whose}: an OpenAI-compatible endpoint; key in OPENAI_API_KEY"
    )
    command.add_argument(
        "--prices", type=non_negative, nargs=2, metavar=("IN", "OUT"), help=f"{whose}: USD per million tokens"
    )
    command.add_argument(
        "--timeout",
        type=positive_float,
        metavar="S",
        default=300,
        help=f"{whose}: seconds for one answer (default: %(default)s)",
    )
    command.add_argument(
        "--max-tokens",
        type=positive_int,
        metavar="N",
        default=max_tokens,
        help=f"{whose}: of one answer (default: %(default)s)",
    )


def add_model(command: argparse.ArgumentParser) -> None:
    """How the model of `--agent openai:MODEL` is called; `model_settings` reads it."""
    usual = ModelSettings()
    add_endpoint(command, "openai", usual.max_tokens)
    command.add_argument("--temperature", type=float, metavar="T", help="openai: of sampling (default: the endpoint's)")
    command.add_argument(
        "--top-p", type=float, metavar="P", help="openai: of nucleus sampling (default: the endpoint's)"
    )
    command.add_argument("--reasoning-effort", metavar="E", help="openai: low, medium, high (default: the endpoint's)")
    command.add_argument(
        "--context-tokens",
        type=int,
        metavar="N",
        default=usual.context_tokens,
        help="openai: of one request at most; older output is left out to fit (default: %(default)s)",
    )
    command.add_argument(
        "--tool-mode",
        choices=get_args(Mode),
        default=usual.mode,
        help="openai: function calls, or one fenced command an answer (default: %(default)s)",
    )
    command.add_argument(
        "--model-calls",
        type=int,
        metavar="N",
        default=usual.concurrency,
        help="openai: requests at a time, of each process (default: %(default)s)",
    )
    command.add_argument("--logprobs", action="store_true", help="openai: keep log-probabilities and token ids")


def prices(arguments: argparse.Namespace) -> Prices:
    """What `--prices` says."""
    return Prices(*arguments.prices) if arguments.prices else FREE


def model_settings(arguments: argparse.Namespace) -> ModelSettings:
    """What the options of `add_model` say.

    Raises:
        ValueError: a value out of its range.
    """
    return ModelSettings(
        base_url=arguments.base_url,
        temperature=arguments.temperature,
        top_p=arguments.top_p,
        reasoning_effort=arguments.reasoning_effort,
        max_tokens=arguments.max_tokens,
        context_tokens=arguments.context_tokens,
        mode=arguments.tool_mode,
        logprobs=arguments.logprobs,
        timeout_s=arguments.timeout,
        concurrency=arguments.model_calls,
        prices=prices(arguments),
    )


def register_own(arguments: argparse.Namespace) -> None:
    """Register what `--registry` names."""
    if arguments.registry is not None:
        registry.register(arguments.registry)


def is_folder(name: str) -> bool:
    """Whether an argument is a task's folder, and not an id or a glob."""
    return (Path(name) / "task.yaml").is_file()


def add_mlgym(command: argparse.ArgumentParser, what: str = "also `mlgym/*`, from a checkout of MLGym") -> None:
    """`--mlgym-root DIR`: the tasks of a checkout of MLGym."""
    command.add_argument("--mlgym-root", metavar="PATH", type=Path, help=what)


def register_mlgym(arguments: argparse.Namespace, wanted: Sequence[str]) -> int:
    """Register what runs of the checkout that `--mlgym-root` names, and say of all that is wanted else why it does not.

    Args:
        arguments: of the command line.
        wanted: ids or globs of the tasks that the command is about.

    Returns:
        How much of the checkout is broken.

    Raises:
        TaskInvalid: there is no checkout of MLGym.
    """
    if arguments.mlgym_root is None:
        return 0
    from mlgym_synth.evaluation.mlgym import register_survey, survey

    found = survey(arguments.mlgym_root)
    if found.fault is not None and found.is_none:
        raise TaskInvalid(found.fault)
    register_survey(found)
    for one in found.named(wanted):
        if one.task is None:
            errors.print(f"skipped {one.id} ({one.config}): {one.reason}", style="dim")
    if found.fault is not None:
        errors.print(found.fault)
    return len(found.broken) + (found.fault is not None)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    json.dump(value, sys.stdout, indent=2)
    print()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table as wide as its cells: a pipe has no width, and no figure may be cut off."""
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", title_style="bold", box=None)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))  # names are the file's, not markup
    table.width = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    console.print(table, crop=False)
    console.print()


def report_progress(text: str) -> None:
    """A line about long work, on stderr so that results can be piped."""
    errors.print(text, style="dim")


class LinesNowAndThen:
    """Progress of long work on a stderr that is no terminal, and so shows no bar: one line per `SAY_EVERY_S`."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def say(self, text: str) -> None:
        """Print it, if it is time."""
        if not errors.is_terminal and time.monotonic() - self._said_at >= SAY_EVERY_S:
            self._said_at = time.monotonic()
            errors.print(text)
