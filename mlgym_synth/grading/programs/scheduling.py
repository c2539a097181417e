"""Scheduling. Costs are shares of what they could be at the worst pace, so 0 cannot be passed; makespans are ratios.

Jobs in an order on machines, each on the one free first: `weighted_tardiness`, `late_jobs`, `weighted_completion`,
`early_and_late`. `job_shop` and `job_shop_flow`: operations of jobs on machines, in any routing; makespan, or mean
completion. `no_wait_flow_shop`: jobs that never stop between machines. `machines`: jobs on unlike machines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee, integers, permutation
from mlgym_synth.grading.programs.generators import choices, weights
from mlgym_synth.task import Source


def _make_jobs(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Jobs `[duration, weight, due, release, family]`, the setup times between families, the number of machines."""
    jobs, families, machines = (int(parameters[name]) for name in ("jobs", "families", "machines"))
    tight, spread = float(parameters["tightness"]), float(parameters["spread"])
    made = []
    for _ in range(count):
        durations = rng.integers(1, 101, size=jobs)
        if parameters.get("durations") == "mixed":  # many short, a few long
            durations = np.where(rng.random(jobs) < 0.8, rng.integers(1, 21, jobs), rng.integers(80, 201, jobs))
        span = durations.sum() / machines
        release = (rng.uniform(0, parameters["released"], jobs) * span).astype(int)
        low, high = (1 - tight - spread / 2) * span, (1 - tight + spread / 2) * span
        due = np.maximum(rng.uniform(low, high, jobs), 0).astype(int) + durations + release
        columns = [durations, weights(parameters["weights"], rng, jobs), due, release]
        setups = rng.integers(10, 60, size=(families, families)) * (1 - np.eye(families, dtype=int))
        rows = np.column_stack([*columns, rng.integers(families, size=jobs)])
        made.append([rows.tolist(), setups.tolist(), machines])
    return made


def _ends(jobs: list[list[int]], setups: list[list[int]], machines: int, order: list[int]) -> list[int]:
    """When each job ends."""
    free, last, ends = [0] * machines, [-1] * machines, [0] * len(jobs)
    for job in order:
        duration, _, _, release, family = jobs[job]
        machine = free.index(min(free))
        setup = setups[last[machine]][family] if last[machine] >= 0 else 0
        free[machine] = ends[job] = max(free[machine] + setup, release) + duration
        last[machine] = family
    return ends


_Cost = Callable[[int, list[int]], float]


def _jobs(cost: _Cost, in_time: bool = True) -> Referee:
    """`cost` of a job by its end, before its weight; `in_time`: a duration, counted in the time all work takes."""

    def play(instance: Any) -> Play:
        jobs, setups, machines = instance
        answer = yield instance
        ends = _ends(jobs, setups, machines, permutation(answer, len(jobs), "jobs"))
        total = sum(job[1] * cost(end, job) for end, job in zip(ends, jobs, strict=True))
        unit = sum(job[0] for job in jobs) / machines if in_time else 1.0
        return float(total / sum(job[1] for job in jobs) / unit)

    return Referee(
        make=_make_jobs,
        play=play,
        trivial="def schedule(jobs, setups, machines):\n    return list(range(len(jobs)))\n",
        random="import random\n\n\ndef schedule(jobs, setups, machines):\n"
        "    return random.sample(range(len(jobs)), len(jobs))\n",
        bound=0.0,
    )


