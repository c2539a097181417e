"""Judges of MLGym's four classes of tasks: its own evaluators, each in a fresh sandbox, their streams kept apart.

Whatever an agent can bring about is a `SubmissionInvalid`, since an agent that could raise `GradingError` could void
its bad episodes. `GradingError` is left for what only the evaluator can do: hang on plain data, or print what is not
what MLGym reads.
"""

from __future__ import annotations

import json
import math
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlgym_synth.errors import FileRefused, GradingError, SandboxOverloaded, SubmissionInvalid
from mlgym_synth.evaluation.mlgym.configs import Entrypoint
from mlgym_synth.evaluation.mlgym.files import CODE, unpack
from mlgym_synth.grading.grade import Grade
from mlgym_synth.sandbox.base import WORKSPACE, ProgramEnded, Sandbox

LOAD_S = 30.0
OUTPUT_BYTES = 4 << 20
"""So much of an evaluator's output is read."""
ANSWER_BYTES = 1 << 20
"""What a function may return: an evaluator may keep many answers and show them all with its next question."""
CSV = "submission.csv"
_STDOUT, _STDERR, _STATUS = "/tmp/mlgym.out", "/tmp/mlgym.err", "/tmp/mlgym.status"
_INSIDE = Path(__file__).with_name("inside")
_ONE_PROCESS = (  # what torchrun sets for its only process: no sandbox has more than the one device
    "RANK=0 LOCAL_RANK=0 WORLD_SIZE=1 LOCAL_WORLD_SIZE=1 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500"
)


@dataclass(frozen=True)
class Evaluator:
    """An evaluator of MLGym, as its judge needs it.

    Attributes:
        task_id: for messages.
        script: its path in the workspace.
        metric: key of its JSON that counts.
        timeout_s: seconds it may take.
        files: every file of the task, labels too, by path in the workspace.
        program: class `PythonSubmissionTasks`: the module that the agent writes.
    """

    task_id: str
    script: str
    metric: str
    timeout_s: float
    files: Mapping[str, bytes]
    program: str = ""


