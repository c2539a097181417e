"""A task of MLGym as the env plays it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlgym_synth import briefing
from mlgym_synth.errors import FileRefused
from mlgym_synth.evaluation.mlgym.configs import DatasetConfig, TaskConfig
from mlgym_synth.evaluation.mlgym.files import pack, read_all, withheld
from mlgym_synth.evaluation.mlgym.judges import CSV, Evaluator, EvaluatorJudge
from mlgym_synth.evaluation.mlgym.published import Published
from mlgym_synth.grading.judges import Judge
from mlgym_synth.limits import Limits
from mlgym_synth.playable import read_declared
from mlgym_synth.sandbox.base import Sandbox
from mlgym_synth.task import Measured, Metric, Score

FAMILY = "mlgym"
MAX_STEPS = 50
"""As in the published runs."""
MEMORY_MIB, DISK_MIB = 4096, 512


@dataclass(frozen=True)
class MLGymSpec:
    """See `playable.Facts`."""

    id: str
    title: str
    metric: Metric
    limits: Limits
    baseline: Measured
    reference: Measured
    family: str = FAMILY
    max_steps: int = MAX_STEPS
    runtime: str = "standard"
    well_known: bool = False


@dataclass(frozen=True)
class MLGymTask:
    """See `playable.Playable`. MLGym bounds steps only: validations and tool time in all are as many as these allow.

    Attributes:
        config, datasets: from the checkout.
        published: what the config does not say.
        files: every file of the workspace as MLGym has it, by path there.
        baseline: the score that the config gives.
    """

    config: TaskConfig
    datasets: tuple[DatasetConfig, ...]
    published: Published
    files: dict[str, Path]
    baseline: float

    @cached_property
    def spec(self) -> MLGymSpec:
        """What it is. One test set, unrounded: both halves are equal, and the spread is none."""
        size = sum(file.stat().st_size for file in self.files.values()) >> 20
        limits = Limits(
            tool_s=self.config.timeout_s,
            episode_s=MAX_STEPS * self.config.timeout_s,
            memory_mib=MEMORY_MIB + 3 * size,
            disk_mib=DISK_MIB + 2 * size,
            submission_bytes=256 << 20,
        )
        return MLGymSpec(
            f"{FAMILY}/{self.config.id}",
            self.config.name,
            Metric(name=self.published.metric, direction=self.published.direction),
            limits,
            _measured(self.baseline),
            _measured(self.published.reference),
            well_known=self.published.well_known,
        )

    @cached_property
    def sha256(self) -> str:
        """Of the config and of every file of the workspace."""
        digest = hashlib.sha256(repr((self.config, self.datasets, self.published)).encode())
        for path, content in sorted(read_all(self.files).items()):
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    @property
    def max_validations(self) -> int:
        """One a step."""
        return self.spec.max_steps

    def open(self, seed: int, open_sandbox: Callable[[], Sandbox]) -> tuple[Judge, dict[str, bytes]]:
        """See `Playable.open`. Nothing is drawn from the seed."""
        contents = read_all(self.files)
        evaluator = Evaluator(
            self.spec.id,
            self.config.evaluator,
            self.published.metric,
            self.config.timeout_s,
            contents,
            self.published.program,
        )
        sealed = withheld(self.files, self.config, self.published)
        judge = EvaluatorJudge(evaluator, self.config.task_entrypoint, open_sandbox)
        return judge, {path: content for path, content in contents.items() if path not in sealed}

    def brief(self, files: list[str], limits: Limits, max_steps: int) -> str:
        """See `Playable.brief`. MLGym's own description, then what differs here."""
        docs = "".join(f"{dataset.name.upper()}:\n{dataset.description}\n\n" for dataset in self.datasets)
        statement = self.config.description.replace("{dataset_docs}", docs)
        return briefing.framed(statement, self._handing_in(), files, limits, max_steps, self.max_validations)

    def collect(self, sandbox: Sandbox, max_bytes: int) -> bytes:
        """See `Playable.collect`. Tables are one file; of the other classes the workspace without its data."""
        if self.config.task_entrypoint == "CSVSubmissionTasks":
            return read_declared(sandbox, CSV, max_bytes)
        if self.published.program:
            read_declared(sandbox, self._module, max_bytes)
        try:
            return pack(sandbox, max_bytes)
        except FileRefused as refusal:
            raise FileRefused(f"the workspace: {refusal}") from refusal

    @property
    def _module(self) -> str:
        """Of tasks whose submission is a program: its file."""
        return f"{self.published.program}.py"

    def _handing_in(self) -> str:
        metric = self.spec.metric
        scored = f"Scored by `{metric.name}` ({metric.direction}) on the test set, by the task's own evaluation script."
        what = {
            "CSVSubmissionTasks": f"Write `{CSV}`.",
            "ModelSubmissionTasks": "Everything in the workspace but `data` is handed in: configs, checkpoints. Code is"
            " not: the evaluation uses its own copy of the Python files that were given, and a pickle may hold arrays"
            " and plain data only.",
            "LMSubmissionTasks": "Everything in the workspace but `data` is handed in: configs, weights. Code is not:"
            " the evaluation uses its own copy of the Python files that were given, and a pickle may hold plain data"
            " only.",
            "PythonSubmissionTasks": f"Write `{self._module}`, a Python module{self._signature()}. It is run in a"
            " fresh sandbox, with what else is in the workspace but `data`.",
        }[self.config.task_entrypoint]
        return (
            f"{what} {scored} It is not in the workspace: where the text above tells you to run it, call `validate`,"
            " which says its score. There are no halves here: `validate` and `submit` score the same test set."
        )

    def _signature(self) -> str:
        """The function that the evaluator imports, as the module that was given declares it."""
        module = self.published.program
        imported = [
            alias.name
            for node in ast.walk(_parsed(self.files.get(self.config.evaluator)))
            if isinstance(node, ast.ImportFrom) and node.module == module
            for alias in node.names
        ]
        declared = {
            node.name: f"{node.name}({ast.unparse(node.args)})"
            for node in _parsed(self.files.get(f"{module}.py")).body
            if isinstance(node, ast.FunctionDef)
        }
        shown = [f"`{declared[name]}`" for name in imported if name in declared]
        return f" with the function {' and '.join(shown)}" if shown else ""


def _parsed(file: Path | None) -> ast.Module:
    try:
        return ast.parse(file.read_bytes() if file else b"")
    except (SyntaxError, ValueError):
        return ast.parse("")


def _measured(score: float) -> Measured:
    one = Score(score=score, spread=0.0)
    return Measured(validation=one, test=one, seconds=0.0)
