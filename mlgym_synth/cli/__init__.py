"""The command line. Thin: every subcommand is one call away from the library; errors become exit codes here."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
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
from mlgym_synth.errors import (
    WRONG_PATHS,
    CatalogueSilent,
    GradingError,
    LLMError,
    MlgymSynthError,
    ModelNotConfigured,
    RolloutStopped,
    SandboxDied,
)

EXIT_CODES = (
    "Exit codes: 0 done, 1 the work finished and something in it failed, 2 usage or a missing prerequisite, "
    "3 infrastructure, or the money is spent (run it again to go on), 130 Ctrl-C or SIGTERM."
)
_INFRASTRUCTURE = (
    SandboxDied, GradingError, LLMError, RolloutStopped, CatalogueSilent,
    OSError, BrokenExecutor, sqlite3.OperationalError,
)  # fmt: skip
_CALLER_ERRORS = (ModelNotConfigured, *WRONG_PATHS)
"""Of these, the ones that the caller has to fix."""


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
        with sigterm_as_interrupt():
            code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nInterrupted; what was finished is kept.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone: nothing is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (MlgymSynthError, OSError, ValueError, BrokenExecutor, sqlite3.Error) as error:
        print(f"mlgym-synth: {_message(error)}", file=sys.stderr)
        return _exit_code(error)


def _message(error: Exception) -> str:
    """What happened and what to do; our own errors say both themselves."""
    if isinstance(error, BrokenExecutor):
        return "a worker process was killed, mostly for want of memory. Run this again to go on, with fewer --workers."
    if isinstance(error, sqlite3.OperationalError):
        return f"a ledger cannot be read or written ({error}). Look at the disk, then run this again to go on."
    if isinstance(error, sqlite3.Error):
        return (
            f"a ledger is damaged ({error}). Move it away (that of a synthesis is below DIR/.synthesis) and run this"
            " again: tasks that are there stay, and the run begins anew."
        )
    if isinstance(error, OSError) and error.filename is not None:  # the system's own
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _exit_code(error: Exception) -> int:
    """3 where the same may do later, 2 where the caller has to change something (a `ValueError`: an argument)."""
    return 3 if isinstance(error, _INFRASTRUCTURE) and not isinstance(error, _CALLER_ERRORS) else 2


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM, which batch systems and `kill` send, ends a command as Ctrl-C does: what is finished is kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