class EvaluatorJudge:
    """Scores submissions as MLGym does: one number, on one test set, for `validate` and `submit` alike.

    Args:
        evaluator: what scores.
        entrypoint: MLGym's class, which says how it is started and what of its output is read.
        open_sandbox: gives a fresh sandbox for each grading.
    """

    def __init__(self, evaluator: Evaluator, entrypoint: Entrypoint, open_sandbox: Callable[[], Sandbox]) -> None:
        self._evaluator, self._entrypoint, self._open_sandbox = evaluator, entrypoint, open_sandbox

    def grade(self, content: bytes) -> Grade:
        """See `Judge.grade`; both halves are the one score."""
        run = {
            "CSVSubmissionTasks": self._on_table,
            "ModelSubmissionTasks": self._on_artefacts,
            "LMSubmissionTasks": self._on_artefacts,
            "PythonSubmissionTasks": self._on_program,
        }[self._entrypoint]
        try:
            output = run(content)
        except SandboxOverloaded as error:
            raise SubmissionInvalid(f"scoring it used more than its sandbox has: {error}") from error
        except FileRefused as error:
            raise SubmissionInvalid(f"it leaves no room to score it: {error}") from error
        score = self._score(output)
        return Grade(score, score)

    def _on_table(self, content: bytes) -> str:
        """`python EVALUATOR --submission_file submission.csv`; the agent brings data only, so a hang is not its."""
        files = {**self._evaluator.files, CSV: content}
        with self._open_sandbox() as sandbox:
            sandbox.write_files(files)
            command = f"python {self._script} --submission_file {WORKSPACE}/{CSV}"
            if sandbox.run(["bash", "-c", _recorded(command)], self._evaluator.timeout_s).timed_out:
                raise self._broken(f"did not end within {self._evaluator.timeout_s:g} s")
            return self._output(sandbox)

    def _on_artefacts(self, content: bytes) -> str:
        """Model and LM: the evaluator loads what the agent trained. Code is the checkout's, pickles are data only."""
        handed = {path: data for path, data in unpack(content).items() if not path.lower().endswith(CODE)}
        files = {**self._evaluator.files, **handed}
        files[".guard/mlgym_guard.py"] = (_INSIDE / "mlgym_guard.py").read_bytes()
        command = f"python .guard/mlgym_guard.py {self._script}"
        if self._entrypoint == "ModelSubmissionTasks":
            command += f" --config_fname {shlex.quote(f'{WORKSPACE}/{_config_of(handed)}')}"
        else:
            command = f"env {_ONE_PROCESS} {command}"
        with self._open_sandbox() as sandbox:
            sandbox.write_files(files)
            if sandbox.run(["bash", "-c", _recorded(command)], self._evaluator.timeout_s).timed_out:
                raise SubmissionInvalid(f"evaluating it took longer than {self._evaluator.timeout_s:g} s")
            return self._output(sandbox)

    def _on_program(self, content: bytes) -> str:
        """`python EVALUATOR`, with a stand-in for the agent's module; the module itself runs in a second sandbox."""
        module = self._evaluator.program
        values, stand_in = (_INSIDE / "mlgym_values.py").read_bytes(), (_INSIDE / "mlgym_stand_in.py").read_bytes()
        files = {**self._evaluator.files, f"{module}.py": stand_in, "mlgym_values.py": values}
        with self._open_sandbox() as theirs, self._open_sandbox() as ours:
            program = _Program(theirs, module, unpack(content), self._evaluator.timeout_s)
            ours.write_files(files)
            ours.start_program(["bash", "-c", _recorded(f"python {self._script}")])
            answer = b""  # to the first question: only that somebody listens
            while True:
                try:
                    question = ours.call_program(answer, self._evaluator.timeout_s)
                except ProgramEnded:
                    return self._output(ours)
                except TimeoutError:
                    what = f"was silent for {self._evaluator.timeout_s:g} s"
                    if not answer:  # it has seen nothing of the program yet
                        raise self._broken(what) from None
                    raise SubmissionInvalid(f"the evaluator {what} after an answer of {module}.py") from None
                answer = program.call(question)

    @property
    def _script(self) -> str:
        return shlex.quote(f"{WORKSPACE}/{self._evaluator.script}")

    def _output(self, sandbox: Sandbox) -> str:
        """Standard output of an evaluator that ended well; what it wrote to other files goes with its sandbox.

        Raises:
            SubmissionInvalid: it ended badly or said nothing, with the last line of its complaint.
        """
        try:
            output, complaint, status = (
                sandbox.read_file(path, OUTPUT_BYTES).decode("utf-8", "replace").strip()
                for path in (_STDOUT, _STDERR, _STATUS)
            )
        except FileRefused as error:
            raise SubmissionInvalid(f"the evaluator left no output that can be read: {error}") from error
        if status == "0" and output:
            return output
        last = complaint.splitlines()[-1][:300] if complaint else "and gave no reason"
        raise SubmissionInvalid(f"the evaluator {'ended with an error' if status != '0' else 'gave no score'}: {last}")

    def _score(self, output: str) -> float:
        text = output
        if self._entrypoint in ("ModelSubmissionTasks", "LMSubmissionTasks"):
            text = next((line for line in output.splitlines() if line.strip().startswith("{")), "")
        try:
            metrics: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._broken(f"printed what is not the JSON that MLGym reads: {output[:200]!r}") from error
        name = self._evaluator.metric
        value = metrics.get(name) if isinstance(metrics, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._broken(f"printed no number `{name}`")
        if not math.isfinite(value):
            raise SubmissionInvalid(f"the evaluator's `{name}` is {value}")
        return float(value)

    def _broken(self, what: str) -> GradingError:
        return GradingError(f"{self._evaluator.task_id}: its evaluator {self._evaluator.script} {what}")


class _Program:
    """An agent's module in a sandbox of its own."""

    def __init__(self, sandbox: Sandbox, module: str, files: Mapping[str, bytes], timeout_s: float) -> None:
        self._sandbox, self._name = sandbox, f"{module}.py"
        self._deadline = time.monotonic() + timeout_s
        if self._name not in files:
            raise SubmissionInvalid(f"{self._name}: no such file")
        inside = {f".host/{n}": (_INSIDE / n).read_bytes() for n in ("mlgym_program.py", "mlgym_values.py")}
        sandbox.write_files({**files, **inside})
        sandbox.start_program(["python", ".host/mlgym_program.py", module])
        self._ask(b"", min(LOAD_S, timeout_s))

    def call(self, question: bytes) -> bytes:
        """The answer to one call, both as `mlgym_values` writes them; nothing of it is read here.

        Raises:
            SubmissionInvalid: it fails; the message says nothing of what was asked.
        """
        return self._ask(question, self._deadline - time.monotonic())

    def _ask(self, question: bytes, timeout_s: float) -> bytes:
        try:
            if timeout_s <= 0:
                raise TimeoutError
            reply = self._sandbox.call_program(question, timeout_s)
        except TimeoutError:
            raise SubmissionInvalid(f"{self._name} took too long") from None
        except ProgramEnded:
            raise SubmissionInvalid(f"{self._name}: the program ended before it answered") from None
        kind, answer = reply[:1], reply[1:]
        if kind == b"v" and len(answer) <= ANSWER_BYTES:
            return answer
        faults = {
            b"r": "a function of it raised an exception",
            b"u": "a function of it returned what is no plain value",
            b"m": "it lacks a function that the evaluator calls",
            b"e": f"importing it failed: {answer[:500].decode('utf-8', 'replace')}",
        }
        raise SubmissionInvalid(f"{self._name}: {faults.get(kind, 'it gave an answer that cannot be read')}")


def _recorded(command: str) -> str:
    return f"{command} >{_STDOUT} 2>{_STDERR}; echo $? >{_STATUS}"


def _config_of(files: Mapping[str, bytes]) -> str:
    """The config that MLGym's `find` would come upon: the nearest to the top, by name.

    Raises:
        SubmissionInvalid: there is none.
    """
    found = [path for path in files if path.endswith(".yaml")]
    if not found:
        raise SubmissionInvalid("there is no *.yaml: save your model's config too")
    return min(found, key=lambda path: (len(PurePosixPath(path).parts), path))
