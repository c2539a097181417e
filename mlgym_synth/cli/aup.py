"""`mlgym-synth aup`: compare the agents of a scores file, by MLGym's AUP and by what does not depend on the set."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgym_synth.cli.common import Commands, add_command, add_json, console, print_json, print_table

if TYPE_CHECKING:
    from mlgym_synth.evaluation.profiles import Profiles
    from mlgym_synth.evaluation.scores import Scores
    from mlgym_synth.evaluation.statistics import AUPIntervals, Estimate, Failures, Interval


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(commands, "aup", "Compare agents by their scores", "mlgym-synth aup scores.json --json")
    command.add_argument("file", type=Path, metavar="SCORES.json", help="what `benchmark` wrote, or a file of your own")
    add_json(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print AUP and what belongs beside it."""
    from mlgym_synth.evaluation.profiles import profiles
    from mlgym_synth.evaluation.scores import load_scores
    from mlgym_synth.evaluation.statistics import aup_intervals

    scores = load_scores(arguments.file)
    mlgym, strict, intervals = profiles(scores), profiles(scores, "strict"), aup_intervals(scores)
    beside = _beside(scores)
    if arguments.json:
        print_json(_fields(scores, mlgym, strict, intervals, beside))
        return 0
    _print_areas(mlgym, intervals)
    _print_beside(scores, mlgym, strict, beside)
    for note in _notes(scores, mlgym, intervals):
        console.print(note)
    return 0


def _beside(scores: Scores) -> dict[str, dict[str, Estimate]]:
    """Statistics of what the agents handed in, by name; only those that these scores allow."""
    from mlgym_synth.evaluation.statistics import mean_worth

    measured = {"beats_baseline": mean_worth(scores, "beats_baseline"), "progress": mean_worth(scores, "progress")}
    return {name: estimates for name, estimates in measured.items() if estimates}


def _fields(
    scores: Scores,
    mlgym: Profiles,
    strict: Profiles,
    intervals: AUPIntervals | None,
    beside: dict[str, dict[str, Estimate]],
) -> dict[str, Any]:
    from mlgym_synth.evaluation.statistics import LEVEL, failures

    return {
        "aup": mlgym.aup,
        "x_max": mlgym.x_max,
        "normalized": mlgym.normalized,
        "strict": {"aup": strict.aup, "normalized": strict.normalized},
        "intervals": None if intervals is None else {"level": LEVEL, **dataclasses.asdict(intervals)},
        "infeasible": mlgym.infeasible,
        "widest": mlgym.widest,
        **{name: {a: dataclasses.asdict(e) for a, e in found.items()} for name, found in beside.items()},
        "failures": {
            agent: {task: dataclasses.asdict(found) for task, found in tasks.items()}
            for agent, tasks in failures(scores).items()
        },
        "without_runs": scores.without_runs,
        "unevenly_run": scores.unevenly_run,
    }


def _print_areas(mlgym: Profiles, intervals: AUPIntervals | None) -> None:
    known = intervals.normalized if intervals else {}
    rows = [
        [
            agent,
            *(f"{area:.3f}" for area in mlgym.aup[agent].values()),
            *(
                _with_interval(share, known[agent][which] if known else None)
                for which, share in mlgym.normalized[agent].items()
            ),
        ]
        for agent in _ranked(mlgym)
    ]
    columns = ["agent", "AUP\nbest", "AUP\nlast", "AUP / x_max\nbest", "AUP / x_max\nlast"]
    print_table("Area under the performance profile (AUP), as MLGym computes it", columns, rows)


def _print_beside(scores: Scores, mlgym: Profiles, strict: Profiles, beside: dict[str, dict[str, Estimate]]) -> None:
    from mlgym_synth.evaluation.statistics import failures

    found = failures(scores)
    rows = [
        [
            agent,
            *(f"{area:.3f}" for area in strict.aup[agent].values()),
            *(_estimate(estimates.get(agent)) for estimates in beside.values()),
            _failed(list(found[agent].values())) if agent in found else "-",
            *(str(len(tasks)) for tasks in mlgym.infeasible[agent].values()),
        ]
        for agent in _ranked(mlgym)
    ]
    measures = {"beats_baseline": "runs above\nbaseline (last)", "progress": "mean progress\n(last)"}
    columns = [
        *("agent", "strict\nbest", "strict\nlast"),
        *(measures[name] for name in beside),
        *("runs with\nno score", "infeasible\nbest", "infeasible\nlast"),
    ]
    print_table("Beside it", columns, rows)


def _ranked(mlgym: Profiles) -> list[str]:
    return sorted(mlgym.agents, key=lambda agent: -mlgym.aup[agent]["best"])


def _notes(scores: Scores, mlgym: Profiles, intervals: AUPIntervals | None) -> list[str]:
    """What a reader must know, a line each."""
    from mlgym_synth.evaluation.profiles import UNEVEN
    from mlgym_synth.evaluation.statistics import LEVEL

    compared = f"{_count(len(scores.agents), 'agent')} and the baseline on {_count(len(scores.tasks), 'task')}"
    setter = f"set by {mlgym.widest}" if mlgym.widest else "the least there is: no task has a finite range of ratios"
    drawn = ""
    if intervals is not None:
        drawn = " With the runs drawn anew it lies between {:.1f} and {:.1f}.".format(*intervals.x_max)
    uneven = len(scores.unevenly_run)
    return [
        f"AUP is relative to the set compared, here {compared}: one agent more or less moves every figure.",
        "A task on which an agent is infeasible (no score, a negative one, or one worse than the baseline) earns it "
        "area all the same; strict AUP gives none.",
        f"x_max is {mlgym.x_max:.1f}, {setter}.{drawn}",
        f"Intervals: {LEVEL:.0%}, stratified bootstrap over runs; rough for AUP, which is of the best of few; none of "
        "an agent that has only one run on some task."
        if intervals
        else "No intervals: no agent has two runs of every task.",
        *([UNEVEN.format(tasks=_count(uneven, "task"))] if uneven else []),
        *(
            f"{agent} has no run on {_count(len(tasks), 'task')}, which counts as failed: {', '.join(tasks[:3])}"
            + (" ..." if len(tasks) > 3 else "")
            for agent, tasks in scores.without_runs.items()
        ),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _failed(of_tasks: list[Failures]) -> str:
    return f"{sum(task.without_score for task in of_tasks)} of {sum(task.runs for task in of_tasks)}"


def _estimate(estimate: Estimate | None) -> str:
    return "-" if estimate is None else _with_interval(estimate.value, estimate.interval)


def _with_interval(value: float, known: Interval | None) -> str:
    return f"{value:.3f}" + (f" [{known[0]:.3f}, {known[1]:.3f}]" if known else "")
