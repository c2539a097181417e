"""A benchmark: agents on a suite, one store an agent below a folder, and the scores that come out of the stores.

Playing and reading are apart: `play_all` goes on where it was stopped, `read_results` reads what is stored, at any time
and without playing anything. Episodes that infrastructure or a model endpoint cut short are never scored: they are
missing, not zero, and what is compared are the tasks on which every agent has a finished episode.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from mlgym_synth.errors import BudgetExhausted, RolloutStopped
from mlgym_synth.evaluation.audit import Finding, audit
from mlgym_synth.evaluation.scores import Scores
from mlgym_synth.evaluation.suites import Suite, SuiteTask
from mlgym_synth.rollouts.driver import Tally, outdated, refuse_outdated, rollout
from mlgym_synth.rollouts.local import Engine
from mlgym_synth.rollouts.plan import Plan, PlaySettings
from mlgym_synth.trajectories.model import Trajectory
from mlgym_synth.trajectories.store import (
    LEDGER,
    Summary,
    TrajectoryStore,
    read_settings,
    read_summaries,
    read_trajectories,
)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is played.

    Attributes:
        suite: the tasks.
        agents: how each plays; all have the same step budget.
        runs: episodes of each task and agent.
        seed: of all agents alike, so they get the same rows in the same order.
        out: the folder with a store for each agent.
    """

    suite: Suite
    agents: tuple[PlaySettings, ...]
    runs: int
    seed: int
    out: Path

    def __post_init__(self) -> None:
        names = [play.agent for play in self.agents]
        if not names:
            raise ValueError("a benchmark needs an agent")
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            raise ValueError(f"agent {twice[0]!r} is named twice")
        owners: dict[Path, str] = {}
        for name in names:
            if (other := owners.setdefault(self.folder(name), name)) != name:
                raise ValueError(
                    f"agents {other!r} and {name!r} would both be kept in {self.folder(name)}: give one another --out"
                )

    def plan(self, play: PlaySettings) -> Plan:
        """The episodes of one agent."""
        return Plan(tuple(task.entry for task in self.suite.tasks), self.runs, self.seed, play)

    def folder(self, agent: str) -> Path:
        """The agent's store."""
        return self.out / (re.sub(r"[^A-Za-z0-9._-]+", "-", agent).strip("-.") or "agent")


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """A finished episode without its steps.

    Attributes:
        scores: of the test half, in order: every successful validation's and the submission's; empty without a valid
            submission.
        findings: of the audit.
    """

    task_id: str
    index: int
    status: str
    scores: tuple[float, ...]
    steps: int
    tool_seconds: float
    tokens: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentResults:
    """What one agent came to.

    Attributes:
        folder: its store.
        runs: its finished episodes, in the order of the suite.
        missing: episodes of the plan that were not played or were cut short, or whose task has changed since.
        cost_usd: of all that are stored, those cut short included.
        stopped: why playing stopped before the end, in words.
        last_error: the last failure of the agent's own code, in words.
        stored: task and index of the episodes that were asked for and are there, those cut short included; its store
            may hold others.
    """

    agent: str
    folder: Path
    runs: tuple[EpisodeResult, ...]
    missing: int
    cost_usd: float = 0.0
    stopped: str = ""
    last_error: str = ""
    stored: frozenset[tuple[str, int]] = frozenset()

    @property
    def statuses(self) -> Counter[str]:
        """How its episodes ended."""
        return Counter(run.status for run in self.runs)

    @property
    def flagged(self) -> list[EpisodeResult]:
        """Episodes in which the audit found something."""
        return [run for run in self.runs if run.findings]


@dataclass(frozen=True)
class Results:
    """What is stored of a benchmark."""

    benchmark: Benchmark
    agents: tuple[AgentResults, ...]
    _by_task: dict[str, dict[str, list[EpisodeResult]]] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for results in self.agents:
            of_agent = self._by_task.setdefault(results.agent, {})
            for run in results.runs:
                of_agent.setdefault(run.task_id, []).append(run)

    @property
    def missing(self) -> int:
        """Episodes that are not there, of all agents."""
        return sum(results.missing for results in self.agents)

    @property
    def compared(self) -> list[AgentResults]:
        """The agents that have finished any episode."""
        return [results for results in self.agents if results.runs]

    def runs(self, agent: str, task_id: str) -> Sequence[EpisodeResult]:
        """An agent's finished episodes of a task."""
        return self._by_task[agent].get(task_id, ())

    def tasks(self, *, well_known: bool = False) -> list[SuiteTask]:
        """The tasks on which all compared agents have a finished episode: evidence, or the well-known ones."""
        compared = self.compared
        return [
            task
            for task in self.benchmark.suite.tasks
            if compared and task.well_known == well_known and all(self.runs(each.agent, task.id) for each in compared)
        ]

    def left_out(self) -> list[str]:
        """Tasks that cannot be compared, since an agent has no finished episode there."""
        kept = {task.id for flag in (False, True) for task in self.tasks(well_known=flag)}
        return [task.id for task in self.benchmark.suite.tasks if task.id not in kept]

    def scores(self, *, well_known: bool = False) -> Scores | None:
        """The content of the scores file; None where nothing can be compared."""
        tasks = self.tasks(well_known=well_known)
        if not tasks:
            return None
        return Scores(
            tasks={task.id: task.scored for task in tasks},
            runs={
                each.agent: {task.id: [list(run.scores) for run in self.runs(each.agent, task.id)] for task in tasks}
                for each in self.compared
            },
        )


