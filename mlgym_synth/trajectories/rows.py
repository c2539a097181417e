"""A trajectory as one row of a Parquet file, and back. The schema is written down, so that every shard has the same.

Actions are JSON text, since agents may return anything; what readers would have to compute over the steps (return,
status, number of steps) stands in columns of its own.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.trajectories.model import SCHEMA_VERSION, Trajectory, from_dict, plain, to_dict
from mlgym_synth.trajectories.secrets import secrets, without

if TYPE_CHECKING:
    import pyarrow as pa

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')  # in JSON
DERIVED = ("status", "total_reward", "successful", "step_count", "tool_seconds", "content_sha256")
"""Columns beside the trajectory's own fields."""


class NewerSchema(MlgymSynthError):
    """A trajectory that a newer version of this package wrote."""


class Unstorable(MlgymSynthError):
    """A trajectory that no file holds."""


def to_row(trajectory: Trajectory) -> dict[str, Any]:
    """The row of a trajectory; valid UTF-8 throughout, and without the secrets of this process's environment.

    Raises:
        Unstorable: what the agent did or said is nothing that JSON holds.
    """
    try:
        return _row(trajectory)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unstorable(f"{type(error).__name__}: {error}") from error


def _row(trajectory: Trajectory) -> dict[str, Any]:
    fields, hidden = to_dict(trajectory), secrets()
    actions = [_json_without(hidden, step.pop("action")) for step in fields["steps"]]
    fields = _scrubbed(fields, hidden)
    steps = [{"action": action, **step} for action, step in zip(actions, fields["steps"], strict=True)]
    row = {
        **fields,
        "steps": steps,
        "status": trajectory.status,
        "total_reward": trajectory.total_reward,
        "successful": trajectory.successful,
        "step_count": len(steps),
        "tool_seconds": round(trajectory.tool_seconds, 4),
        "content_sha256": trajectory.content_sha256,
    }
    cleaned: dict[str, Any] = _utf8(row)
    return cleaned


def from_row(row: dict[str, Any]) -> Trajectory:
    """The trajectory of a row.

    Raises:
        NewerSchema: its schema version is above this package's.
    """
    if row["schema_version"] > SCHEMA_VERSION:
        raise NewerSchema(
            f"{row['task_id']}: the trajectory has schema version {row['schema_version']}, this package knows"
            f" {SCHEMA_VERSION}. Install the version that wrote it ({row['version']}) or a newer one."
        )
    fields = {name: value for name, value in row.items() if name not in DERIVED}
    fields["steps"] = [{**step, "action": json.loads(step["action"])} for step in row["steps"]]
    return from_dict(fields)


@cache
def schema() -> pa.Schema:
    """Of every shard."""
    import pyarrow as pa

    text, number, whole = pa.string(), pa.float64(), pa.int64()
    usage = pa.struct([("calls", whole), ("tokens_sent", whole), ("tokens_received", whole), ("cost_usd", number)])
    said = pa.struct(
        [
            *((name, text) for name in ("thought", "reasoning", "response")),
            ("token_ids", pa.list_(whole)),
            ("logprobs", pa.list_(number)),
        ]
    )
    step = pa.struct(
        [
            *(("action", text), ("observation", text), ("reward", number), ("tool", text), ("exit_code", whole)),
            *((name, number) for name in ("elapsed_s", "latency_s", "score", "test_score")),
            *(("usage", usage), ("said", said)),
        ]
    )
    texts = ("family", "dataset", "split", "metric", "direction", "agent_sha256", "statement", "system")
    return pa.schema(
        [
            *(("task_id", text), ("agent", text), ("seed", whole), ("index", whole), ("task_sha256", text)),
            *((name, text) for name in texts),
            ("steps", pa.list_(step)),
            *((name, text) for name in ("exit_status", "fault", "error", "cause")),
            *((name, number) for name in ("baseline_score", "reference_score", "test_score", "progress")),
            *(("usage", usage), ("sandbox", text), ("max_steps", whole), ("seconds", number)),
            *(("started_at", number), ("version", text), ("schema_version", whole)),
            *(("status", text), ("total_reward", number), ("successful", pa.bool_()), ("step_count", whole)),
            *(("tool_seconds", number), ("content_sha256", text)),
        ]
    )


def _json(action: Any) -> str:
    """As people read it; half a surrogate pair, which models can produce, keeps its escape, and so comes back."""
    text = json.dumps(action, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(action)
    return text


def _json_without(hidden: list[str], action: Any) -> str:
    """An action as JSON, however deep, without secrets in its texts and names; numbers are none."""
    text = _json(action)
    return _TEXT.sub(lambda found: _json(without(hidden, json.loads(found[0]))), text) if hidden else text


def _scrubbed(value: Any, hidden: list[str]) -> Any:
    """Without secrets in any text; our own names of fields are none."""
    if isinstance(value, str):
        return without(hidden, value)
    if isinstance(value, dict):
        return {key: _scrubbed(each, hidden) for key, each in value.items()}
    return [_scrubbed(each, hidden) for each in value] if isinstance(value, list) else value


def _utf8(value: Any) -> Any:
    """Models and shells can produce lone surrogates, which no file holds."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_utf8(key): _utf8(each) for key, each in value.items()}
    return [_utf8(each) for each in value] if isinstance(value, list) else plain(value)
