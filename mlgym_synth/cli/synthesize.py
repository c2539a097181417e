"""`mlgym-synth synthesize`: make tasks; killed and run again, it goes on where it was."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import multiprocessing
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mlgym_synth import registry
from mlgym_synth.cli.common import (
    Commands,
    LinesNowAndThen,
    add_command,
    add_endpoint,
    add_json,
    add_sandbox,
    console,
    errors,
    non_negative,
    positive_int,
    prices,
    print_json,
)
from mlgym_synth.cli.common import report_progress as report
from mlgym_synth.errors import BudgetExhausted
from mlgym_synth.gates.workers import end_with_driver
from mlgym_synth.llm.address import without_secrets
from mlgym_synth.task import FAMILIES

if TYPE_CHECKING:
    from mlgym_synth.llm.model import ChatModel
    from mlgym_synth.synthesis.author import Author
    from mlgym_synth.synthesis.ledger import Ledger
    from mlgym_synth.synthesis.pipeline import Progress as State


SHIPPED = "task"
"""What the ids of the shipped tasks begin with."""
OF_MODELS = ("model", "base_url", "prices", "max_cost")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands, "synthesize", "Make verified tasks", "mlgym-synth synthesize --tasks 20 --out my-tasks"
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets envs/, registry/ and a ledger")
    command.add_argument(
        "--tasks", type=positive_int, required=True, metavar="N", help="tasks that this run is to register"
    )
    command.add_argument(
        "--author", choices=("template", "llm"), default="template", help="who writes (default: %(default)s)"
    )
    command.add_argument(
        "--catalogue", choices=("packaged", "hub"), default="packaged", help="where data is from (default: %(default)s)"
    )
    command.add_argument(
        "--families",
        metavar="A,B",
        default="",
        help=f"only these, of {', '.join(FAMILIES)} (a model writes some of them only)",
    )
    command.add_argument("--seed", type=int, default=0, help="of the choice of data and tasks (default: %(default)s)")
    command.add_argument("--prefix", default="own", help="what ids begin with (default: %(default)s, so own-0001)")
    command.add_argument(
        "--workers", type=positive_int, default=os.cpu_count() or 1, help="processes (default: %(default)s)"
    )
    command.add_argument("--model", help="llm: the model's name at the endpoint")
    add_endpoint(command, "llm", max_tokens=6000)
    command.add_argument("--max-cost", type=non_negative, metavar="USD", help="llm: stop when so much is spent")
    command.add_argument(
        "--max-attempts", type=positive_int, default=3, help="drafts a candidate may have (default: %(default)s)"
    )
    command.add_argument(
        "--max-proposals", type=positive_int, metavar="N", help="end after so many (default for llm: 20 for every task)"
    )
    command.add_argument(
        "--p-debug", type=float, default=0.7, help="chance to mend and not to restart (default: %(default)s)"
    )
    add_sandbox(command)
    add_json(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Synthesize; exit code 1 where fewer tasks came out than were asked for, 3 where the money was spent before."""
    families = _checked(arguments)
    # Here and not above, so that a wrong command line is answered at once.
    from mlgym_synth.sandbox.runtime import ensure_runtime
    from mlgym_synth.synthesis.ledger import Ledger

    model = _model(arguments) if arguments.author == "llm" else None
    _require_data(arguments, families)
    with Ledger(arguments.out, _settings(arguments, families)) as ledger:
        before = sum(settled.task_id is not None for settled in ledger.settled())
        ensure_runtime(progress=report)
        with examiners(arguments.workers) as pool:
            author = _author(arguments, families, model, ledger, pool)
            state = asyncio.run(_synthesize(arguments, author, ledger, pool))
    if before >= arguments.tasks:
        report("All of them were there before: a higher --tasks or another --seed makes more.")
    _show(arguments, state)
    if state.registered >= arguments.tasks:
        return 0
    return 3 if model is not None and model.budget.exhausted else 1


async def _synthesize(arguments: argparse.Namespace, author: Author, ledger: Ledger, pool: Executor) -> State:
    from mlgym_synth.synthesis.collection import Collection
    from mlgym_synth.synthesis.pipeline import Settings, Synthesis

    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    collection = Collection(arguments.out, arguments.sandbox, arguments.prefix)
    settings = Settings(
        tasks=arguments.tasks,
        seed=arguments.seed,
        max_attempts=arguments.max_attempts,
        p_debug=arguments.p_debug,
        at_once=4 * arguments.workers,  # those that wait for an earlier one included
        sandbox=arguments.sandbox,
        most=_most(arguments),
    )
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
        job = bar.add_task("registered", total=arguments.tasks)
        lines = LinesNowAndThen()

        def note(state: State) -> None:
            said = f"{sum(state.rejected.values())} rejected, registered"
            bar.update(job, completed=state.registered, description=said)
            lines.say(f"{said} {state.registered} of {arguments.tasks}")

        synthesis = Synthesis(author, ledger, collection, pool, settings, note)
        try:
            return await synthesis.run()
        except BudgetExhausted as spent:
            report(f"{spent}; run this again with a higher --max-cost to go on.")
            return synthesis.progress
        finally:
            await author.close()


def _most(arguments: argparse.Namespace) -> float:
    """A model that never gets it right must not be asked for ever; templates end by themselves."""
    if arguments.max_proposals is None and arguments.author == "llm":
        return 20.0 * int(arguments.tasks)
    return math.inf if arguments.max_proposals is None else float(arguments.max_proposals)


