"""`mlgym-synth benchmark`: agents on a suite of tasks, their scores, and a report on them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgym_synth.cli.common import (
    Commands,
    add_command,
    console,
    positive_int,
    print_json,
    print_table,
    register_mlgym,
    register_own,
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

if TYPE_CHECKING:
    from mlgym_synth.evaluation.analysis import Analysis
    from mlgym_synth.evaluation.benchmark import Benchmark, Results

EXAMPLE = (
    "mlgym-synth benchmark --suite heldout --agent scripted:baseline --agent scripted:researcher --runs 4 --out bench"
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(commands, "benchmark", "Compare agents on a suite of tasks", EXAMPLE)
    command.add_argument(
        "--suite", required=True, metavar="S", help="heldout, train, mlgym, or a file of ids and globs, one a line"
    )
    command.add_argument("--agent", required=True, action="append", metavar="A", help=f"{WHO_PLAYS}; may be repeated")
    command.add_argument(
        "--runs", type=positive_int, default=1, metavar="N", help="of each task (default: %(default)s)"
    )
    command.add_argument(
        "--max-steps",
        type=positive_int,
        default=50,
        metavar="N",
        help="step budget of an episode (default: %(default)s)",
    )
    add_playing(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play what is left and report; exit code 3 where episodes are missing, 1 where an agent's own code failed."""
    register_own(arguments)
    broken = register_mlgym(arguments, ["mlgym/*"] if arguments.suite == "mlgym" else [])
    # Here and not above, so that a wrong command line is answered at once.
    from mlgym_synth.evaluation.analysis import analyse, write_files
    from mlgym_synth.evaluation.benchmark import read_results
    from mlgym_synth.reports.benchmark import write_report
    from mlgym_synth.reports.plots import require_matplotlib

    benchmark = _benchmark(arguments)
    require_matplotlib()
    results = read_results(benchmark, _play(arguments, benchmark))
    scores = results.scores()
    analysis = analyse(scores) if scores else None
    write_files(results, analysis)
    page = write_report(results, analysis, benchmark.out)
    _show(arguments, results, analysis, page)
    if results.missing:
        return 3
    return 1 if broken or any(each.statuses["agent_failed"] for each in results.agents) else 0


def _benchmark(arguments: argparse.Namespace) -> Benchmark:
    from mlgym_synth.evaluation.benchmark import Benchmark
    from mlgym_synth.evaluation.suites import open_suite
    from mlgym_synth.rollouts.plan import PlaySettings

    roots = roots_of(arguments)
    agents = [
        PlaySettings(agent, model_of(arguments, agent), arguments.sandbox, arguments.max_steps, **roots)
        for agent in arguments.agent
    ]
    for play in agents:
        require_agent(play.agent, play.model)
    return Benchmark(open_suite(arguments.suite), tuple(agents), arguments.runs, arguments.seed, arguments.out)


def _play(arguments: argparse.Namespace, benchmark: Benchmark) -> dict[str, str]:
    from mlgym_synth.evaluation.benchmark import complete, play_all

    engine = engine_of(arguments, arguments.agent)
    if not all(complete(benchmark, play) for play in benchmark.agents):
        require_sandbox(arguments)
    with announce_stop(), EpisodeBar(arguments.agent) as bar:
        return play_all(
            benchmark,
            engine,
            max_cost_usd=arguments.max_cost,
            on_result=lambda agent, trajectory, tally: bar.show(agent, tally),
        )


def _show(arguments: argparse.Namespace, results: Results, analysis: Analysis | None, page: Path) -> None:
    from mlgym_synth.evaluation.analysis import summary
    from mlgym_synth.evaluation.profiles import UNEVEN
    from mlgym_synth.reports.benchmark_tables import agent_table
    from mlgym_synth.reports.text import counted, not_compared

    if arguments.json:
        print_json({"out": str(arguments.out), "report": str(page), **summary(results, analysis)})
        return
    table = agent_table(results, analysis)
    worth = ("AUP best", "strict AUP best", "mean progress")
    shown = ("agent", *worth, "episodes", "missing", "without a score", "flagged")
    places = [list(table.columns).index(name) for name in shown]
    print_table("", list(shown), [[_cell(row[place]) for place in places] for row in table.rows])
    if analysis and (uneven := analysis.scores.unevenly_run):
        console.print(UNEVEN.format(tasks=counted(len(uneven), "task")))
    if left_out := results.left_out():
        console.print(not_compared(left_out))
    for each in results.agents:
        if each.missing:
            told = f"{each.agent}: {each.missing} episodes are missing; run this again to play them. {each.stopped}"
            console.print(told.strip())
        if failed := each.statuses["agent_failed"]:
            told = f"{each.agent}: {failed} episodes ended by a failure of the agent's own code. The last failure: "
            console.print(told + each.last_error)
    console.print(str(page))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
