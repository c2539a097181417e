"""The first observation of an episode: the task's statement, what to submit, how it is scored, tools and budget."""

from __future__ import annotations

from mlgym_synth.folder import TaskFolder
from mlgym_synth.limits import Limits
from mlgym_synth.sandbox.base import WORKSPACE
from mlgym_synth.task import Metric, PredictionsSubmission, ProgramSubmission, SubmissionColumn
from mlgym_synth.tools import TOOLS

MAX_VALIDATIONS = 25
"""Validations an episode may ask for; with rounding, what keeps the validation half from being read out."""


def compose(folder: TaskFolder, files: list[str], limits: Limits, max_steps: int) -> str:
    """The text that `reset` returns.

    Args:
        folder: the task.
        files: workspace paths present at the start.
        limits: the limits in force.
        max_steps: the step budget in force.
    """
    spec = folder.spec
    handing_in = _submission(spec.submission, spec.metric)
    return framed(folder.statement, handing_in, files, limits, max_steps, MAX_VALIDATIONS)


def framed(
    statement: str, handing_in: str, files: list[str], limits: Limits, max_steps: int, max_validations: int
) -> str:
    """A statement with the standard parts around it, for tasks of any suite; `handing_in` says what is scored, and how.

    The other arguments are as for `compose`.
    """
    parts = [
        statement.strip(),
        f"## Workspace\n`{WORKSPACE}` holds: " + ", ".join(f"`{name}`" for name in sorted(files)) + ".",
        "## Submission\n" + handing_in,
        "## Tools\n" + "\n".join(f"- `{tool.usage()}`: {tool.description}" for tool in TOOLS.values()),
        "## Budget\n"
        f"{max_steps} steps, {max_validations} validations, {limits.tool_s:g} s a tool call, {limits.episode_s:g} s of"
        f" tool time in all; {limits.cpus:g} core{'s' * (limits.cpus != 1)}, {limits.memory_mib} MiB of memory,"
        f" {limits.disk_mib} MiB of disk, no network. When the budget ends, the submission file that is there is handed"
        " in.",
    ]
    return "\n\n".join(parts)


def _submission(submission: PredictionsSubmission | ProgramSubmission, metric: Metric) -> str:
    scored = f"Scored by `{metric.name}` ({metric.direction})"
    if isinstance(submission, ProgramSubmission):
        return (
            f"Write `{submission.file}`, a Python module with the function `{submission.signature}`. It is run in a"
            f" fresh sandbox, with no other file of the workspace, on hidden instances; a call may take at most"
            f" {submission.call_s:g} s. {scored}, the mean over instances."
        )
    columns = "\n".join(f"- `{column.name}`: {_column(column)}" for column in submission.columns)
    return (
        f"Write `{submission.file}`, a CSV with the columns `id` and:\n{columns}\n"
        f"One row for every `id` of `test.csv`, in any order. {scored}. A secret half of the rows is the validation"
        " half, the other the test half."
    )


def _column(column: SubmissionColumn) -> str:
    if column.values is not None:
        return "one of " + ", ".join(str(value) for value in column.values)
    if column.low is not None and column.high is not None:
        return f"{column.dtype} from {column.low:g} to {column.high:g}"
    if column.low is not None:
        return f"{column.dtype}, at least {column.low:g}"
    return column.dtype if column.high is None else f"{column.dtype}, at most {column.high:g}"
