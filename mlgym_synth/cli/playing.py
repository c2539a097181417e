"""What the commands that play many episodes share: where they are played, and how far that is."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import math
import os
import signal
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mlgym_synth.cli.common import (
    LinesNowAndThen,
    add_json,
    add_mlgym,
    add_model,
    add_registry,
    add_sandbox,
    errors,
    model_settings,
    non_negative,
    positive_float,
    positive_int,
    report_progress,
)

if TYPE_CHECKING:
    from mlgym_synth.llm.settings import ModelSettings
    from mlgym_synth.rollouts.driver import Tally
    from mlgym_synth.rollouts.local import Engine


HUMAN = "human"
WHO_PLAYS = (
    "who plays: scripted:NAME (nop, baseline, researcher, brief, brief-baseline, random, cheater),"
    " openai:MODEL, replay:FILE or replay:DIR#TASK/INDEX, human (you), or package.module:factory of your own"
)


def add_playing(command: argparse.ArgumentParser) -> None:
    """All that a command which plays episodes takes, beside what is played."""
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="run again with it to go on")
    command.add_argument(
        "--seed", type=int, default=0, help="of the run, the same for all agents (default: %(default)s)"
    )
    add_engine(command)
    add_model(command)
    add_registry(command)
    add_mlgym(command)
    add_sandbox(command)
    add_json(command)


def add_engine(command: argparse.ArgumentParser) -> None:
    """How far a run may go and where it is played; `engine_of` and `model_of` read it."""
    command.add_argument(
        "--max-cost",
        type=non_negative,
        default=math.inf,
        metavar="USD",
        help="begin no episode once an agent has cost so much",
    )
    engine = command.add_argument_group("engine")
    engine.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="threads here, or Ray (default: %(default)s)"
    )
    engine.add_argument("--slots", type=positive_int, metavar="N", help="episodes at once (default: one a core)")
    engine.add_argument(
        "--starts",
        type=positive_int,
        metavar="N",
        help="sandboxes that start at once, local engine (default: one a core)",
    )
    engine.add_argument("--address", metavar="A", help="of a running Ray cluster (default: a new one, here)")
    engine.add_argument(
        "--cpus-per-slot", type=positive_float, metavar="N", help="what a slot takes of a Ray cluster (default: 1)"
    )


def model_of(arguments: argparse.Namespace, agent: str) -> ModelSettings | None:
    """How this agent's model is called; None for agents without one.

    Raises:
        ValueError: a value out of its range, or a cost limit without prices.
    """
    if arguments.max_cost < math.inf and not arguments.prices and agent.startswith("openai:"):
        raise ValueError("--max-cost needs --prices IN OUT, in USD per million tokens; no endpoint tells them.")
    return model_settings(arguments) if agent.startswith("openai:") else None


def roots_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Where workers find tasks besides the shipped ones, as `PlaySettings` takes it."""
    roots = {"registry": arguments.registry, "mlgym_root": arguments.mlgym_root}
    return {name: None if root is None else str(root.resolve()) for name, root in roots.items()}


def require_agent(agent: str, model: ModelSettings | None) -> None:
    """Make the agent once, which says what is wrong with it before anything else is done."""
    from mlgym_synth.agents import opened_agent

    with opened_agent(agent, model):
        pass


def require_sandbox(arguments: argparse.Namespace) -> None:
    """A sandbox and what it needs, on this machine; a running cluster's nodes look for themselves."""
    from mlgym_synth.sandbox import choose_backend
    from mlgym_synth.sandbox.runtime import ensure_runtime

    if arguments.address is None:
        choose_backend(arguments.sandbox)
        ensure_runtime(progress=report_progress)


def engine_of(arguments: argparse.Namespace, agents: Collection[str]) -> Engine:
    """The engine that the options name, for these agents.

    Raises:
        ValueError: options that do not go together.
    """
    from mlgym_synth.rollouts.local import LocalEngine

    with_ray = arguments.engine == "ray"
    if arguments.address is not None and not with_ray:
        raise ValueError("--address is that of a Ray cluster: add --engine ray.")
    if arguments.cpus_per_slot is not None and not with_ray:
        raise ValueError("--cpus-per-slot is for Ray: add --engine ray, or leave it out.")
    if arguments.starts is not None and with_ray:
        raise ValueError("--starts is for the local engine: with Ray, a slot's sandboxes start where the slot is.")
    if HUMAN in agents:
        if with_ray or (arguments.slots or 1) > 1:
            raise ValueError("human plays at this terminal, one episode at a time: leave --engine and --slots out.")
        return LocalEngine(1)
    if with_ray:
        from mlgym_synth.rollouts.ray import RayEngine

        return RayEngine(arguments.slots, arguments.address, arguments.cpus_per_slot or 1.0)
    return LocalEngine(arguments.slots or os.cpu_count(), arguments.starts)


@contextlib.contextmanager
def announce_stop() -> Iterator[None]:
    """Acknowledges Ctrl-C and SIGTERM at once: the agents' turns under way can take some seconds to end."""

    def stop(*_: object) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            os.write(2, b"\nStopping ...\n")  # whatever holds the locks of streams
        raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()
    asked = [number for number in (signal.SIGINT, signal.SIGTERM) if here]
    before = {number: signal.signal(number, stop) for number in asked if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class EpisodeBar:
    """A bar on stderr, or a line now and then where that is no terminal; a context manager.

    Args:
        agents: who play; nothing is shown where a person has the terminal.
    """

    def __init__(self, agents: Collection[str] = ()) -> None:
        columns = (
            *(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()),
            *(TextColumn("{task.fields[note]}"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
        )
        self._progress = Progress(*columns, console=errors, disable=not errors.is_terminal or HUMAN in agents)
        self._jobs: dict[str, Any] = {}
        self._began: dict[str, float] = {}
        self._shown_at = time.monotonic()
        self._lines = LinesNowAndThen()

    def __enter__(self) -> EpisodeBar:
        self._progress.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._progress.stop()

    def begin(self, name: str, total: int, done: int = 0) -> None:
        """A bar of a run with this name."""
        self._began[name] = self._shown_at
        self._jobs[name] = self._progress.add_task(name, total=total, completed=done, note="")

    def show(self, name: str, tally: Tally) -> None:
        """Where the run stands; the first time begins its bar."""
        if name not in self._jobs:
            self.begin(name, tally.total)
        self._progress.update(self._jobs[name], completed=tally.done, note=_note(tally))
        self._shown_at = time.monotonic()  # where one run ends, the next begins
        self._lines.say(f"{name}: {tally.done} of {tally.total}, {_note(tally)}{self._left(name, tally)}")

    def _left(self, name: str, tally: Tally) -> str:
        """How long it will take, if it goes on as it has gone so far."""
        if not tally.played:
            return ""
        each_s = (time.monotonic() - self._began[name]) / tally.played
        return f", {datetime.timedelta(seconds=round(each_s * (tally.total - tally.done)))} left"


def _note(tally: Tally) -> str:
    """What stands beside the bar: mean return, failures, cost."""
    parts = [] if tally.mean_reward is None else [f"return {tally.mean_reward:.3f}"]
    parts += [f"{tally.void} cut short"] if tally.void else []
    parts += [f"{tally.statuses['agent_failed']} agent failures"] if tally.statuses["agent_failed"] else []
    parts += [f"{tally.cost_usd:.2f} USD"] if tally.cost_usd else []
    return ", ".join(parts)
