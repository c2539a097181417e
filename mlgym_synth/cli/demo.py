"""`mlgym-synth demo`: one episode on real data, step by step as it happens."""

from __future__ import annotations

import argparse
from typing import Any

from rich.markup import escape

from mlgym_synth import registry
from mlgym_synth.agents import load_agent
from mlgym_synth.cli.common import Commands, add_command, add_json, add_sandbox, console, print_json, report_progress
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import SandboxDied
from mlgym_synth.rollouts.episode import Trajectory, Turn, play
from mlgym_synth.sandbox import choose_backend
from mlgym_synth.sandbox.runtime import ensure_runtime


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(commands, "demo", "Play one scored episode with a live view", "mlgym-synth demo")
    command.add_argument("task", nargs="?", default="task-0001", help="which task (default: %(default)s)")
    command.add_argument("--agent", default="scripted:researcher", help="who plays (default: %(default)s)")
    command.add_argument("--seed", type=int, default=0, help="of the episode (default: %(default)s)")
    add_sandbox(command)
    add_json(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Set up what is missing, play, print the scores."""
    agent = load_agent(arguments.agent)
    entry = registry.find(arguments.task)
    quiet = arguments.json
    backend = choose_backend(arguments.sandbox)
    ensure_runtime(progress=report_progress)
    env = SynthEnv(entry.folder, sandbox=backend)
    if not quiet:
        spec = env.folder.spec
        console.print(f"[bold]{entry.gym_id}[/bold]  {escape(spec.title)}")
        console.print(f"[dim]{escape(entry.dataset)} · {spec.family} · {backend} · {escape(agent.name)}[/dim]\n")
    try:
        trajectory = play(env, agent, arguments.seed, None if quiet else _show)
    finally:
        env.close()
    if trajectory.fault is not None:
        raise SandboxDied(f"The episode was cut short, {trajectory.fault}: {trajectory.error}")
    result = summary(trajectory, env)
    if quiet:
        print_json(result)
    else:
        _show_summary(result)
    return 0 if trajectory.exit_status in ("submitted", "auto_submitted") else 1


def summary(trajectory: Trajectory, env: SynthEnv) -> dict[str, Any]:
    """The episode in numbers: scores on both halves beside the baseline's and the reference's, and the reward."""
    spec, last = env.folder.spec, trajectory.turns[-1].info
    measured = {
        name: {"validation": part.validation.score, "test": part.test.score}
        for name, part in (("baseline", spec.baseline), ("reference", spec.reference))
        if part is not None
    }
    validations = [t.info["score"] for t in trajectory.turns if t.info["tool"] == "validate" and not _is_none(t)]
    return {
        "task": trajectory.task_id,
        "agent": trajectory.agent,
        "seed": trajectory.seed,
        "metric": spec.metric.name,
        "direction": spec.metric.direction,
        **measured,
        "validation_scores": validations,
        "test_score": last["test_score"],
        "reward": round(trajectory.total_reward, 4),
        "steps": len(trajectory.turns),
        "tool_seconds": round(sum(turn.info["elapsed_s"] for turn in trajectory.turns), 2),
        "exit_status": trajectory.exit_status,
    }


def _is_none(turn: Turn) -> bool:
    return turn.info["score"] is None


def _show(turn: Turn) -> None:
    action, info = turn.action, turn.info
    arguments = action.get("arguments", {}) if isinstance(action, dict) else {}
    shown = str(next(iter(arguments.values()), "")).strip().splitlines()
    head = escape(shown[0][:90]) + (f" [dim](+{len(shown) - 1} lines)[/dim]" if len(shown) > 1 else "") if shown else ""
    number = escape(turn.observation.rpartition("\n")[2])
    paid = f"  [green]reward {turn.reward:+.3f}[/green]" if turn.reward else ""
    console.print(f"[dim]{number}[/dim] [bold cyan]{info['tool']}[/bold cyan] {head}{paid}")
    lines = turn.observation.splitlines()[:-1]
    for line in lines[:4] + (["..."] if len(lines) > 5 else []) + (lines[4:] if len(lines) <= 5 else lines[-1:]):
        console.print(f"    [dim]{escape(line[:110])}[/dim]")


def _show_summary(result: dict[str, Any]) -> None:
    console.print(f"\n[bold]Result[/bold]  {result['exit_status']}, metric {result['metric']} ({result['direction']})")
    for name in ("baseline", "reference"):
        if name in result:
            part = result[name]
            console.print(f"  {name:<18} validation {part['validation']:.4f}   test {part['test']:.4f}")
    scores = ", ".join(f"{score:.4f}" for score in result["validation_scores"]) or "none"
    console.print(f"  {'validation scores':<18} {scores}")
    test = "none" if result["test_score"] is None else f"{result['test_score']:.4f}"
    console.print(f"  {'test score':<18} {test}")
    console.print(f"  {'reward':<18} [bold]{result['reward']:.4f}[/bold]  (0.5 = baseline, 0.75 = reference)")
    console.print(f"  {'steps':<18} {result['steps']} ({result['tool_seconds']} s of tool time)")
