"""What the gates look at: each expensive thing (data, plays, runs) is made once, when a gate first asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.data.prepared import Prepared
from mlgym_synth.env import SynthEnv, episode_seed
from mlgym_synth.folder import TaskFolder
from mlgym_synth.gates.record import Run, Runs, prepared_data, runs_of
from mlgym_synth.gates.traces import Traces, traces_of
from mlgym_synth.grading.bootstrap import interval, means
from mlgym_synth.grading.grade import Grade
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.grading.judges import Judge, open_judge
from mlgym_synth.grading.referee import ProgramJudge
from mlgym_synth.sandbox import open_sandbox
from mlgym_synth.task import Half, InstanceData, Measured

HALVES: tuple[Half, Half] = ("validation", "test")


class GateFailed(Exception):
    """The task does not pass; the message says what is wrong and where."""


def require(holds: bool, reason: str) -> None:
    """Fail the gate unless `holds`."""
    if not holds:
        raise GateFailed(reason)


@dataclass(frozen=True)
class Played:
    """The baseline played through the env: what it earned, `info` of the end, and all that was said on the way."""

    seed: int
    total_reward: float
    info: dict[str, Any]
    said: str


class Evidence:
    """One task under examination.

    Args:
        folder: the task; baseline and reference must have been recorded.
        sandbox: backend of everything that is run.
        runs: of baseline and reference, where they were run already.
    """

    def __init__(self, folder: TaskFolder, sandbox: str = "auto", runs: Runs | None = None) -> None:
        self._runs = runs
        self.folder, self.spec, self.sandbox = folder, folder.spec, sandbox
        self.sign = 1.0 if self.spec.metric.direction == "maximize" else -1.0
        self.is_program = isinstance(self.spec.data, InstanceData)

    @cached_property
    def prepared(self) -> Prepared:
        """The prepared data, from the cache."""
        return prepared_data(self.spec)

    @cached_property
    def traces(self) -> Traces:
        """What sealed values look like where they must not be."""
        return traces_of(self.prepared)

    def open_env(self, **kwargs: Any) -> SynthEnv:
        """An env of this task."""
        return SynthEnv(self.folder.path, sandbox=self.sandbox, **kwargs)

    def episode(self, seed: int) -> tuple[Judge, dict[str, bytes]]:
        """The judge of the episode that `reset(seed=seed)` begins, and the files its data makes."""
        limits = self.spec.limits
        return open_judge(self.folder, episode_seed(seed), lambda: open_sandbox(self.sandbox, limits))

    @cached_property
    def runs(self) -> Runs:
        """Baseline and reference, each run in an episode of its own."""
        return self._runs or runs_of(self.folder, self.sandbox)

    @property
    def baseline(self) -> Run:
        """The baseline's run on the first seed."""
        return self.runs.baseline[0]

    @property
    def reference(self) -> Run:
        """The reference's run, on the same episode as `baseline`."""
        return self.runs.reference

    @cached_property
    def plays(self) -> list[Played]:
        """What the baseline wrote in each of its runs, handed in through reset, validate and submit."""
        return [self._play(one) for one in self.runs.baseline]

    def _play(self, one: Run) -> Played:
        env = self.open_env()
        try:
            env.reset(seed=one.seed)
            assert env.sandbox is not None
            env.sandbox.write_files({self.spec.submission.file: one.content})
            total, words = 0.0, []
            for tool in ("validate", "submit"):
                said, reward, terminated, _, info = env.step({"tool": tool, "arguments": {}})
                total += reward
                words.append(said)
                if terminated:
                    break
            return Played(one.seed, total, info, "\n".join(words))
        finally:
            env.close()

    def measured(self, which: Literal["baseline", "reference"]) -> Measured:
        """What `task.yaml` records.

        Raises:
            GateFailed: nothing is recorded.
        """
        found: Measured | None = getattr(self.spec, which)
        if found is None:
            raise GateFailed(f"task.yaml: {which}: missing. Measure it: mlgym-synth verify --record {self.folder.path}")
        return found

    def grade(self, content: bytes) -> Grade:
        """A submission's scores in the episode of `baseline`."""
        if isinstance(self.baseline.judge, PredictionJudge):
            return self.baseline.judge.grade(content)
        validation, test = np.split(self.instance_scores(content), [self._validation_instances])
        return Grade(float(validation.mean()), float(test.mean()))

    def instance_scores(self, content: bytes) -> NDArray[np.float64]:
        """Programs: scores on every hidden instance, validation then test; kept, since each play takes a second."""
        if content not in self._instance_scores:
            judge = self.baseline.judge
            assert isinstance(judge, ProgramJudge)
            self._instance_scores[content] = np.concatenate([judge.scores(content, half) for half in HALVES])
        return self._instance_scores[content]

    @property
    def _validation_instances(self) -> int:
        assert isinstance(self.spec.data, InstanceData)
        return self.spec.data.validation

    @cached_property
    def _instance_scores(self) -> dict[bytes, NDArray[np.float64]]:
        return {}

    def better_by(self, content: bytes, than: bytes, level: float) -> tuple[float, float]:
        """Paired bootstrap interval of how much better one submission is: over test rows, or over all instances."""
        judge = self.baseline.judge
        if isinstance(judge, PredictionJudge):
            return judge.compare(content, than, "test", level=level)
        gain = self.sign * (self.instance_scores(content) - self.instance_scores(than))
        return interval(means(gain, 1000, 0), level)

    def no_better_than_baseline(self, score: float, half: Half = "test") -> bool:
        """Whether a score passes the baseline's by no more than one spread."""
        recorded = getattr(self.measured("baseline"), half)
        return bool(self.sign * (score - recorded.score) <= recorded.spread)
