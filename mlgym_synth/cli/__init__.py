"""The command line. Thin: every subcommand is one call away from the library; errors become exit codes here."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import mlgym_synth
from mlgym_synth.cli import (
    aup,
    benchmark,
    demo,
    export,
    export_tasks,
    report,
    rollout,
    sandbox,
    synthesize,
    tasks,
    train,
    verify,
)
from mlgym_synth.errors import CatalogueSilent, GradingError, LLMError, MlgymSynthError, RolloutStopped, SandboxDied

EXIT_CODES = (
    "Exit codes: 0 done, 1 the work finished and something in it failed, 2 usage or a missing prerequisite, "
    "3 infrastructure (run it again to go on), 130 Ctrl-C or SIGTERM."
)
_INFRASTRUCTURE = (SandboxDied, GradingError, LLMError, RolloutStopped, CatalogueSilent)
_PATHS = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError, PermissionError)


def parser() -> argparse.ArgumentParser:
    """The whole command line, one subparser a command."""
    top = argparse.ArgumentParser(
        prog="mlgym-synth",
        description="Verified machine-learning research tasks as Gymnasium environments in sandboxes.",
        epilog=f"example: mlgym-synth demo. {EXIT_CODES}",
    )
    top.add_argument("--version", action="version", version=f"mlgym-synth {mlgym_synth.__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    everyday = (demo, tasks, verify, synthesize, rollout, export, train, export_tasks, benchmark, aup, report, sandbox)
    for command in everyday:
        command.add_to(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    if (here := str(Path.cwd())) not in sys.path:  # for `--agent my_agent:make`, as `python -m` has it
        sys.path.append(here)
    try:
        with _ended_alike():
            code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nInterrupted; what was finished is kept.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone: nothing is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MlgymSynthError as error:
        print(f"mlgym-synth: {error}", file=sys.stderr)
        return 3 if isinstance(error, _INFRASTRUCTURE) else 2
    except OSError as error:  # a path that cannot be used is the caller's; a full disk and the like is nobody's
        print(f"mlgym-synth: {error}", file=sys.stderr)
        return 2 if isinstance(error, _PATHS) else 3
    except ValueError as error:  # an argument out of its range, said in words by the library
        print(f"mlgym-synth: {error}", file=sys.stderr)
        return 2


@contextlib.contextmanager
def _ended_alike() -> Iterator[None]:
    """SIGTERM, which batch systems and `kill` send, ends a command as Ctrl-C does: what is finished is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
