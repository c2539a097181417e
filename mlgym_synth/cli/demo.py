"""`mlgym-synth demo`: one episode on real data, step by step as it happens."""

from __future__ import annotations

import argparse
from typing import Any

from rich.markup import escape

from mlgym_synth import registry
from mlgym_synth.agents import close_agent, load_agent
from mlgym_synth.agents.human import HumanAgent
from mlgym_synth.agents.replay import ReplayAgent, first_divergence
from mlgym_synth.cli.common import (
    Commands,
    add_command,
    add_json,
    add_mlgym,
    add_model,
    add_registry,
    add_sandbox,
    console,
    errors,
    is_folder,
    model_settings,
    print_json,
    register_mlgym,
    register_own,
    report_progress,
)
from mlgym_synth.cli.playing import WHO_PLAYS
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import SandboxDied
from mlgym_synth.folder import load_task
from mlgym_synth.rollouts.episode import play
from mlgym_synth.rollouts.replay import settings_of
from mlgym_synth.sandbox import choose_backend
from mlgym_synth.sandbox.runtime import ensure_runtime
from mlgym_synth.trajectories import Step, Trajectory

TASK = "task-0001"


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(commands, "demo", "Play one scored episode with a live view", "mlgym-synth demo")
    command.add_argument(
        "task", nargs="?", help=f"its id, or its folder (default: {TASK}; that of the file for replay:FILE)"
    )
    command.add_argument("--agent", default="scripted:researcher", help=f"{WHO_PLAYS} (default: %(default)s)")
    command.add_argument("--seed", type=int, help="of the episode (default: 0; that of the file for replay:FILE)")
    add_model(command)
    add_registry(command)
    add_mlgym(command)
    add_sandbox(command)
    add_json(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Set up what is missing, play, print the scores."""
    agent = load_agent(arguments.agent, model_settings(arguments))
    stored = agent.trajectory if isinstance(agent, ReplayAgent) else None
    if stored is not None and (arguments.task is not None or arguments.seed is not None):
        raise ValueError("replay:FILE plays the task and the seed of the file; leave TASK and --seed out.")
    task = stored.task_id if stored else arguments.task or TASK
    register_own(arguments)
    register_mlgym(arguments, [task])
    address, name, dataset = _task(task)
    backend = choose_backend(arguments.sandbox)
    ensure_runtime(progress=report_progress)
    env = SynthEnv(address, sandbox=backend, **(settings_of(stored) if stored else {}))
    if not arguments.json:
        spec = env.folder.spec
        console.print(name, style="bold", end="")
        console.print(f"  {spec.title}")
        console.print(f"{dataset} · {spec.family} · {backend} · {agent.name}\n", style="dim")
    watch = None if arguments.json or isinstance(agent, HumanAgent) else _show  # people have been shown it
    try:
        trajectory = play(env, agent, stored.seed if stored else arguments.seed or 0, watch)
    finally:
        env.close()
        close_agent(agent)
    if trajectory.fault == "agent" and not (stored and stored.exit_status is None):
        if arguments.json:
            print_json(summary(trajectory, env) | {"error": trajectory.error})
        errors.print(f"The agent failed: {trajectory.error}")
        return 1
    if trajectory.fault in ("model", "infrastructure"):
        raise SandboxDied(f"The episode was cut short, {trajectory.fault}: {trajectory.error}")
    result = summary(trajectory, env)
    done = trajectory.exit_status in ("submitted", "auto_submitted")
    if stored is not None:
        parted = first_divergence(stored, trajectory)
        result["divergence"], done = None if parted is None else str(parted), parted is None
    if arguments.json:
        print_json(result)
    else:
        _show_summary(result)
    return 0 if done else 1


def _task(task: str) -> tuple[str, str, str]:
    """Of an id or a folder: what `SynthEnv` takes, what the task is called, and what its data is."""
    if not is_folder(task):
        entry = registry.find(task)
        return entry.address, entry.gym_id, entry.dataset
    from mlgym_synth.gates.datasets import source_name

    spec = load_task(task).spec
    return task, spec.id, source_name(spec)


def summary(trajectory: Trajectory, env: SynthEnv) -> dict[str, Any]:
    """The episode in numbers: scores on both halves beside the baseline's and the reference's, and the reward."""
    spec = env.folder.spec
    measured = {
        name: {"validation": part.validation.score, "test": part.test.score}
        for name, part in (("baseline", spec.baseline), ("reference", spec.reference))
        if part is not None
    }
    return {
        "task": trajectory.task_id,
        "agent": trajectory.agent,
        "seed": trajectory.seed,
        "metric": spec.metric.name,
        "direction": spec.metric.direction,
        **measured,
        "validation_scores": trajectory.validation_scores,
        "test_score": trajectory.test_score,
        "reward": round(trajectory.total_reward, 4),
        "steps": len(trajectory.steps),
        "tool_seconds": round(trajectory.tool_seconds, 2),
        "exit_status": trajectory.exit_status,
    }


def _show(step: Step) -> None:
    action = step.action
    told = action.get("arguments", {}) if isinstance(action, dict) else action
    words = str(next(iter(told.values()), "") if isinstance(told, dict) else told)
    words = words.encode("utf-8", "replace").decode()  # no terminal shows half a pair
    shown = words.strip().splitlines()
    head = escape(shown[0][:90]) + (f" [dim](+{len(shown) - 1} lines)[/dim]" if len(shown) > 1 else "") if shown else ""
    number = escape(step.observation.rpartition("\n")[2])
    paid = f"  [green]reward {step.reward:+.3f}[/green]" if step.reward else ""
    console.print(f"[dim]{number}[/dim] [bold cyan]{step.tool or 'no tool call'}[/bold cyan] {head}{paid}", markup=True)
    lines = step.observation.splitlines()[:-1]
    for line in lines[:4] + (["..."] if len(lines) > 5 else []) + (lines[4:] if len(lines) <= 5 else lines[-1:]):
        console.print(f"    {line[:110]}", style="dim")


def _show_summary(result: dict[str, Any]) -> None:
    ended = result["exit_status"] or "cut short"
    console.print("\nResult", style="bold", end="")
    console.print(f"  {ended}, metric {result['metric']} ({result['direction']})")
    for name in ("baseline", "reference"):
        if name in result:
            part = result[name]
            console.print(f"  {name:<18} validation {part['validation']:.4f}   test {part['test']:.4f}")
    scores = ", ".join(f"{score:.4f}" for score in result["validation_scores"]) or "none"
    console.print(f"  {'validation scores':<18} {scores}")
    test = "none" if result["test_score"] is None else f"{result['test_score']:.4f}"
    console.print(f"  {'test score':<18} {test}")
    console.print(f"  {'reward':<18} {result['reward']:.4f}  (0.5 = baseline, 0.75 = reference)", style="bold")
    console.print(f"  {'steps':<18} {result['steps']} ({result['tool_seconds']} s of tool time)")
    if "divergence" in result:
        console.print(f"  {'replay':<18} {result['divergence'] or 'every observation, reward and score the same'}")
