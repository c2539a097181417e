"""A draft under examination: written out, run, measured, put through the gates. Runs in a worker process."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlgym_synth.errors import CatalogueSilent, DatasetUnavailable, GradingError, MlgymSynthError
from mlgym_synth.gates.kept import judge_of
from mlgym_synth.gates.record import pin, record, runs_of
from mlgym_synth.gates.verify import FAULTS, GateResult, Verdict, verify
from mlgym_synth.synthesis.draft import Draft


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of it.

    Attributes:
        stage: `passed`, `runs` (a program failed or the data could not be had), or the gate that failed, `gate 5`.
        reason: why, in the words of the gate.
        files: the task's files, measured; empty unless all gates passed.
        gates: results of the gates that ran.
        runs_s, seconds: time in baselines and references, run and scored for the first time, and in all.
        judge: what decided it, as `judge_of` gives it; empty unless all gates passed.
    """

    stage: str
    reason: str
    files: dict[str, str]
    gates: list[dict[str, Any]]
    runs_s: float
    seconds: float
    judge: str = ""

    @property
    def passed(self) -> bool:
        """Whether all gates passed."""
        return self.stage == "passed"

    def verdict(self, task_id: str, sha256: str) -> Verdict:
        """The gates' verdict, under the id that the task got."""
        return Verdict(task_id, sha256, tuple(GateResult(**gate) for gate in self.gates), self.seconds)

    def dumps(self) -> str:
        """As JSON, for the ledger."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def loads(cls, text: str) -> Examined:
        """The inverse of `dumps`."""
        return cls(**json.loads(text))


def examine(draft_text: str, folder: str, sandbox: str) -> Examined:
    """Run a draft and put it through gates 1 to 9.

    Args:
        draft_text: `Draft.dumps()`.
        folder: where to write it; its name is the id for now.
        sandbox: backend.

    Raises:
        MlgymSynthError: infrastructure failed; nothing can be said of the draft.
    """
    began = time.monotonic()
    runs_s = 0.0
    try:
        task = pin(Draft.loads(draft_text).write(Path(folder)))
        start = time.monotonic()
        try:
            runs = runs_of(task, sandbox)
            task = record(task, sandbox=sandbox, runs=runs)
        finally:
            runs_s = round(time.monotonic() - start, 2)
        verdict = verify(task, sandbox=sandbox, runs=runs)
    except CatalogueSilent:
        raise
    except (*FAULTS, DatasetUnavailable, GradingError) as fault:  # of a draft, all of them are its own
        return Examined("runs", str(fault), {}, [], runs_s, time.monotonic() - began)
    except (MlgymSynthError, OSError):
        raise
    except Exception as fault:  # data or a draft that a gate did not expect: it ends one candidate, not every run
        return Examined("runs", f"{type(fault).__name__}: {fault}", {}, [], runs_s, time.monotonic() - began)
    gates = [asdict(result) for result in verdict.results]
    seconds = round(time.monotonic() - began, 2)
    failed = next((result for result in verdict.results if not result.passed), None)
    if failed is not None:
        return Examined(f"gate {failed.gate}", failed.reason, {}, gates, runs_s, seconds)
    files = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }
    return Examined("passed", "", files, gates, runs_s, seconds, judge_of(task.spec, sandbox))
