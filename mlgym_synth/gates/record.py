"""Measuring a task: what baseline and reference score, and the hash of the data, written into `task.yaml`.

`mlgym-synth verify --record` calls `record`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlgym_synth.data.prepared import Prepared
from mlgym_synth.data.store import prepare
from mlgym_synth.env import SynthEnv, episode_seed
from mlgym_synth.errors import FileRefused, SandboxOverloaded, TaskInvalid
from mlgym_synth.folder import TaskFolder, dump_spec, load_task
from mlgym_synth.grading import programs
from mlgym_synth.grading.bootstrap import means
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.grading.judges import Judge, open_judge
from mlgym_synth.grading.referee import ProgramJudge
from mlgym_synth.sandbox import open_sandbox
from mlgym_synth.task import Half, InstanceData, Measured, Score, TaskSpec

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Run:
    """One run of a program of the task's folder: what it wrote, the judge of that episode, seconds it took."""

    seed: int
    content: bytes
    judge: Judge
    seconds: float


@dataclass(frozen=True)
class Runs:
    """The runs that a task is measured by: the baseline on three seeds, the reference on the first."""

    baseline: tuple[Run, ...]
    reference: Run


def runs_of(folder: TaskFolder, sandbox: str) -> Runs:
    """Run baseline and reference; the most expensive thing there is to know of a task, so it is done once.

    Raises:
        TaskInvalid: one of them fails.
    """
    baseline = tuple(run(folder, "baseline", seed, sandbox) for seed in SEEDS)
    return Runs(baseline, run(folder, "solution", SEEDS[0], sandbox))


def run(folder: TaskFolder, which: Literal["baseline", "solution"], seed: int, sandbox: str) -> Run:
    """Run `baseline.py` or the reference's `solution.py` in the sandbox of a fresh episode.

    Raises:
        TaskInvalid: it fails, runs over its time, or writes no submission.
    """
    env = SynthEnv(folder.path, sandbox=sandbox)
    limits, file = env.limits, folder.spec.submission.file
    where = f"{folder.path}: {which}.py"
    try:
        env.reset(seed=seed)
        box = env.sandbox
        assert box is not None
        if which == "solution":
            box.write_files(folder.solution)
        said, _, ended, _, info = env.step({"tool": "bash", "arguments": {"command": f"python {which}.py"}})
        if ended or info["exit_code"] != 0:
            raise TaskInvalid(f"{where}: exit code {info['exit_code']}: {said[-1500:]}")
        content = box.read_file(file, limits.submission_bytes)
    except FileRefused as refused:
        raise TaskInvalid(f"{where}: wrote no submission that can be read: {refused}") from refused
    except SandboxOverloaded as load:  # its own load, not ours: the task's fault
        raise TaskInvalid(f"{where}: used more than its sandbox has: {load}") from load
    finally:
        env.close()
    judge, _ = open_judge(folder, episode_seed(seed), lambda: open_sandbox(sandbox, limits))
    return Run(seed, content, judge, float(info["elapsed_s"]))


def standard_error(judge: Judge, content: bytes, half: Half) -> float:
    """Bootstrap standard error of a submission's score on one half, over rows or instances."""
    if isinstance(judge, PredictionJudge):
        return judge.standard_error(content, half)
    assert isinstance(judge, ProgramJudge)
    return float(means(judge.scores(content, half), 200, 0).std(ddof=1))


def measure(runs: Sequence[Run]) -> Measured:
    """Mean scores over the runs; spread is the larger of their deviation and the first one's standard error."""
    grades = [one.judge.grade(one.content) for one in runs]

    def score(half: Half) -> Score:
        values = np.array([getattr(grade, half) for grade in grades])
        deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        spread = max(deviation, standard_error(runs[0].judge, runs[0].content, half))
        return Score(score=float(values.mean()), spread=float(f"{spread:.4g}"))

    seconds = round(float(np.median([one.seconds for one in runs])), 2)
    return Measured(validation=score("validation"), test=score("test"), seconds=seconds)


def prepared_data(spec: TaskSpec) -> Prepared:
    """The task's prepared data, whatever its kind."""
    return programs.prepare(spec) if isinstance(spec.data, InstanceData) else prepare(spec)


def pin(folder: TaskFolder) -> TaskFolder:
    """The task with the hash of its prepared data, in memory.

    Raises:
        DatasetUnavailable: the data cannot be had.
    """
    unpinned = folder.spec.model_copy(update={"data": folder.spec.data.model_copy(update={"sha256": None})})
    pinned = folder.spec.data.model_copy(update={"sha256": prepared_data(unpinned).sha256})
    return TaskFolder(folder.path, folder.spec.model_copy(update={"data": pinned}))


def record(folder: TaskFolder, *, sandbox: str = "auto", runs: Runs | None = None) -> TaskFolder:
    """Measure baseline and reference, hash the data, write all into `task.yaml`, and read the folder anew.

    Args:
        folder: the task.
        sandbox: backend.
        runs: what was run already; None runs baseline and reference.

    Raises:
        TaskInvalid: a program of the folder fails.
        DatasetUnavailable: the data cannot be had.
    """
    folder = pin(folder)
    runs = runs or runs_of(folder, sandbox)
    measured = {"baseline": measure(runs.baseline), "reference": measure([runs.reference])}
    (folder.path / "task.yaml").write_text(dump_spec(folder.spec.model_copy(update=measured)), encoding="utf-8")
    return load_task(folder.path)
