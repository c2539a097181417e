"""Steps and episodes made by hand."""

from __future__ import annotations

from typing import Any

from mlgym_synth.agents.scripted import bash, tool
from mlgym_synth.trajectories import Step, Trajectory, Usage


def a_step(action: Any, observation: str = "done", **more: Any) -> Step:
    return Step(action=action, observation=observation, **{"reward": 0.0, **more})


def an_episode(*steps: Step, **more: Any) -> Trajectory:
    """A submitted one, worth 0.6."""
    values = {
        "task_id": "task-0001",
        "agent": "openai:teacher",
        "seed": 0,
        "statement": "Do it.",
        "split": "train",
        "family": "regression",
        "metric": "mae",
        "exit_status": "submitted",
        "test_score": 1.5,
        "baseline_score": 2.0,
        "progress": 0.4,
        "usage": Usage(3, 1000, 100, 0.02),
    }
    steps = steps or (a_step(bash("ls"), "a.csv"), a_step(tool("submit"), "Handed in.", reward=0.6))
    return Trajectory(**{**values, **more}, steps=list(steps))
