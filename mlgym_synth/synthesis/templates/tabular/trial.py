"""Which baseline and which reference: tried on the task's own data before a sandbox is opened.

Scripts run in this process (they are the template's own), so a try costs tenths of a second; the gates decide later,
in sandboxes. A pair is good when the baseline surely learns something and the reference surely finds more.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgym_synth.data.episode import episode_data
from mlgym_synth.data.prepared import Prepared
from mlgym_synth.grading import probes
from mlgym_synth.grading.grade import Grade
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.grading.metrics import METRICS
from mlgym_synth.synthesis.draft import Unsuitable
from mlgym_synth.task import Half, TaskSpec

HALVES: tuple[Half, Half] = ("validation", "test")
SURE_LEARNS, SURE_HEADROOM = 0.97, 0.995
"""Levels of the paired intervals; a little above those of the gates, which see other seeds."""


@dataclass(frozen=True, slots=True)
class Script:
    """A program an agent could have written; `said` ends the sentence "`baseline.py` ..."."""

    said: str
    text: str


class Trial:
    """One task's data, on which scripts are tried.

    Args:
        spec: the task.
        prepared: its data.
    """

    def __init__(self, spec: TaskSpec, prepared: Prepared) -> None:
        data = episode_data(spec, prepared, seed=0)
        assert data.ids is not None
        self._spec, self._prepared, self._files = spec, prepared, data.files
        self._judge = PredictionJudge(spec, prepared.sealed, data.ids)
        self._ids = data.ids
        self._sign = 1.0 if spec.metric.direction == "maximize" else -1.0
        self._fault = ""

    def choose(self, baselines: Sequence[Script], references: Sequence[Script]) -> tuple[Script, Script]:
        """The reference that is best on the validation half, and the first baseline that fits it.

        Raises:
            Unsuitable: no pair fits.
        """
        made = [(script, content) for script in references if (content := self.submission(script)) is not None]
        if not made:
            raise Unsuitable(f"no reference gives a submission{self._fault}")
        reference, best = max(made, key=lambda pair: self._sign * self._judge.grade(pair[1]).validation)
        top = self._judge.grade(best)
        if abs(top.test - METRICS[self._spec.metric.name].optimum) < 1e-9:
            raise Unsuitable("the reference is at the optimum")
        floor, constant = self._floor()
        why = ""
        for script in baselines:
            content = self.submission(script)
            if content is None:
                why = why or f"no baseline gives a submission{self._fault}"
                continue
            grade = self._judge.grade(content)
            if not self._above(grade, floor, content, constant):
                why = "no baseline is surely better than a constant"
            elif not self._headroom(grade, top, content, best):
                why = "the reference is not surely better than the baselines"
            else:
                return script, reference
        raise Unsuitable(why)

    def submission(self, script: Script) -> bytes | None:
        """What a script writes; None where it fails or writes no valid file."""
        with tempfile.TemporaryDirectory() as folder, _inside(folder):
            for name, content in self._files.items():
                Path(name).write_bytes(content)
            try:
                with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    exec(compile(script.text, "script.py", "exec"), {"__name__": "__main__"})
                content = Path(self._spec.submission.file).read_bytes()
                self._judge.grade(content)
            except Exception as error:
                self._fault = f" ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
                return None
        return content

    def _floor(self) -> tuple[float, bytes]:
        prepared = self._prepared
        constants = probes.constant_submissions(self._spec, prepared.public, prepared.sealed, self._ids)
        graded = {name: self._judge.grade(content).test for name, content in constants.items()}
        best = max(graded, key=lambda name: self._sign * graded[name])
        return graded[best], constants[best]

    def _above(self, grade: Grade, floor: float, content: bytes, constant: bytes) -> bool:
        if self._sign * (grade.test - floor) <= 0:
            return False
        return self._judge.compare(content, constant, "test", level=SURE_LEARNS)[0] > 0

    def _headroom(self, grade: Grade, top: Grade, content: bytes, best: bytes) -> bool:
        for half in HALVES:
            gain = self._sign * (getattr(top, half) - getattr(grade, half))
            if gain <= 1.1 * self._judge.standard_error(content, half):
                return False
        return self._judge.compare(best, content, "test", level=SURE_HEADROOM)[0] > 0


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
