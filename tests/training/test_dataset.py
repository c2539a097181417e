"""Exports are read line by line; what is corrupt or foreign is named by file, line and fault."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth.training.dataset import Reader
from mlgym_synth.training.errors import DataInvalid
from mlgym_synth.trajectories.export import write_sharegpt, write_traj, write_trl
from mlgym_synth.trajectories.turns import Form
from tests.training.tiny import a_row, an_export
from tests.trajectories.episodes import an_episode


def with_message(**message: Any) -> dict[str, Any]:
    return a_row(messages=[{"role": "user", "content": "Go."}, message])


def with_call(function: Any) -> dict[str, Any]:
    return with_message(role="assistant", content="", tool_calls=[{"function": function}])


def test_reads_what_export_writes(tmp_path: Path) -> None:
    files = [tmp_path / "calls.jsonl", tmp_path / "text.jsonl"]
    write_trl([an_episode(), an_episode(seed=1, split="heldout")], files[0], Form(reasoning=True))
    write_trl([an_episode()], files[1], Form(text=True))
    reader = Reader(files)
    rows = list(reader)
    assert [row.split for row in rows] == ["train", "heldout", "train"]
    assert [row.where for row in rows] == [f"{files[0]}:1", f"{files[0]}:2", f"{files[1]}:1"]
    assert rows[0].tools is not None
    assert rows[2].tools is None
    assert rows[0].messages[1]["tool_calls"][0]["function"]["arguments"] == {"command": "ls"}
    assert [(source.rows, source.sha256) for source in reader.sources] == [
        (count, hashlib.sha256(file.read_bytes()).hexdigest()) for count, file in zip((2, 1), files, strict=True)
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1, 2], "has no `messages`"),
        ({"text": "Once upon a time"}, "has no `messages`"),
        (a_row(messages=[]), "has no `messages`"),
        (a_row(messages="hello"), "has no `messages`"),
        (a_row(messages=[{"role": "user", "content": "Go."}]), "no turn of the assistant"),
        (with_message(role="robot", content="x"), r"`messages\[1\]`: role must be one of .*'robot'"),
        (a_row(messages=["hello"]), r"`messages\[0\]`: role"),
        (with_message(role="assistant", content=7), r"`messages\[1\]`: `content` must be text, and is int"),
        (with_message(role="assistant", content=None), "`content` must be text, and is NoneType"),
        (with_message(role="assistant", content="", tool_calls="ls"), "`tool_calls` must be a list"),
        (with_call("ls"), "must have `function` with a `name`"),
        (with_call({"arguments": {}}), "must have `function` with a `name`"),
        (with_call({"name": "bash", "arguments": '{"command": "ls"}'}), "arguments of 'bash' must be a mapping.* str"),
        (with_message(role="assistant", content="", reasoning_content=1), "`reasoning_content` must be text"),
        (a_row(tools="bash"), "`tools` must be a list of function schemas"),
        (a_row(tools=[{"name": "bash"}]), "`tools` must be a list of function schemas"),
        ({"conversations": [{"from": "human", "value": "Hi"}]}, "is ShareGPT .*--format trl"),
    ],
)
def test_a_foreign_row_is_named(row: Any, message: str, tmp_path: Path) -> None:
    file = an_export(tmp_path / "sft.jsonl", [a_row(), row])
    with pytest.raises(DataInvalid, match=message) as caught:
        list(Reader([file]))
    assert str(caught.value).startswith(f"{file}:2: ")


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "sft.jsonl"
    whole = json.dumps(a_row()).encode()
    for content, message in [
        (whole + b"\n" + whole[:50], "sft.jsonl:2: not JSON: .*was the file copied to the end"),
        (whole + b"\n\xff\xfe\n", "sft.jsonl:2: not UTF-8"),
        (json.dumps([a_row()], indent=1).encode(), "sft.jsonl:1: not JSON"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
    ]:
        file.write_bytes(content)
        with pytest.raises(DataInvalid, match=message):
            list(Reader([file]))


def test_other_formats_are_refused_with_a_hint(tmp_path: Path) -> None:
    write_sharegpt([an_episode()], tmp_path / "sharegpt.jsonl")
    with pytest.raises(DataInvalid, match="ShareGPT"):
        list(Reader([tmp_path / "sharegpt.jsonl"]))
    write_traj([an_episode()], tmp_path / "traj")
    with pytest.raises(DataInvalid, match=r"is a folder\. Export first"):
        list(Reader([tmp_path / "traj"]))
    with pytest.raises(DataInvalid, match=r"sft\.jsonl: No such file"):
        list(Reader([tmp_path / "sft.jsonl"]))


def test_the_same_export_twice_is_refused(tmp_path: Path) -> None:
    files = [an_export(tmp_path / name, [a_row()]) for name in ("a.jsonl", "b.jsonl")]
    with pytest.raises(DataInvalid, match=r"b\.jsonl: has the same content as .*a\.jsonl"):
        list(Reader(files))