def play_all(
    benchmark: Benchmark,
    engine: Engine,
    *,
    max_cost_usd: float = math.inf,
    on_result: Callable[[str, Trajectory, Tally], None] | None = None,
) -> dict[str, str]:
    """Play what is left, one agent after the other; all their stores are looked at before the first plays.

    Args:
        benchmark: what to play.
        engine: where.
        max_cost_usd: of each agent; it begins no episode once it has cost so much.
        on_result: called with the agent, every trajectory as it is stored, and where the agent's run stands.

    Returns:
        Agent -> why it stopped before its end, if it did: endpoint or sandboxes failed again and again, or its money is
        spent.

    Raises:
        StoreInvalid: a store below `out` was begun with other settings, or holds episodes of tasks that have changed.
        StoreInUse: another process plays there.
    """
    stopped: dict[str, str] = {}
    for play in benchmark.agents:
        if (benchmark.folder(play.agent) / LEDGER).is_file():  # one that is still to be made is made at its turn
            with _opened(benchmark, play) as store:
                refuse_outdated(benchmark.plan(play), store)
    for play in benchmark.agents:

        def tell(trajectory: Trajectory, tally: Tally, agent: str = play.agent) -> None:
            if on_result is not None:
                on_result(agent, trajectory, tally)

        with _opened(benchmark, play) as store:
            try:
                rollout(benchmark.plan(play), store, engine, max_cost_usd=max_cost_usd, on_result=tell)
            except (RolloutStopped, BudgetExhausted) as error:
                stopped[play.agent] = str(error)
    return stopped


def complete(benchmark: Benchmark, play: PlaySettings) -> bool:
    """Whether no episode of this agent is left to be played.

    Raises:
        StoreInvalid: a broken store.
    """
    folder = benchmark.folder(play.agent)
    if not (folder / LEDGER).is_file():
        return False
    done = {(summary.task_id, summary.index) for summary in read_summaries(folder) if not summary.void}
    return benchmark.plan(play).keys() <= done


def _opened(benchmark: Benchmark, play: PlaySettings) -> TrajectoryStore:
    """The agent's store. Its code may have changed since it began if there is nothing left for it to play."""
    folder, settings = benchmark.folder(play.agent), benchmark.plan(play).settings()
    if complete(benchmark, play):
        settings["agent_code"] = read_settings(folder).get("agent_code")
    return TrajectoryStore(folder, settings)


def read_results(benchmark: Benchmark, stopped: dict[str, str] | None = None) -> Results:
    """Everything that is stored of a benchmark; agents without a store have no episode.

    Of what a store holds, only that counts which was asked for, of the tasks as they are now.

    Args:
        benchmark: what was to be played.
        stopped: what `play_all` returned.

    Raises:
        StoreInvalid: a broken store.
    """
    reasons = stopped or {}
    return Results(benchmark, tuple(_read(benchmark, play, reasons.get(play.agent, "")) for play in benchmark.agents))


def run_of(trajectory: Trajectory, optimum: float | None = None) -> EpisodeResult:
    """A finished episode as it enters the comparison."""
    return EpisodeResult(
        trajectory.task_id,
        trajectory.index,
        trajectory.status,
        _scores(trajectory),
        len(trajectory.steps),
        trajectory.tool_seconds,
        trajectory.usage.tokens,
        tuple(audit(trajectory, optimum)),
    )


def _scores(trajectory: Trajectory) -> tuple[float, ...]:
    if trajectory.test_score is None:
        return ()
    # The last step's score is that of the submission, also where a validation was the last thing the budget held.
    earlier = (step.test_score for step in trajectory.steps[:-1] if step.tool == "validate")
    return (*(score for score in earlier if score is not None), trajectory.test_score)


def _read(benchmark: Benchmark, play: PlaySettings, stopped: str) -> AgentResults:
    plan, folder = benchmark.plan(play), benchmark.folder(play.agent)
    if not (folder / LEDGER).is_file():
        return AgentResults(play.agent, folder, (), len(plan), stopped=stopped)
    counted = _counted(plan, read_summaries(folder))
    runs = _runs(benchmark.suite, folder, counted.keys())
    errors = [summary.error for summary in counted.values() if summary.status == "agent_failed" and summary.error]
    return AgentResults(
        play.agent,
        folder,
        runs,
        missing=len(plan) - len(runs),
        cost_usd=sum(summary.cost_usd for summary in counted.values()),
        stopped=stopped,
        last_error=errors[-1] if errors else "",
        stored=frozenset(counted),
    )


def _counted(plan: Plan, stored: Sequence[Summary]) -> dict[tuple[str, int], Summary]:
    """What the plan asks for, without episodes of tasks that have changed since: these are not of the same tasks."""
    asked = plan.keys() - {(summary.task_id, summary.index) for summary in outdated(plan, stored)}
    return {key: summary for summary in stored if (key := (summary.task_id, summary.index)) in asked}


def _runs(suite: Suite, folder: Path, counted: AbstractSet[tuple[str, int]]) -> tuple[EpisodeResult, ...]:
    """The finished ones of these episodes, in the order of the suite."""
    places = {task.id: place for place, task in enumerate(suite.tasks)}
    optima = {task.id: task.optimum for task in suite.tasks}
    runs = [
        run_of(trajectory, optima[trajectory.task_id])
        for trajectory in read_trajectories(folder)
        if not trajectory.void and (trajectory.task_id, trajectory.index) in counted
    ]
    return tuple(sorted(runs, key=lambda run: (places[run.task_id], run.index)))
