"""What a benchmark's scores say: all statistics of a comparison at once, and the summary that other programs read."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import mlgym_synth
from mlgym_synth.evaluation.audit import counts, worst
from mlgym_synth.evaluation.benchmark import AgentResults, Results
from mlgym_synth.evaluation.comparisons import Comparison, compare
from mlgym_synth.evaluation.profiles import Floats, Profiles, profiles
from mlgym_synth.evaluation.scores import Scores
from mlgym_synth.evaluation.statistics import (
    LEVEL,
    AUPIntervals,
    Estimate,
    aup_intervals,
    best_at_k_curves,
    failures,
    mean_worth,
)
from mlgym_synth.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Analysis:
    """The statistics of a scores file.

    Attributes:
        mlgym, strict: profiles and AUP in both modes.
        intervals: of AUP; None where no task has two runs.
        progress: agent -> mean progress of what it handed in; empty where no reference is known.
        beats_baseline: agent -> share of its runs that are better than the baseline.
        best_at_k: agent -> mean progress of the best of what k runs handed in, shape [k].
        pairs: every two agents, the better by AUP first.
    """

    scores: Scores
    mlgym: Profiles
    strict: Profiles
    intervals: AUPIntervals | None
    progress: dict[str, Estimate]
    beats_baseline: dict[str, Estimate]
    best_at_k: dict[str, Floats]
    pairs: dict[tuple[str, str], Comparison]

    @property
    def ranked(self) -> list[str]:
        """The agents without the baseline, best AUP first, then best progress."""

        def standing(agent: str) -> tuple[float, float]:
            progress = self.progress.get(agent)
            return -self.mlgym.aup[agent]["best"], -progress.value if progress else 0.0

        return sorted(self.scores.agents, key=standing)


def analyse(scores: Scores) -> Analysis:
    """All statistics of a set of scores."""
    found = Analysis(
        scores,
        profiles(scores),
        profiles(scores, "strict"),
        aup_intervals(scores),
        mean_worth(scores, "progress"),
        mean_worth(scores, "beats_baseline"),
        best_at_k_curves(scores, "progress", "last"),
        {},
    )
    ranked = found.ranked
    for place, first in enumerate(ranked):
        for second in ranked[place + 1 :]:
            found.pairs[first, second] = compare(scores, first, second)
    return found


def summary(results: Results, analysis: Analysis | None) -> dict[str, Any]:
    """Everything of a benchmark but the scores themselves, as JSON values."""
    benchmark, famous = results.benchmark, results.scores(well_known=True)
    return {
        "suite": benchmark.suite.name,
        "tasks": len(benchmark.suite.tasks),
        "runs": benchmark.runs,
        "seed": benchmark.seed,
        "max_steps": benchmark.agents[0].max_steps,
        "version": mlgym_synth.__version__,
        "missing": results.missing,
        "compared_tasks": len(results.tasks()),
        "left_out": results.left_out(),
        "unevenly_run": analysis.scores.unevenly_run if analysis else [],
        "agents": {each.agent: _of_agent(each, analysis) for each in results.agents},
        "x_max": analysis.mlgym.x_max if analysis else None,
        "aup_baseline": analysis.mlgym.aup["baseline"] if analysis else None,
        "level": LEVEL,
        "pairs": [
            {"first": first, "second": second, **_compared(found)}
            for (first, second), found in (analysis.pairs if analysis else {}).items()
        ],
        "well_known": {
            "tasks": len(results.tasks(well_known=True)),
            "progress": _plain(mean_worth(famous, "progress")) if famous else {},
        },
    }


def write_files(results: Results, analysis: Analysis | None) -> None:
    """Write `scores.json`, which `aup` reads, `scores-well-known.json` where there are such, and `summary.json`."""
    out = results.benchmark.out
    out.mkdir(parents=True, exist_ok=True)
    for name, well_known in (("scores.json", False), ("scores-well-known.json", True)):
        scores = results.scores(well_known=well_known)
        if scores is None:
            (out / name).unlink(missing_ok=True)
        else:
            write_whole(out / name, scores.model_dump_json(indent=1, exclude_none=True) + "\n")
    text = json.dumps(summary(results, analysis), indent=2)
    write_whole(out / "summary.json", text + "\n")


def _of_agent(each: AgentResults, analysis: Analysis | None) -> dict[str, Any]:
    findings = [finding for run in each.runs for finding in run.findings]
    figures: dict[str, Any] = {
        "folder": each.folder.name,
        "episodes": len(each.runs),
        "missing": each.missing,
        "stopped": each.stopped,
        "statuses": dict(sorted(each.statuses.items())),
        "steps": sum(run.steps for run in each.runs),
        "tool_seconds": round(sum(run.tool_seconds for run in each.runs), 1),
        "tokens": sum(run.tokens for run in each.runs),
        "cost_usd": round(each.cost_usd, 6),
        "audit": {
            "episodes_flagged": len(each.flagged),
            "kinds": dict(sorted(counts(findings).items())),
            "worst": dict(sorted(Counter(str(worst(run.findings)) for run in each.flagged).items())),
        },
    }
    if analysis is None or each.agent not in analysis.scores.runs:
        return figures
    agent, known = each.agent, analysis.intervals
    counted = failures(analysis.scores)[agent].values()
    return {
        **figures,
        "aup": analysis.mlgym.aup[agent],
        "normalized": analysis.mlgym.normalized[agent],
        "normalized_interval": known.normalized[agent] if known else None,
        "strict_aup": analysis.strict.aup[agent],
        "infeasible": analysis.mlgym.infeasible[agent],
        "progress": _plain(analysis.progress).get(agent),
        "beats_baseline": _plain(analysis.beats_baseline).get(agent),
        "best_at_k": [round(float(value), 6) for value in analysis.best_at_k.get(agent, ())],
        "runs_compared": sum(task.runs for task in counted),
        "runs_without_score": sum(task.without_score for task in counted),
    }


def _compared(found: Comparison) -> dict[str, Any]:
    return {**dataclasses.asdict(found), "tasks": len(found.tasks)}


def _plain(estimates: dict[str, Estimate]) -> dict[str, Any]:
    return {agent: dataclasses.asdict(estimate) for agent, estimate in estimates.items()}
