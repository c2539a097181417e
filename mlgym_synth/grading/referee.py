"""The judge of programs: runs a submission in a fresh sandbox of its own, and lets a referee play it.

Hidden inputs reach the program one call at a time; what it answers is JSON. Messages to the agent say which rule was
broken and never what was asked, so that a program cannot carry hidden inputs out through its own failures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.data.prepared import Sealed
from mlgym_synth.errors import GradingError, SandboxOverloaded, SubmissionInvalid
from mlgym_synth.grading.grade import Grade
from mlgym_synth.grading.programs import Referee, referee_of
from mlgym_synth.grading.programs.base import IllegalAnswer
from mlgym_synth.sandbox.base import ProgramEnded, Sandbox
from mlgym_synth.task import Half, ProgramSubmission, TaskSpec

LOAD_S = 30.0
"""Seconds that importing the module may take."""
GRADING_S = 120.0
"""Seconds that a program may take for all its hidden instances together, whatever a single call may."""
_HOST = Path(__file__).with_name("program_host.py")
_HALVES: tuple[Half, Half] = ("validation", "test")
_FAULTS = {"raised": "raised an exception", "unreadable": "returned a value that is not JSON (NaN, inf, an object)"}


class ProgramJudge:
    """Scores the programs of one episode.

    Args:
        spec: a task with a `program` submission.
        sealed: its hidden instances.
        open_sandbox: gives a fresh sandbox for each grading.
    """

    def __init__(self, spec: TaskSpec, sealed: Sealed, open_sandbox: Callable[[], Sandbox]) -> None:
        if not isinstance(spec.submission, ProgramSubmission) or sealed.instances is None:
            raise GradingError(f"{spec.id}: no program task with hidden instances")
        self.spec = spec
        self._submission = spec.submission
        self._referee = referee_of(spec)
        self._instances = sealed.instances
        self._open_sandbox = open_sandbox

    def grade(self, content: bytes) -> Grade:
        """Play both halves; each score is the mean over its instances.

        Raises:
            SubmissionInvalid: the program fails or breaks a rule on any instance; the message is for the agent.
            GradingError: a score that is not finite.
        """
        scores = self._play(content, _HALVES)
        return Grade(float(scores["validation"].mean()), float(scores["test"].mean()))

    def scores(self, content: bytes, half: Half) -> NDArray[np.float64]:
        """Shape [instances of that half]: the score of each. Raises as `grade` does."""
        return self._play(content, (half,))[half]

    def _play(self, content: bytes, halves: tuple[Half, ...]) -> dict[Half, NDArray[np.float64]]:
        with self._open_sandbox() as sandbox:
            try:
                program = _Program(sandbox, self._submission, content)
                played = {half: [self._score(program, i) for i in self._instances[half]] for half in halves}
            except SandboxOverloaded as error:
                raise SubmissionInvalid(f"{self._submission.file}: used more than its sandbox has: {error}") from error
        return {half: np.asarray(values, dtype=np.float64) for half, values in played.items()}

    def _score(self, program: _Program, instance: Any) -> float:
        program.begin()
        score = _finish(self._referee, program, instance)
        if not np.isfinite(score):
            raise GradingError(f"{self.spec.id}: the referee's score is {score}")
        return score


class _Program:
    """A submission running in a sandbox."""

    def __init__(self, sandbox: Sandbox, submission: ProgramSubmission, content: bytes) -> None:
        self._sandbox, self._submission = sandbox, submission
        self._deadline = time.monotonic() + GRADING_S
        self._name = f"{submission.file}: `{submission.function}`"
        sandbox.write_files({submission.file: content, ".host/program_host.py": _HOST.read_bytes()})
        sandbox.start_program(["python", ".host/program_host.py", submission.file, submission.function])
        reply = self._ask(None, LOAD_S)
        if "loaded" not in reply:
            # Nothing hidden was fed yet, so the module's own words may be shown.
            raise SubmissionInvalid(f"{submission.file}: importing it failed: {reply.get('error')}")

    def begin(self) -> None:
        """Play the next instance, from the state after import."""
        if "ready" not in self._ask({"begin": True}, 10.0):
            raise SubmissionInvalid(f"{self._name} answered out of turn")

    def call(self, arguments: list[Any]) -> Any:
        """The function's answer to one call."""
        if time.monotonic() > self._deadline:
            raise SubmissionInvalid(f"{self._name} took longer than {GRADING_S:g} s for all hidden instances together")
        reply = self._ask({"args": arguments}, self._submission.call_s)
        if "value" not in reply:
            fault = _FAULTS.get(str(reply.get("error")), "gave an answer that cannot be read")
            raise SubmissionInvalid(f"{self._name} {fault}")
        return reply["value"]

    def illegal(self, rule: IllegalAnswer) -> SubmissionInvalid:
        """What the agent is told of an answer that breaks a rule."""
        return SubmissionInvalid(f"{self._name} gave an illegal answer: {rule}")

    def _ask(self, message: Any, timeout_s: float) -> dict[str, Any]:
        try:
            answer = self._sandbox.call_program(json.dumps(message).encode(), timeout_s)
            reply = json.loads(answer)
        except TimeoutError:
            raise SubmissionInvalid(f"{self._name} took longer than {timeout_s:g} s") from None
        except ProgramEnded:
            raise SubmissionInvalid(f"{self._name}: the program ended before it answered") from None
        except (ValueError, RecursionError):
            reply = None
        return reply if isinstance(reply, dict) else {}


def _finish(referee: Referee, program: _Program, instance: Any) -> float:
    play = referee.play(instance)
    try:
        arguments = next(play)
        while True:
            arguments = play.send(program.call(arguments))
    except StopIteration as end:
        return float(end.value)
    except IllegalAnswer as rule:
        raise program.illegal(rule) from None
