"""What the commands share: options that mean the same everywhere, and how results are printed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from mlgym_synth import registry

console = Console(highlight=False, soft_wrap=True)
errors = Console(highlight=False, soft_wrap=True, stderr=True)

Commands = Any  # argparse keeps the type of `add_subparsers` private


def add_command(commands: Commands, name: str, help_text: str, example: str) -> argparse.ArgumentParser:
    """A subparser with its help and an example of its use."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=f"{help_text}.", epilog=f"example: {example}"
    )
    return made


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
    command.add_argument("--registry", metavar="DIR", type=Path, help="also the tasks that `synthesize` wrote to DIR")


def register_own(arguments: argparse.Namespace) -> None:
    """Register what `--registry` names."""
    if arguments.registry is not None:
        registry.register(arguments.registry)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    json.dump(value, sys.stdout, indent=2)
    print()


def report_progress(text: str) -> None:
    """A line about long work, on stderr so that results can be piped."""
    errors.print(f"[dim]{text}[/dim]")
