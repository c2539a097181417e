"""A task's own evaluator, `grader/evaluate.py`, for what no declared metric says.

It may be a model's work, so it is not trusted: it runs in a grader sandbox (no network, nothing of the host) and sees
arrays that our parser has made of a submission, never the file. It answers with a number through the channel; what it
prints, or how it exits, is nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlgym_synth.errors import GradingError, TaskInvalid
from mlgym_synth.folder import TaskFolder
from mlgym_synth.grading.metrics import METRICS, Kind, Scorer, Values
from mlgym_synth.sandbox.base import ProgramEnded, Sandbox
from mlgym_synth.task import CUSTOM_METRIC, Metric, PredictionsSubmission, TaskSpec

FILE, FUNCTION = "evaluate.py", "evaluate"
LOAD_S, CALL_S = 30.0, 10.0
_HOST = Path(__file__).with_name("program_host.py")


class Evaluator:
    """The evaluator of one task; a sandbox is open only while something is scored.

    `evaluate(truth, prediction)` gets two lists of equal length (of lists, where a submission has several columns):
    text labels as their position in the declared values, all else as numbers. It is called afresh each time, from the
    state after import, so that no call can change the next.

    Args:
        folder: the task.
        open_sandbox: gives a fresh sandbox.

    Raises:
        TaskInvalid: the metric is `custom` and there is no evaluator.
    """

    def __init__(self, folder: TaskFolder, open_sandbox: Callable[[], Sandbox]) -> None:
        if FILE not in folder.grader:
            raise TaskInvalid(
                f"{folder.path}: metric.name is {CUSTOM_METRIC}, so grader/{FILE} must be there, with a function"
                f" `{FUNCTION}(truth, prediction)` that returns a number."
            )
        self._code, self._open_sandbox = folder.grader[FILE], open_sandbox
        self._spec = folder.spec

    @contextmanager
    def scorer(self) -> Iterator[Scorer]:
        """What scores like a declared metric, as long as the sandbox is open.

        Raises:
            GradingError: importing the evaluator failed; and, when it scores: it raised, ended, took more than 10 s or
                returned no finite number. All of this is the grader's fault and never an agent's.
        """
        with self._open_sandbox() as sandbox:
            sandbox.write_files({FILE: self._code, ".host/program_host.py": _HOST.read_bytes()})
            sandbox.start_program(["python", ".host/program_host.py", FILE, FUNCTION])
            loaded = self._ask(sandbox, None, LOAD_S)
            if "loaded" not in loaded:
                raise GradingError(f"grader/{FILE}: importing it failed: {loaded.get('error')}")

            def score(truth: Values, prediction: Values, metric: Metric, groups: Values | None = None) -> float:
                self._ask(sandbox, {"begin": True}, CALL_S)
                reply = self._ask(sandbox, {"args": [truth.tolist(), prediction.tolist()]}, CALL_S)
                value = reply.get("value")
                if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                    what = reply.get("error") or f"a {type(value).__name__}"  # and not the value: labels may be in it
                    raise GradingError(f"grader/{FILE}: {FUNCTION} gave no finite number: {what}")
                return float(value)

            metric = self._spec.metric
            yield Scorer(score, metric.direction, metric.optimum or 0.0, kind_of(self._spec))

    def _ask(self, sandbox: Sandbox, message: Any, timeout_s: float) -> dict[str, Any]:
        try:
            reply = json.loads(sandbox.call_program(json.dumps(message).encode(), timeout_s))
        except TimeoutError:
            raise GradingError(f"grader/{FILE} took longer than {timeout_s:g} s") from None
        except ProgramEnded:
            raise GradingError(f"grader/{FILE} ended before it answered") from None
        except (ValueError, RecursionError):
            reply = None
        return reply if isinstance(reply, dict) else {}


def kind_of(spec: TaskSpec) -> Kind:
    """What a prediction is: as the metric says, and for a task's own evaluator as the submission does."""
    if spec.metric.name != CUSTOM_METRIC:
        return METRICS[spec.metric.name].kind
    assert isinstance(spec.submission, PredictionsSubmission)
    return "label" if spec.submission.columns[0].values is not None else "value"
