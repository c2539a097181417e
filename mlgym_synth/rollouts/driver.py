"""Runs a plan: hands the episodes that are left to an engine and stores what comes back, until all are there.

Killed at any point, the same run resumes after what is stored. If the environment is broken (no daemon, no endpoint),
it stops soon instead of marking thousands of episodes as failed.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from mlgym_synth.errors import BudgetExhausted, RolloutStopped
from mlgym_synth.folder import load_task
from mlgym_synth.playable import open_task
from mlgym_synth.registry import TaskEntry
from mlgym_synth.rollouts.local import Engine
from mlgym_synth.rollouts.plan import Job, Plan
from mlgym_synth.trajectories.model import Trajectory
from mlgym_synth.trajectories.rows import Unstorable
from mlgym_synth.trajectories.secrets import scrubbed
from mlgym_synth.trajectories.store import StoreInvalid, Summary, TrajectoryStore

IN_A_ROW = 12
"""Stop the run after this many consecutive episodes cut short by infrastructure or the model endpoint."""


@dataclass(slots=True)
class Tally:
    """Where a run stands.

    Attributes:
        total: episodes of the plan.
        others: stored ones that the plan does not ask for.
        statuses: how those that are there have ended.
        void: of them, those to be played again.
        played: in this call, as against before it.
        rewards: sum of the returns of those that are not void.
    """

    total: int
    others: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    done: int = 0
    void: int = 0
    played: int = 0
    steps: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    rewards: float = 0.0
    last_error: str | None = None

    @property
    def mean_reward(self) -> float | None:
        """Over the episodes that are done."""
        return self.rewards / self.done if self.done else None


def rollout(
    plan: Plan,
    store: TrajectoryStore,
    engine: Engine,
    *,
    max_cost_usd: float = math.inf,
    on_result: Callable[[Trajectory, Tally], None] | None = None,
) -> Tally:
    """Play what is left of a plan.

    Args:
        plan: the run.
        store: opened with `plan.settings()`.
        engine: where episodes are played.
        max_cost_usd: no episode is begun once the run has cost so much; those that run then are finished.
        on_result: called with every trajectory as it is stored.

    Raises:
        StoreInvalid: what is stored is of tasks that have changed since.
        TaskInvalid, TaskNotFound: a task that has stored episodes is gone or broken.
        RolloutStopped: infrastructure or model failed under `IN_A_ROW` episodes in a row, or the engine lost some.
        BudgetExhausted: the cost has reached its limit, and episodes are left.
    """
    refuse_outdated(plan, store)
    tally, left, in_a_row, begun = standing(plan, store), _left(plan, store), 0, 0

    def within_budget() -> Iterator[Job]:
        nonlocal begun
        for job in left:
            if tally.cost_usd >= max_cost_usd:
                return
            begun += 1
            yield job

    with contextlib.closing(engine.play(within_budget(), plan.play)) as finished:
        for trajectory in finished:
            _put(store, trajectory)
            tally.played += 1
            tally.cost_usd += trajectory.usage.cost_usd
            _count(tally, trajectory, len(trajectory.steps), trajectory.usage.tokens)
            in_a_row = in_a_row + 1 if trajectory.void else 0
            if on_result is not None:
                on_result(trajectory, tally)
            if in_a_row >= IN_A_ROW:
                raise RolloutStopped(
                    f"{in_a_row} episodes in a row were cut short, the last by: {trajectory.error}. Mend that and run"
                    " this again; it goes on where it was."
                )
    if tally.played < begun:
        raise RolloutStopped(f"{begun - tally.played} episodes were begun and never came back; run this again.")
    if tally.cost_usd >= max_cost_usd and tally.done < tally.total:
        raise BudgetExhausted(
            f"{tally.cost_usd:.4f} USD are spent, {tally.total - tally.done} episodes are left; run this again with a"
            " higher --max-cost to go on."
        )
    return tally


def _put(store: TrajectoryStore, trajectory: Trajectory) -> None:
    """Store it. If the agent produced something that cannot be stored, that is the agent's failure, not the run's."""
    try:
        store.put(trajectory)
    except Unstorable as error:
        trajectory.fault, trajectory.error = "agent", f"what it did cannot be stored: {error}"
        trajectory.exit_status = trajectory.test_score = trajectory.progress = None
        trajectory.steps, trajectory.system = [], ""
        store.put(trajectory)
    trajectory.error = scrubbed(trajectory.error)


def standing(plan: Plan, store: TrajectoryStore) -> Tally:
    """Where a run stands before it goes on; what others cost counts too, since the limit is the store's."""
    stored, asked = store.summaries(), plan.keys()
    tally = Tally(len(plan), others=sum((s.task_id, s.index) not in asked for s in stored))
    tally.cost_usd = sum(s.cost_usd for s in stored)
    for summary in stored:
        if not summary.void and (summary.task_id, summary.index) in asked:
            _count(tally, summary, summary.steps, summary.tokens)
    return tally


def outdated(plan: Plan, stored: Iterable[Summary]) -> list[Summary]:
    """Finished episodes that the plan asks for, of tasks that have changed since, as far as hashes are known.

    The tasks themselves are looked at, since an index knows nothing of changes that were not recorded.

    Raises:
        TaskInvalid: a task's folder is gone or broken.
        TaskNotFound: a task of another suite cannot be opened any more.
    """
    entries, asked = {entry.id: entry for entry in plan.entries}, plan.keys()
    known = [
        summary
        for summary in stored
        if not summary.void and summary.task_sha256 and (summary.task_id, summary.index) in asked
    ]
    now = {task_id: _sha256(entries[task_id]) for task_id in {summary.task_id for summary in known}}
    return [summary for summary in known if summary.task_sha256 != now[summary.task_id]]


def _sha256(entry: TaskEntry) -> str:
    """Of the task as it is now."""
    return open_task(entry.id).sha256 if entry.opener else load_task(entry.folder).sha256


def refuse_outdated(plan: Plan, store: TrajectoryStore) -> None:
    """Do not count episodes of tasks as they were together with those of tasks as they are.

    Raises:
        StoreInvalid: what is stored is of tasks that have changed since.
        TaskInvalid, TaskNotFound: see `outdated`.
    """
    if old := outdated(plan, store.summaries()):
        raise StoreInvalid(
            f"{store.folder}: {len(old)} stored episode{'s are' if len(old) > 1 else ' is'} of tasks that have changed"
            f" since, the first of {old[0].task_id}. Old and new ones cannot be counted together: give another --out."
        )


def _left(plan: Plan, store: TrajectoryStore) -> list[Job]:
    """What is to be played. Episodes cut short before come last: they may fail again, and some in a row end the run."""
    again = {(summary.task_id, summary.index) for summary in store.summaries() if summary.void}
    return sorted(plan.jobs(store.done()), key=lambda job: (job.task_id, job.index) in again)


def _count(tally: Tally, episode: Trajectory | Summary, steps: int, tokens: int) -> None:
    """Add an episode to all but `played` and the cost."""
    tally.statuses[episode.status] += 1
    tally.steps += steps
    tally.tokens += tokens
    tally.last_error = episode.error or tally.last_error
    if episode.void:
        tally.void += 1
    else:
        tally.done += 1
        tally.rewards += episode.total_reward
