"""Benchmarks whose stores are filled by hand, for tests of what is read out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlgym_synth.agents.scripted import bash, tool
from mlgym_synth.evaluation.benchmark import Benchmark
from mlgym_synth.evaluation.suites import Suite, SuiteTask, open_suite
from mlgym_synth.rollouts.plan import Job, PlaySettings
from mlgym_synth.trajectories import Step, Trajectory, Usage
from mlgym_synth.trajectories.store import TrajectoryStore

Outcome = Sequence[float] | str | None
"""Progress of each validation and of the submission; a status; None where infrastructure failed."""

Runs = Mapping[str, Mapping[str, Sequence[Outcome]]]
"""Agent -> task -> the outcome of each run."""

KNOWN, OTHER, FAMOUS = "task-0018", "task-0020", "task-0031"
"""Two tasks that count as evidence, one to be maximised and one to be minimised, and a well-known one."""


def suite(folder: Path, *tasks: str) -> Suite:
    """A suite from a file, as on the command line."""
    file = folder / "tasks.txt"
    file.write_text("# a suite\n" + "".join(f"{task}\n" for task in tasks))
    return open_suite(str(file))


def benchmark(out: Path, runs: Runs, count: int = 2) -> Benchmark:
    """A benchmark whose agents have had these outcomes."""
    tasks = list(dict.fromkeys(task for of_agent in runs.values() for task in of_agent))
    out.mkdir(parents=True, exist_ok=True)
    made = Benchmark(
        suite(out, *tasks), tuple(PlaySettings(agent, max_steps=20) for agent in runs), count, seed=0, out=out / "bench"
    )
    known = {task.id: task for task in made.suite.tasks}
    for play in made.agents:
        with TrajectoryStore(made.folder(play.agent), made.plan(play).settings()) as store:
            for job in made.plan(play).jobs():
                outcomes = runs[play.agent].get(job.task_id, ())
                if job.index < len(outcomes):
                    store.put(trajectory(known[job.task_id], play.agent, job, outcomes[job.index]))
    return made


def trajectory(task: SuiteTask, agent: str, job: Job, outcome: Outcome) -> Trajectory:
    """An episode with this outcome; agents called `cheat` try the network first."""
    scored = task.scored
    assert scored.reference is not None
    about: dict[str, Any] = {
        "family": task.entry.family, "metric": scored.metric, "direction": scored.direction, "max_steps": 20,
        "baseline_score": scored.baseline, "reference_score": scored.reference, "statement": "Predict.",
    }  # fmt: skip
    steps = [Step(bash("curl example.org" if "cheat" in agent else "ls"), "", 0.0, "bash", 0, 0.5)]
    made = Trajectory(task.id, agent, job.seed, job.index, steps=steps, usage=Usage(3, 900, 100, 0.02), **about)
    if outcome is None:
        made.fault, made.error = "infrastructure", "SandboxDied: the daemon is gone"
    elif outcome == "agent_failed":
        made.fault, made.error = "agent", "KeyError: 'plan'"
    elif isinstance(outcome, str):
        made.exit_status = outcome
    else:
        scores = [scored.baseline + p * (scored.reference - scored.baseline) for p in outcome]
        # What validation shows is another half's: far off here, so that nobody takes it for the test half's.
        steps += [Step(tool("validate"), "scored", 0.0, "validate", score=-9.0, test_score=s) for s in scores[:-1]]
        steps.append(Step(tool("submit"), "done", 0.5, "submit", score=scores[-1], test_score=scores[-1]))
        made.exit_status, made.test_score, made.progress = "submitted", scores[-1], outcome[-1]
    return made
