"""What the experiment's files say: tasks and counts of an export, what was trained, and the figures of a benchmark."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlgym_synth.evaluation.comparisons import compare, compare_aup
from mlgym_synth.evaluation.profiles import profiles
from mlgym_synth.evaluation.scores import BASELINE, Scores, load_scores
from mlgym_synth.evaluation.statistics import Estimate, Measure, worths

FIXED = ("base", "control", "sft")


def count_lines(file: Path) -> int:
    """Episodes in an export."""
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def tasks_of(file: Path) -> list[str]:
    """The tasks in an export, in order."""
    return sorted({json.loads(line)["task_id"] for line in file.read_text().splitlines()})


def keep_tasks(file: Path, kept: Collection[str]) -> None:
    """Leave in an export only episodes of these tasks."""
    lines = [line for line in file.read_text().splitlines() if json.loads(line)["task_id"] in kept]
    scratch = file.with_suffix(".tmp")
    scratch.write_text("".join(f"{line}\n" for line in lines))
    scratch.replace(file)


def trained_on(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What students learned from, and how far, as their trainings wrote it down; without paths.

    Args:
        runs: student -> its `training.json`, of one that is done. The tokens are those of a whole export that the loss
            is of; a training need not have seen all.
    """
    first = runs["sft"]
    return {
        "trajectories": {name: sum(one["rows"] for one in run["data"]["sources"]) for name, run in runs.items()},
        "export_tokens": {name: int(run["data"]["counts"]["trained_tokens"]) for name, run in runs.items()},
        "export_sha256": {name: run["identity"]["data"] for name, run in runs.items()},
        "steps": first["results"]["steps"],
        "trained": {name: run["results"] for name, run in runs.items()},
        "recipe": first["identity"]["recipe"],
        "base": first["identity"]["model"],
        "versions": first["versions"],
    }


def read_benchmark(folder: Path, names: Mapping[str, str], references: Sequence[str]) -> dict[str, Any]:
    """What a benchmark's `scores.json` says, and its `summary.json` of what is missing in it.

    AUP is relative to all that are compared. These are base, control, sft and the references; an ablation is set beside
    them alone, so that it moves no figure but its own. All intervals are of 95%, and draw data sets: tasks on one are
    no independent evidence.

    Args:
        folder: of the benchmark.
        names: `base`, `control`, `sft` and ablations -> how the benchmark calls them; those it lacks are `not_played`.
        references: other agents in it.
    """
    file = folder / "scores.json"
    scores = load_scores(file) if file.exists() else None
    played = {model: name for model, name in names.items() if scores and name in scores.runs}
    found: dict[str, Any] = {"not_played": [model for model in names if model not in played]}
    if scores is None or not played:
        return found
    others = [agent for agent in references if agent in scores.runs]
    fixed = [*(played[model] for model in FIXED if model in played), *others]
    of = {agent: _only(scores, [*fixed, agent]) for agent in [*played.values(), *others]}
    found |= {model: _figures(of[name], name) for model, name in played.items()}
    found["references"] = {agent: _figures(of[agent], agent) for agent in others}
    found["gains"] = {
        f"over_{model}": _gains(of[name], played["sft"], name)
        for model, name in played.items()
        if "sft" in played and model != "sft"
    }
    found |= _headline(found["gains"])
    found["episodes"] = {model: sum(map(len, scores.runs[name].values())) for model, name in played.items()}
    found["tasks"], found["datasets"] = len(scores.tasks), len(set(scores.datasets.values()))
    if (summary := folder / "summary.json").exists():
        whole = json.loads(summary.read_text())
        found |= {name: whole[name] for name in ("missing", "left_out") if name in whole}
    found["by_task"] = [_row(scores, task, played) for task in scores.tasks]
    return found


def _only(scores: Scores, agents: Sequence[str]) -> Scores:
    return Scores(tasks=scores.tasks, runs={agent: scores.runs[agent] for agent in agents})


def _figures(scores: Scores, agent: str) -> dict[str, Any]:
    """An agent's own, AUP of the best scores in hindsight, and of the last, what was handed in."""
    mlgym, strict = profiles(scores), profiles(scores, "strict")
    found = {
        "aup": mlgym.aup[agent]["best"],
        "aup_last": mlgym.aup[agent]["last"],
        "strict_aup": strict.aup[agent]["best"],
        "strict_aup_last": strict.aup[agent]["last"],
        "normalized_aup": round(mlgym.normalized[agent]["best"], 4),
    }
    # The baseline is always valid, and 0 in both other measures: what an agent is above it is what the agent has.
    measures: dict[str, tuple[Measure, float]] = {
        "valid_share": ("valid", 1.0),
        "progress": ("progress", 0.0),
        "above_baseline": ("beats_baseline", 0.0),
    }
    for key, (measure, of_baseline) in measures.items():
        above = _plain(compare(scores, agent, BASELINE, measure).difference, of_baseline)
        found |= {key: above["value"], f"{key}_ci95": above["ci95"]}
    return found


def _gains(scores: Scores, first: str, second: str) -> dict[str, Any]:
    """The first agent minus the second, as `value` and `ci95`."""
    aup = compare_aup(scores, first, second)
    return {
        "valid_share": _plain(compare(scores, first, second, "valid").difference),
        "progress": _plain(compare(scores, first, second, "progress").difference),
        "aup": _plain(aup["best"].difference),
        "aup_last": _plain(aup["last"].difference),
        "aup_relative": _plain(aup["best"].relative),
        "aup_relative_last": _plain(aup["last"].relative),
    }


def _headline(gains: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that are asked for first, None where the models for one were not played."""
    nothing = dict.fromkeys(("valid_share", "progress", "aup_relative", "aup_relative_last"), _plain(None))
    base, control = gains.get("over_base", nothing), gains.get("over_control", nothing)
    return {
        "aup_relative_gain": base["aup_relative"]["value"],
        "aup_relative_gain_ci95": base["aup_relative"]["ci95"],
        "aup_relative_gain_last": base["aup_relative_last"]["value"],
        "aup_relative_gain_last_ci95": base["aup_relative_last"]["ci95"],
        "valid_share_gain_ci95": base["valid_share"]["ci95"],
        "valid_share_gain_over_control_ci95": control["valid_share"]["ci95"],
        "progress_gain_ci95": base["progress"]["ci95"],
        "progress_gain_over_control_ci95": control["progress"]["ci95"],
    }


def _row(scores: Scores, task: str, played: Mapping[str, str]) -> dict[str, Any]:
    """A task: what the models' means over tasks are of."""

    def each(measure: Measure) -> dict[str, float]:
        return {model: round(worths(scores, name, task, measure, "last").mean(), 4) for model, name in played.items()}

    progress = None if scores.tasks[task].reference is None else each("progress")
    return {"task": task, "dataset": scores.datasets[task], "progress": progress, "valid": each("valid")}


def _plain(estimate: Estimate | None, offset: float = 0.0) -> dict[str, Any]:
    if estimate is None:
        return {"value": None, "ci95": None}
    known = estimate.interval and [round(end + offset, 4) for end in estimate.interval]
    return {"value": round(estimate.value + offset, 4), "ci95": known}