def _model(arguments: argparse.Namespace) -> ChatModel:
    from mlgym_synth.llm.model import Budget, ChatModel

    return ChatModel(
        arguments.model,
        base_url=arguments.base_url,
        prices=prices(arguments),
        budget=Budget(arguments.max_cost),
        timeout_s=arguments.timeout,
        max_tokens=arguments.max_tokens,
        concurrency=2 * arguments.workers,
    )


def _require_data(arguments: argparse.Namespace, families: tuple[str, ...]) -> None:
    """Report missing packages first: otherwise candidates would be blamed for them, and the ledger would keep that."""
    from mlgym_synth.synthesis import carriers

    if arguments.author == "template":
        carriers.require_for_templates(families)
    else:
        carriers.require_for_catalogue(arguments.catalogue)


def _author(
    arguments: argparse.Namespace, families: tuple[str, ...], model: ChatModel | None, ledger: Ledger, pool: Executor
) -> Author:
    if model is None:
        from mlgym_synth.synthesis.template_author import TemplateAuthor

        return TemplateAuthor(arguments.seed, pool, families)
    from mlgym_synth.synthesis.llm_author import LLMAuthor, catalogue_of

    model.budget.spent_usd = ledger.spent_usd()
    return LLMAuthor(model, catalogue_of(arguments.catalogue), arguments.seed, families)


def _settings(arguments: argparse.Namespace, families: tuple[str, ...]) -> dict[str, Any]:
    """What decides which tasks come out: the name of the run's ledger."""
    settings = {"author": arguments.author, "seed": arguments.seed, "families": sorted(families)}
    if arguments.prefix != "own":
        settings["prefix"] = arguments.prefix
    if arguments.author == "template":
        from mlgym_synth.synthesis.templates import fingerprint

        return {**settings, "templates": fingerprint(families)}
    return {
        **settings,
        "catalogue": arguments.catalogue,
        "model": arguments.model,
        "base_url": arguments.base_url and without_secrets(arguments.base_url),
        "max_attempts": arguments.max_attempts,
        "p_debug": arguments.p_debug,
    }


def _checked(arguments: argparse.Namespace) -> tuple[str, ...]:
    families = tuple(name.strip() for name in arguments.families.split(",") if name.strip())
    unknown = [name for name in families if name not in FAMILIES]
    if unknown:
        raise ValueError(f"--families: there is no {unknown[0]!r}. There are {', '.join(FAMILIES)}.")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", arguments.prefix):
        raise ValueError(f"--prefix {arguments.prefix}: small letters, digits and single hyphens make an id.")
    if arguments.prefix == SHIPPED and arguments.out.resolve() != registry.shipped_root():
        raise ValueError(f"--prefix {arguments.prefix}: the shipped tasks are called so, and no two may share an id.")
    if arguments.out.exists() and not arguments.out.is_dir():
        raise NotADirectoryError(f"--out {arguments.out} is a file; give a folder, or one that is still to be made.")
    _check_author(arguments, families)
    if arguments.seed < 0:
        raise ValueError(f"--seed {arguments.seed}: must be at least 0")
    if not 0 <= arguments.p_debug <= 1:
        raise ValueError(f"--p-debug {arguments.p_debug}: must be at least 0, at most 1")
    return families


def _check_author(arguments: argparse.Namespace, families: tuple[str, ...]) -> None:
    if arguments.author == "template":
        if ignored := [name for name in OF_MODELS if getattr(arguments, name) is not None]:
            raise ValueError(f"--{ignored[0].replace('_', '-')} is for models: give --author llm, or leave it out.")
        if arguments.catalogue == "hub":
            raise ValueError("--catalogue hub needs --author llm: templates are written for packaged data.")
        return
    if not arguments.model:
        raise ValueError("--author llm needs --model, and --base-url unless it is OpenAI's own.")
    from mlgym_synth.synthesis.topics import FAMILIES as WRITTEN

    if beyond := [name for name in families if name not in WRITTEN]:
        raise ValueError(f"--families: a model does not write {beyond[0]}. It writes {', '.join(WRITTEN)}.")
    if arguments.max_cost is not None and not arguments.prices:
        raise ValueError("--max-cost needs --prices IN OUT, in USD per million tokens; no endpoint tells them.")


@contextlib.contextmanager
def examiners(count: int) -> Iterator[Executor]:
    """Worker processes. They are killed on exit; interrupted examinations are redone by the next run.

    Their sandboxes end with them. Waiting for them could hang: workers ignore the second Ctrl-C, which ends the thread
    that talks to them.
    """
    # They inherit these before they load numpy: one core each.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin_worker)
    try:
        yield pool
    finally:
        # Once, and not by `with` a second time: that takes `cancel_futures` back before the pool's thread has heard of
        # it, which then stumbles over what was called off.
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in multiprocessing.active_children():
            worker.terminate()


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver hears Ctrl-C, and tells the pool
    end_with_driver()


def _show(arguments: argparse.Namespace, state: State) -> None:
    if arguments.json:
        fields = {"registered": state.registered, "rejected": state.rejected, "cost_usd": state.cost_usd}
        print_json({**fields, "out": str(arguments.out)})
        return
    for stage, count in sorted(state.rejected.items(), key=lambda pair: -pair[1]):
        console.print(f"{count:5d} rejected at {stage}")
    console.print(f"{state.registered:5d} registered in {arguments.out}.")
    if state.registered:
        console.print(f"Look at them: mlgym-synth tasks list --registry {arguments.out}")
    if state.registered < arguments.tasks:
        if sum(state.rejected.values()) + state.registered >= _most(arguments):
            console.print("All proposals are used up; run this again with a higher --max-proposals to go on.")
        console.print(f"Why candidates were rejected: mlgym-synth report synthesis {arguments.out}")
