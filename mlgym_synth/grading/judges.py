"""From a task's folder and a seed to the judge of one episode and the files its agent finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mlgym_synth.data.episode import episode_data
from mlgym_synth.data.store import prepare
from mlgym_synth.folder import TaskFolder
from mlgym_synth.grading.evaluator import Evaluator
from mlgym_synth.grading.grade import Grade
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.sandbox.base import Sandbox
from mlgym_synth.task import CUSTOM_METRIC


class Judge(Protocol):
    """Scores submissions of one episode. Holds the labels; lives outside every sandbox the agent can reach."""

    def grade(self, content: bytes) -> Grade:
        """Score a submission file on both halves.

        Raises:
            SubmissionInvalid: the file breaks its format; the message is for the agent.
            GradingError: the grader failed.
        """


def open_judge(folder: TaskFolder, seed: int, open_sandbox: Callable[[], Sandbox]) -> tuple[Judge, dict[str, bytes]]:
    """Prepare a task's data for one episode.

    Args:
        folder: the task.
        seed: draws ids and row order.
        open_sandbox: how referees of programs and a task's own evaluator get a fresh sandbox.

    Returns:
        The judge, and the workspace files that the data makes.

    Raises:
        DatasetUnavailable: the data cannot be had.
    """
    spec = folder.spec
    if spec.submission.kind == "program":
        from mlgym_synth.grading import programs
        from mlgym_synth.grading.referee import ProgramJudge

        prepared = programs.prepare(spec)
        return ProgramJudge(spec, prepared.sealed, open_sandbox), episode_data(spec, prepared, seed).files
    prepared = prepare(spec)
    data = episode_data(spec, prepared, seed)
    assert data.ids is not None
    evaluator = Evaluator(folder, open_sandbox) if spec.metric.name == CUSTOM_METRIC else None
    return PredictionJudge(spec, prepared.sealed, data.ids, evaluator), data.files
