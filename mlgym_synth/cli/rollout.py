"""`mlgym-synth rollout`: an agent plays many episodes, and every trajectory is kept."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlgym_synth import registry
from mlgym_synth.cli.common import (
    Commands,
    add_command,
    add_split,
    console,
    positive_float,
    positive_int,
    print_json,
    register_mlgym,
    register_own,
    report_progress,
)
from mlgym_synth.cli.playing import (
    WHO_PLAYS,
    EpisodeBar,
    add_playing,
    announce_stop,
    engine_of,
    model_of,
    require_agent,
    require_sandbox,
    roots_of,
)
from mlgym_synth.errors import BudgetExhausted, RolloutStopped

if TYPE_CHECKING:
    from mlgym_synth.rollouts.driver import Tally
    from mlgym_synth.rollouts.local import Engine
    from mlgym_synth.rollouts.plan import Plan, PlaySettings
    from mlgym_synth.trajectories.model import Trajectory

EXAMPLE = "mlgym-synth rollout --agent scripted:researcher --tasks 'synth/*' --split train --out runs/researcher"


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(commands, "rollout", "Let an agent play many episodes and keep every trajectory", EXAMPLE)
    command.add_argument("--agent", required=True, help=WHO_PLAYS)
    command.add_argument("--tasks", nargs="+", action="extend", metavar="GLOB", help="ids or globs (default: synth/*)")
    add_split(command)
    command.add_argument(
        "--episodes-per-task",
        type=positive_int,
        default=1,
        metavar="N",
        help="each has its seed (default: %(default)s)",
    )
    command.add_argument("--max-steps", type=positive_int, metavar="N", help="step budget (default: the task's)")
    command.add_argument(
        "--tool-seconds", type=positive_float, metavar="S", help="for one tool call (default: the task's)"
    )
    command.add_argument(
        "--episode-seconds", type=positive_float, metavar="S", help="of tool time (default: the task's)"
    )
    add_playing(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play what is left; exit code 1 where an agent failed, 3 where episodes are left: run it again to play them.

    They are left where infrastructure cut them short, or the money was spent before. Also 1 where a part of MLGym's
    checkout is broken, and was left out.
    """
    arguments.tasks = arguments.tasks or ["synth/*"]
    register_own(arguments)
    broken = register_mlgym(arguments, arguments.tasks)
    entries = registry.select(arguments.tasks, split=arguments.split)
    if not entries:
        raise ValueError(f"rollout: no task of split {arguments.split!r} matches {' '.join(arguments.tasks)}")
    # Here and not above, so that a wrong command line is answered at once.
    from mlgym_synth.env import SynthEnv
    from mlgym_synth.rollouts.plan import Plan

    settings, engine = _play_settings(arguments), engine_of(arguments, [arguments.agent])
    require_agent(settings.agent, settings.model)
    SynthEnv(entries[0].address, max_steps=settings.max_steps, limits=settings.limits or None)  # says what is wrong
    plan = Plan(tuple(entries), arguments.episodes_per_task, arguments.seed, settings)
    require_sandbox(arguments)
    tally, stopped = _play(arguments, plan, engine)
    _show(arguments, tally)
    if tally.void or stopped:
        return 3
    return 1 if tally.statuses["agent_failed"] or broken else 0


def _play(arguments: argparse.Namespace, plan: Plan, engine: Engine) -> tuple[Tally, bool]:
    """Where the run stands after it, and whether it was stopped before it was through: the money, or the world."""
    from mlgym_synth.rollouts.driver import rollout, standing
    from mlgym_synth.trajectories.store import TrajectoryStore

    with TrajectoryStore(arguments.out, plan.settings()) as store:
        tally = standing(plan, store)
        with announce_stop(), EpisodeBar([arguments.agent]) as bar:
            bar.begin("episodes", tally.total, tally.done)

            def note(trajectory: Trajectory, now: Tally) -> None:
                nonlocal tally
                tally = now
                bar.show("episodes", now)

            try:
                tally = rollout(plan, store, engine, max_cost_usd=arguments.max_cost, on_result=note)
            except (BudgetExhausted, RolloutStopped) as error:
                report_progress(str(error))
                return tally, True
    return tally, False


def _play_settings(arguments: argparse.Namespace) -> PlaySettings:
    from mlgym_synth.rollouts.plan import PlaySettings

    limits = {"tool_s": arguments.tool_seconds, "episode_s": arguments.episode_seconds}
    return PlaySettings(
        agent=arguments.agent,
        model=model_of(arguments, arguments.agent),
        sandbox=arguments.sandbox,
        max_steps=arguments.max_steps,
        limits={name: value for name, value in limits.items() if value is not None},
        **roots_of(arguments),
    )


def _show(arguments: argparse.Namespace, tally: Tally) -> None:
    if arguments.json:
        print_json(
            {
                "out": str(arguments.out),
                "episodes": tally.done,
                "total": tally.total,
                "others": tally.others,
                "played": tally.played,
                "statuses": dict(sorted(tally.statuses.items())),
                "mean_reward": tally.mean_reward,
                "steps": tally.steps,
                "tokens": tally.tokens,
                "cost_usd": round(tally.cost_usd, 6),
                "cut_short": tally.void,
                "last_error": tally.last_error,
            }
        )
        return
    console.print(f"{tally.done} of {tally.total} episodes are in {arguments.out} ({tally.played} played now).")
    if tally.others:
        console.print(
            f"{tally.others} more are there, of other tasks or of more episodes a task than were asked for now."
        )
    for status, count in sorted(tally.statuses.items()):
        console.print(f"  {status:<20} {count}")
    if tally.mean_reward is not None:
        console.print(f"  {'mean return':<20} {tally.mean_reward:.4f}  (0.5 = baseline, 0.75 = reference)")
    if tally.cost_usd:
        console.print(f"  {'cost':<20} {tally.cost_usd:.4f} USD, {tally.tokens:,} tokens")
    if tally.void:
        console.print(f"{tally.void} were cut short by infrastructure or the endpoint; run this again to play them.")
    if failed := tally.statuses["agent_failed"]:
        console.print(f"{failed} ended by a failure of the agent's own code; give another --out once it is mended.")
    if tally.last_error:
        console.print(f"The last failure: {tally.last_error}")
