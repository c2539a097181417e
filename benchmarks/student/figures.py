"""What the experiment's files say: counts of episodes and tokens, and the figures of a benchmark."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlgym_synth.training.run_folder import read_run


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


def export_tokens(folder: Path) -> int | None:
    """Tokens of a whole export that the loss is of, as the training wrote it down; it need not have seen all."""
    run = read_run(folder)
    return None if run is None else int(run["data"]["counts"]["trained_tokens"])


def told(folder: Path, names: Mapping[str, str], references: Sequence[str]) -> dict[str, Any]:
    """What a benchmark says.

    Args:
        folder: of the benchmark.
        names: `base`, `control`, `sft` and ablations -> how the benchmark calls them.
        references: other agents in it.
    """
    summary = json.loads((folder / "summary.json").read_text())
    found: dict[str, Any] = {model: _figures(summary["agents"][name]) for model, name in names.items()}
    found["references"] = {agent: _figures(summary["agents"][agent]) for agent in references}
    found["aup_relative_gain"] = round(found["sft"]["aup"] / found["base"]["aup"] - 1, 4)
    for key, other in (("progress_gain", "base"), ("progress_gain_over_control", "control")):
        found[f"{key}_ci95"] = difference(summary["pairs"], names["sft"], names[other])
    found["episodes"] = {model: summary["agents"][name]["runs_compared"] for model, name in names.items()}
    found["tasks"] = summary["compared_tasks"]
    return found


def difference(pairs: Sequence[Mapping[str, Any]], first: str, second: str) -> list[float] | None:
    """The 95% interval of first minus second, from the comparison in either order."""
    for pair in pairs:
        interval = pair["difference"]["interval"] if pair["difference"] else None
        if {pair["first"], pair["second"]} == {first, second} and interval:
            low, high = interval
            return [low, high] if pair["first"] == first else [-high, -low]
    return None


def _figures(of: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "aup": of["aup"]["best"],
        "strict_aup": of["strict_aup"]["best"],
        "normalized_aup": round(of["normalized"]["best"], 4),
        "valid_share": round(1 - of["runs_without_score"] / of["runs_compared"], 4),
        "progress": round(of["progress"]["value"], 4),
        "above_baseline": round(of["beats_baseline"]["value"], 4),
    }
