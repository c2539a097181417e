"""The running episode behind `SynthEnv`: budgets, validations, the submission that counts, and what is paid when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from mlgym_synth.errors import FileRefused, SandboxOverloaded, SubmissionInvalid
from mlgym_synth.grading.grade import Grade
from mlgym_synth.grading.judges import Judge
from mlgym_synth.grading.reward import progress, quantum, reward, rounded
from mlgym_synth.limits import Limits
from mlgym_synth.playable import Playable
from mlgym_synth.sandbox.base import Sandbox
from mlgym_synth.task import Half, Measured
from mlgym_synth.tools import Context, ToolCall, ToolResult

ExitStatus = Literal["submitted", "auto_submitted", "no_submission", "invalid_submission", "sandbox_lost"]


@dataclass(frozen=True, slots=True)
class _Graded:
    """A submission's bytes and what they scored on both halves."""

    content: bytes
    grade: Grade


class Episode:
    """State of one episode, from the first step to its exit status.

    Attributes:
        steps: steps taken.
        paid: the value paid out so far under `reward="improvement"`; at the end, the final test value.
        exit_status: None while running.
        graded: what this step graded, if anything.
    """

    def __init__(self, task: Playable, judge: Judge, limits: Limits, max_steps: int) -> None:
        self.spec = task.spec
        self.limits = limits
        self.max_steps = max_steps
        self.steps = 0
        self.paid = 0.0
        self.exit_status: ExitStatus | None = None
        self.cause: str | None = None
        self.graded: Grade | None = None
        self._judge, self._collect = judge, task.collect
        self._max_validations = self._validations_left = task.max_validations
        self._seconds_left = limits.episode_s
        self._best: float | None = None  # raw, for info
        self._best_shown: float | None = None  # rounded, and at least one spread above the last that paid
        self._last_valid: _Graded | None = None
        self._final: float | None = None

    @property
    def budget_ended(self) -> bool:
        """Whether no step is left, or no tool time."""
        return self.steps >= self.max_steps or self._seconds_left <= 0

    def use(self, call: ToolCall, sandbox: Sandbox) -> ToolResult:
        """Run a tool in the sandbox, on the episode's clock."""
        assert call.tool.run is not None
        timeout_s = max(0.1, min(self.limits.tool_s, self._seconds_left))
        result = call.tool.run(Context(sandbox, self.limits, timeout_s), call.arguments)
        self._seconds_left -= result.elapsed_s
        return result

    def validate(self, sandbox: Sandbox) -> str:
        """Score the submission file on the validation half; pay a rise beyond one standard error."""
        if self._validations_left == 0:
            return f"Not scored: all {self._max_validations} validations are used. `submit` is still there."
        try:
            graded = self._grade(sandbox)
        except SubmissionInvalid as fault:
            return f"Not scored: {fault}"
        self._validations_left -= 1
        self._last_valid, self.graded = graded, graded.grade
        raw, shown = graded.grade.validation, self._shown(graded.grade, "validation")
        self._best = raw if self._best is None or self._better(raw, self._best) else self._best
        if self._best_shown is None or self._better(shown, self._best_shown, by=self._spread("validation")):
            self._best_shown = shown
            self.paid = max(self.paid, self._value(shown, "validation"))
        return f"Validation {self._score_line(shown, 'validation')} {self._validations_left} validations left."

    def submit(self, sandbox: Sandbox) -> str:
        """Grade the submission file on the test half and end the episode; a faulty file ends nothing."""
        try:
            graded = self._grade(sandbox)
        except SubmissionInvalid as fault:
            return f"Not submitted: {fault}"
        return self._end("submitted", graded)

    def hand_in(self, sandbox: Sandbox) -> str:
        """At the end of a budget: grade the file that is there, else the one last validated."""
        try:
            return self._end("auto_submitted", self._grade(sandbox))
        except SubmissionInvalid as fault:
            if self._last_valid is not None:
                return f"{fault} " + self._end("auto_submitted", self._last_valid)
            missing = isinstance(fault.__cause__, FileRefused) and "no such" in str(fault.__cause__).lower()
            return f"{fault} " + self._end("no_submission" if missing else "invalid_submission", None)

    def lose(self, error: SandboxOverloaded) -> str:
        """The sandbox died of the agent's load: the file last validated counts, else nothing."""
        self.cause = error.cause
        return f"The sandbox is lost: {error} " + self._end("sandbox_lost", self._last_valid)

    def info(self) -> dict[str, Any]:
        """The episode's part of `info`; raw scores, for the caller and never for the agent."""
        ended = self.exit_status is not None
        half: Half = "test" if ended else "validation"
        return {
            "score": None if self.graded is None else getattr(self.graded, half),
            "test_score": None if self.graded is None else self.graded.test,
            "best_score": self._best,
            "baseline_score": None if self.spec.baseline is None else getattr(self.spec.baseline, half).score,
            "progress": self._final,
            "steps_left": self.max_steps - self.steps,
            "validations_left": self._validations_left,
            "seconds_left": max(0.0, self._seconds_left),
            "exit_status": self.exit_status,
            "cause": self.cause,
        }

    def _grade(self, sandbox: Sandbox) -> _Graded:
        try:
            content = self._collect(sandbox, self.limits.submission_bytes)
        except FileRefused as refusal:
            raise SubmissionInvalid(f"{refusal}.") from refusal
        if self._last_valid is not None and content == self._last_valid.content:
            return self._last_valid
        return _Graded(content, self._judge.grade(content))

    def _end(self, status: ExitStatus, graded: _Graded | None) -> str:
        self.exit_status = status
        if graded is None:
            self.graded, self.paid = None, 0.0
            return "No valid submission: the episode scores 0."
        self.graded = graded.grade
        shown = self._shown(graded.grade, "test")
        self.paid = self._value(shown, "test")
        self._final = self._progress(graded.grade.test, "test")
        return f"Handed in. Test {self._score_line(shown, 'test')}"

    def _score_line(self, shown: float, half: Half) -> str:
        metric, baseline = self.spec.metric, self._measured("baseline", half)
        beside = "" if baseline is None else f", the baseline's is {self._text(baseline, half)}"
        return f"score ({metric.name}, {metric.direction}): {self._text(shown, half)}{beside}."

    def _text(self, score: float, half: Half) -> str:
        """With as many decimals as are shown of it: 1.00 is not known to be 1."""
        spread = self._spread(half)
        if not spread:
            return f"{score:.10g}"
        return f"{rounded(score, spread):.{max(0, -math.floor(math.log10(quantum(spread))))}f}"

    def _shown(self, grade: Grade, half: Half) -> float:
        return rounded(getattr(grade, half), self._spread(half))

    def _spread(self, half: Half) -> float:
        return 0.0 if self.spec.baseline is None else float(getattr(self.spec.baseline, half).spread)

    def _better(self, score: float, than: float, by: float = 0.0) -> bool:
        return score - than > by if self.spec.metric.direction == "maximize" else than - score > by

    def _measured(self, which: Literal["baseline", "reference"], half: Half) -> float | None:
        measured: Measured | None = getattr(self.spec, which)
        return None if measured is None else float(getattr(measured, half).score)

    def _progress(self, score: float, half: Half) -> float | None:
        baseline, reference = self._measured("baseline", half), self._measured("reference", half)
        if baseline is None or reference is None:  # not measured yet: a task in the making pays nothing
            return None
        return progress(score, baseline, reference, self.spec.metric.direction)

    def _value(self, score: float, half: Half) -> float:
        made = self._progress(score, half)
        return 0.0 if made is None else reward(made)
