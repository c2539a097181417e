"""Trajectories in the formats that trainers and other tools read: TRL and ShareGPT as JSON lines, MLGym's `.traj`.

What is written is whole or absent: it grows beside its place under another name and is moved there at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mlgym_synth.errors import WRONG_PATHS, MlgymSynthError
from mlgym_synth.trajectories.filters import CutTrajectory
from mlgym_synth.trajectories.model import Trajectory
from mlgym_synth.trajectories.turns import AS_CALLS, Form, answer_text, command_text

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}
_MLGYM_STATUS = {
    "submitted": "submitted",
    "auto_submitted": "autosubmission (max_steps)",
    "no_submission": "submission_not_found (max_steps)",
    "invalid_submission": "evaluation_format_error (max_steps)",
    "model_failed": "submission_not_found (exit_api)",
}
"""MLGym's words for how an episode ended; `early_exit` is its word for everything that broke."""
_MLGYM_AGENT = "primary_0"
"""MLGym's name for an agent: as demonstrations it takes turns of this name only. Who played is in the folder's name."""


class ExportError(MlgymSynthError):
    """An export that cannot be written where it was asked for."""


def write_trl(trajectories: Iterable[Trajectory], out: Path, form: Form = AS_CALLS) -> int:
    """One conversation a line, as TRL's trainers take them: `messages`, `tools` (none as text), and `columns`.

    Args:
        trajectories: with at least one step each, else there is nothing to train on.
        out: a file; replaced if it is there, left alone if there is nothing to write.
        form: how turns are told.

    Returns:
        How many were written.

    Raises:
        ExportError: no file can be written there.
    """
    tools = {"tools": form.tools()} if form.tools() else {}
    return _write_lines(({"messages": form.messages(t), **tools, **columns(t)} for t in trajectories), out)


def write_sharegpt(trajectories: Iterable[Trajectory], out: Path, form: Form = AS_CALLS) -> int:
    """One conversation a line, as `conversations` of `from` (system, human, gpt) and `value`, and `columns`.

    Actions are told as text, reasoning in `<think>` in front of it; human and gpt alternate and gpt has the last word.
    Arguments, result and errors are those of `write_trl`.
    """
    form = dataclasses.replace(form, text=True)

    def rows() -> Iterator[dict[str, Any]]:
        for trajectory in trajectories:
            said = form.messages(trajectory)
            turns = [{"from": _SPEAKERS[turn["role"]], "value": _with_reasoning(turn)} for turn in said]
            yield {"conversations": turns, **columns(trajectory)}

    return _write_lines(rows(), out)


