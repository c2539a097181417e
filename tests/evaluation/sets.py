"""Scores that the tests of this room share: made by hand, and those that MLGym's authors published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlgym_synth.evaluation.scores import Scores

PUBLISHED = Path(__file__).with_name("mlgym_published.json")
PAPERS_FIVE = ("gpt4o2", "gpt-o1", "llama3-405b-tools", "claude-35-sonnet-new", "gemini-15-pro")

Runs = list[list[float]]
Facts = tuple[str, float] | tuple[str, float, float]
"""Direction, baseline and perhaps reference."""


def published() -> Scores:
    """12 agents, 13 tasks, 4 runs each."""
    return Scores.model_validate_json(PUBLISHED.read_text())


def published_aup() -> dict[str, dict[str, float]]:
    """The table that MLGym's authors committed beside these scores."""
    table: dict[str, dict[str, float]] = json.loads(PUBLISHED.read_text())["aup"]
    return table


def only(scores: Scores, agents: tuple[str, ...]) -> Scores:
    return Scores(tasks=scores.tasks, runs={agent: scores.runs[agent] for agent in agents})


def fields(tasks: Mapping[str, Facts], **runs: Mapping[str, Runs]) -> dict[str, Any]:
    """The content of a scores file: task -> facts; agent -> task -> runs."""
    names = ("direction", "baseline", "reference")
    return {
        "tasks": {task: {"metric": "m", **dict(zip(names, facts, strict=False))} for task, facts in tasks.items()},
        "runs": runs,
    }


def made(tasks: Mapping[str, Facts], **runs: Mapping[str, Runs]) -> Scores:
    return Scores.model_validate(fields(tasks, **runs))