def _make_shop(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Jobs as lists of `[machine, time]`. `routing`: `any`, `halves`, `flow`, `skipping` or `return`."""
    jobs, machines, routing = int(parameters["jobs"]), int(parameters["machines"]), parameters["routing"]
    made = []
    for _ in range(count):
        slow = rng.integers(machines)
        instance = []
        for _ in range(jobs):
            order = rng.permutation(machines)
            if routing == "halves":
                order = np.concatenate(
                    [rng.permutation(machines // 2), rng.permutation(np.arange(machines // 2, machines))]
                )
            elif routing == "flow":
                order = np.arange(machines)
            elif routing == "skipping":
                order = order[: rng.integers(2, machines + 1)]
            elif routing == "return":
                order = np.concatenate([order, order[:1]])
            times = rng.integers(1, 100, size=len(order))
            if parameters.get("bottleneck"):
                times = np.where(order == slow, times * 2, times)
            instance.append(np.column_stack([order, times]).tolist())
        made.append([instance])
    return made


def _shop(mean: bool) -> Referee:
    def play(instance: Any) -> Play:
        (jobs,) = instance
        answer = yield instance
        steps = sum(len(job) for job in jobs)
        order = integers(answer, steps, "jobs by index, each as often as it has operations")
        if any(order.count(job) != len(jobs[job]) for job in range(len(jobs))):
            raise IllegalAnswer("each job must occur exactly as often as it has operations")
        free: dict[int, int] = {}
        ends, at = [0] * len(jobs), [0] * len(jobs)
        for job in order:
            machine, time = jobs[job][at[job]]
            ends[job] = free[machine] = max(ends[job], free.get(machine, 0)) + time
            at[job] += 1
        lengths = [sum(time for _, time in job) for job in jobs]
        if mean:
            return float(sum(ends) / sum(lengths))
        work = [sum(time for job in jobs for m, time in job if m == machine) for machine in free]
        return float(max(ends) / max(*work, *lengths))

    return Referee(
        make=_make_shop,
        play=play,
        trivial="def sequence(jobs):\n    return [job for job, steps in enumerate(jobs) for _ in steps]\n",
        random="import random\n\n\ndef sequence(jobs):\n"
        "    order = [job for job, steps in enumerate(jobs) for _ in steps]\n"
        "    random.shuffle(order)\n    return order\n",
        bound=1.0,
    )


def _make_line(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    jobs, machines = int(parameters["jobs"]), int(parameters["machines"])
    made = []
    for _ in range(count):
        times = rng.integers(1, 100, size=(jobs, machines))
        if parameters.get("structure") == "slow middle":
            times[:, machines // 2] = rng.integers(80, 140, size=jobs)
        elif parameters.get("structure") == "big and small":
            times = (times * rng.uniform(0.2, 1.0, size=(jobs, 1))).astype(int) + 1
        made.append([times.tolist()])
    return made


def _play_line(instance: Any) -> Play:
    (times,) = instance
    answer = yield instance
    order = permutation(answer, len(times), "jobs")
    start, last = 0, None
    for job in order:
        if last is not None:  # the least delay at which the job meets the one before on no machine
            gaps = (sum(times[last][: k + 1]) - sum(times[job][:k]) for k in range(len(times[job])))
            start += max(*gaps, 0)
        last = job
    work = max(sum(job[k] for job in times) for k in range(len(times[0])))
    return float((start + sum(times[order[-1]])) / max(work, *(sum(job) for job in times)))


def _make_machines(
    parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None
) -> list[Any]:
    """Times `[machine][job]`. `structure`: `alike`, `speeds`, `skills` or `unrelated`."""
    jobs, machines, structure = int(parameters["jobs"]), int(parameters["machines"]), parameters["structure"]
    made = []
    for _ in range(count):
        work = rng.integers(20, 200, size=jobs)
        times = np.tile(work, (machines, 1)).astype(float)
        if structure == "speeds":
            times *= rng.uniform(0.5, 2.0, size=(machines, 1))
        elif structure == "skills":  # each machine is quick with one kind of job
            times *= np.where(rng.integers(machines, size=jobs) == np.arange(machines)[:, None], 0.4, 1.0)
        elif structure == "unrelated":
            times = rng.integers(10, 200, size=(machines, jobs)).astype(float)
        made.append([times.round().astype(int).tolist()])
    return made


def _play_machines(instance: Any) -> Play:
    (times,) = instance
    answer = yield instance
    chosen = choices(answer, len(times[0]), len(times), "a machine for every job")
    load = [0] * len(times)
    for job, machine in enumerate(chosen):
        load[machine] += times[machine][job]
    least = [min(column) for column in zip(*times, strict=True)]
    return float(max(load) / max(sum(least) / len(times), max(least)))


SCHEDULING = {
    "weighted_tardiness": _jobs(lambda end, job: max(0, end - job[2])),
    "late_jobs": _jobs(lambda end, job: float(end > job[2]), in_time=False),
    "weighted_completion": _jobs(lambda end, job: end),
    "early_and_late": _jobs(lambda end, job: max(0, end - job[2]) + 0.5 * max(0, job[2] - end)),
    "job_shop": _shop(mean=False),
    "job_shop_flow": _shop(mean=True),
    "no_wait_flow_shop": Referee(
        make=_make_line,
        play=_play_line,
        trivial="def schedule(times):\n    return list(range(len(times)))\n",
        random="import random\n\n\ndef schedule(times):\n    return random.sample(range(len(times)), len(times))\n",
        bound=1.0,
    ),
    "machines": Referee(
        make=_make_machines,
        play=_play_machines,
        trivial="def assign(times):\n    return [0] * len(times[0])\n",
        random="import random\n\n\ndef assign(times):\n    return [random.randrange(len(times)) for _ in times[0]]\n",
        bound=1.0,
    ),
}