def write_traj(trajectories: Iterable[Trajectory], out: Path, form: Form = AS_CALLS) -> int:
    """SWE-agent's and MLGym's files, laid out as MLGym does and its scripts look for them.

        OUT/AGENT__TASK__mlgym-synth__seed-SEED_run_N/TASK.traj
        OUT/AGENT__TASK__mlgym-synth__seed-SEED_run_N/results.json

    N counts an agent's episodes of a task, from 0. In `results.json`, `agent` has the validations in order and then
    the test score, as MLGym's has the graded submission in the end.

    Args:
        trajectories: any.
        out: a folder that is new or empty; left alone if there is nothing to write.
        form: its `system` is used; actions are told as text.

    Returns:
        How many were written.

    Raises:
        ExportError: the folder has something in it, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out}: is there already, and not an empty folder. Give a new one.")
    played: Counter[tuple[str, str]] = Counter()
    with _moved_when_done(out) as scratch:
        for trajectory in trajectories:
            agent, task = _slug(trajectory.agent), _slug(trajectory.task_id)
            number = played[agent, task]
            played[agent, task] += 1
            folder = scratch / f"{agent}__{task}__mlgym-synth__seed-{trajectory.seed}_run_{number}"
            folder.mkdir(parents=True)
            results = _results(trajectory)
            for name, value in (
                (f"{task}.traj", _traj(trajectory, form.system, results["agent"])),
                ("results.json", results),
            ):
                (folder / name).write_text(json.dumps(value, indent=2, allow_nan=False), encoding="utf-8")
    return played.total()


FORMATS: dict[str, Callable[[Iterable[Trajectory], Path, Form], int]] = {
    "trl": write_trl,
    "sharegpt": write_sharegpt,
    "traj": write_traj,
}


def columns(trajectory: Trajectory) -> dict[str, Any]:
    """What else a row says of an episode. `truncated` tells that its end was cut off, `steps` how many are there."""
    return {
        "task_id": trajectory.task_id,
        "family": trajectory.family,
        "split": trajectory.split,
        "agent": trajectory.agent,
        "seed": trajectory.seed,
        "index": trajectory.index,
        "status": trajectory.status,
        "reward": float(trajectory.total_reward),
        "progress": _finite(trajectory.progress),
        "test_score": _finite(trajectory.test_score),
        "baseline_score": _finite(trajectory.baseline_score),
        "metric": trajectory.metric,
        "direction": trajectory.direction,
        "steps": len(trajectory.steps),
        "truncated": isinstance(trajectory, CutTrajectory),
        "task_sha256": trajectory.task_sha256,
        "agent_sha256": trajectory.agent_sha256,
        "version": trajectory.version,
    }


def _traj(trajectory: Trajectory, system: str | None, scores: list[dict[str, float]]) -> dict[str, Any]:
    steps = [
        {
            "action": command_text(step.action),
            "observation": step.observation,
            "response": answer_text(step),
            "state": "{}",
            "thought": step.said.thought,
            "execution_time": step.elapsed_s,
        }
        for step in trajectory.steps
    ]
    history: list[dict[str, Any]] = []
    left = iter(steps)
    for turn in Form(text=True, system=system).messages(trajectory):
        item = {**turn, "agent": _MLGYM_AGENT}
        if turn["role"] == "assistant":
            step = next(left)
            item |= {"thought": step["thought"], "action": step["action"]}
        history.append(item)
    usage = trajectory.usage
    stats = {
        "total_cost": usage.cost_usd,
        "task_cost": usage.cost_usd,
        "tokens_sent": usage.tokens_sent,
        "tokens_received": usage.tokens_received,
        "api_calls": usage.calls,
    }
    info = {
        "model_stats": stats,
        "exit_status": _MLGYM_STATUS.get(trajectory.status, "early_exit"),
        "submission": "" if trajectory.successful else None,  # MLGym has a path in its container there
        "score": scores,
        "summarizer": {},
        "mlgym_synth": columns(trajectory),
    }
    return {"environment": trajectory.task_id, "trajectory": steps, "history": history, "info": info}


def _results(trajectory: Trajectory) -> dict[str, Any]:
    metric = trajectory.metric or "score"
    scores = [*trajectory.validation_scores, trajectory.test_score]
    results: dict[str, Any] = {"agent": [{metric: score} for score in scores if _finite(score) is not None]}
    if _finite(trajectory.baseline_score) is not None:
        results["baseline"] = {metric: trajectory.baseline_score}
    return results


def _write_lines(rows: Iterable[dict[str, Any]], out: Path) -> int:
    if out.exists() and not out.is_file():
        raise ExportError(f"{out}: is there already, and not a file. Give another name.")
    count, end, fullest = 0, 0, (0, 0, 0)
    with _moved_when_done(out) as scratch:
        with scratch.open("wb") as file:
            for row in rows:
                # Half a surrogate pair, which models can produce, becomes a question mark: UTF-8 has no place for it.
                line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"
                file.write(line)
                count, end = count + 1, end + len(line)
                if (known := sum(value is not None for value in row.values())) > fullest[0]:
                    fullest = known, end - len(line), end
        if not count:
            scratch.unlink()
            return 0
        if fullest[1]:
            _to_front(scratch, *fullest[1:])
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
    return count


def _to_front(file: Path, start: int, end: int) -> None:
    """Move a part of a file to its beginning.

    `datasets` takes the columns' types from the first 10 MB; a number that is missing in all of it cannot come later.
    """
    scratch = file.with_name(file.name + "2")
    try:
        with file.open("rb") as source, scratch.open("wb") as target:
            source.seek(start)
            target.write(source.read(end - start))
            source.seek(0)
            while chunk := source.read(min(1 << 20, start - source.tell())):
                target.write(chunk)
            source.seek(end)
            shutil.copyfileobj(source, target, 1 << 20)
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def _moved_when_done(out: Path) -> Iterator[Path]:
    """A path beside `out` to write to. It is moved there in the end if something was made, and removed on failure."""
    out = out.resolve()  # through a link, so that the link stays
    scratch = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield scratch
            if scratch.exists():
                scratch.replace(out)
        finally:
            if scratch.is_dir():
                shutil.rmtree(scratch, ignore_errors=True)
            else:
                scratch.unlink(missing_ok=True)
    except WRONG_PATHS as error:
        raise ExportError(f"{out}: {error.strerror or error}. Nothing was changed there.") from error
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error}. Nothing was changed there.", str(out)) from error


def _with_reasoning(turn: dict[str, Any]) -> str:
    reasoning = turn.get("reasoning_content")
    return f"<think>\n{reasoning}\n</think>\n\n{turn['content']}" if reasoning else str(turn["content"])


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _slug(name: str) -> str:
    """A name without what MLGym takes for the end of one in a folder's name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:80] or "unnamed"
