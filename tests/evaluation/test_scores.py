"""A scores file is read as it is meant, or refused with file, place and fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlgym_synth.errors import ScoresInvalid
from mlgym_synth.evaluation.scores import load_scores
from tests.evaluation.sets import fields, made

GOOD = fields({"titanic": ("maximize", 0.766)}, **{"gpt-4o": {"titanic": [[0.77, 0.78], [], [0.75]]}})


def changed(*steps: str, to: Any) -> dict[str, Any]:
    """`GOOD` with one place changed; `...` removes it."""
    content: dict[str, Any] = json.loads(json.dumps(GOOD))
    inner = content
    for step in steps[:-1]:
        inner = inner[step]
    if to is ...:
        del inner[steps[-1]]
    else:
        inner[steps[-1]] = to
    return content


def test_a_run_is_its_best_or_its_last_score(tmp_path: Path) -> None:
    content = fields({"up": ("maximize", 0), "down": ("minimize", 9)}, a={t: [[2, 3, 1], []] for t in ("up", "down")})
    content["source"] = "other fields are allowed"
    (tmp_path / "scores.json").write_text("\ufeff" + json.dumps(content), encoding="utf-8")
    scores = load_scores(tmp_path / "scores.json")
    assert scores.agents == ["a"]
    np.testing.assert_equal(scores.outcomes("a", "up", "best"), [3.0, np.nan])
    np.testing.assert_equal(scores.outcomes("a", "down", "best"), [1.0, np.nan])
    np.testing.assert_equal(scores.outcomes("a", "down", "last"), [1.0, np.nan])
    np.testing.assert_equal(scores.outcomes("a", "up", "last"), [1.0, np.nan])
    np.testing.assert_equal(scores.outcomes("baseline", "down", "last"), [9.0])


def test_a_task_without_runs_is_told_apart_from_failed_runs() -> None:
    scores = made({"t": ("maximize", 1), "u": ("maximize", 1)}, a={"t": [[]]}, b={"t": [[1]], "u": []}, c={"u": [[2]]})
    assert scores.without_runs == {"a": ["u"], "b": ["u"], "c": ["t"]}
    assert len(scores.outcomes("a", "t", "last")) == 1
    assert len(scores.outcomes("a", "u", "last")) == 0


def test_unknown_names_are_said_with_near_ones() -> None:
    scores = made({"titanic": ("maximize", 1)}, agent={"titanic": [[1]]})
    with pytest.raises(ValueError, match=r"no agent 'agnt' in these scores \(did you mean agent\?\)"):
        scores.outcomes("agnt", "titanic", "best")
    with pytest.raises(ValueError, match=r"no task 'titani' in these scores \(did you mean titanic\?\)"):
        scores.outcomes("agent", "titani", "best")


BROKEN: list[tuple[Any, str]] = [
    (changed("tasks", "titanic", "direction", to=...), 'tasks["titanic"]["direction"]: missing. Add it.'),
    (changed("tasks", "titanic", "direction", to="up"), "is 'up'. Write \"maximize\" or \"minimize\"."),
    (changed("tasks", "titanic", "metric", to=...), 'tasks["titanic"]["metric"]: missing'),
    (changed("tasks", "titanic", "metric", to=""), "Write the metric's name"),
    (changed("tasks", "titanic", "baseline", to=...), 'tasks["titanic"]["baseline"]: missing'),
    (changed("tasks", "titanic", "baseline", to=None), 'tasks["titanic"]["baseline"]: is None. A score is a number'),
    (changed("tasks", "titanic", "reference", to=0.7), "0.7 is no better than the baseline 0.766 (maximize)"),
    (changed("tasks", "titanic", to=0.766), 'tasks["titanic"]: is 0.766. Write an object, {"metric"'),
    (changed("tasks", to={}), "tasks: there is none"),
    (changed("tasks", to=...), "tasks: missing"),
    (changed("runs", to=...), "runs: missing"),
    (changed("runs", to={}), "runs: there is no agent"),
    (changed("runs", to=[]), "runs: is []. Write an object"),
    (changed("runs", "gpt-4o", to={"titanc": [[1.0]]}), 'runs["gpt-4o"]["titanc"]: `tasks` has no such task (did you'),
    (changed("runs", "baseline", to={}), 'runs["baseline"]: the name stands for the tasks\' baselines'),
    (changed("runs", "gpt-4o", "titanic", to=[0.77, 0.78]), '["titanic"][0]: is 0.77. The runs of a task are a list'),
    (changed("runs", "gpt-4o", "titanic", to=0.77), 'runs["gpt-4o"]["titanic"]: is 0.77. The runs of a task are'),
    (changed("runs", "gpt-4o", "titanic", to=[[1.0], ["0.7"]]), '["titanic"][1][0]: is \'0.7\'. A score is a number'),
    (changed("runs", "gpt-4o", "titanic", to=[[True]]), '["titanic"][0][0]: is True. A score is a number'),
    (changed("runs", "gpt-4o", "titanic", to=[[None]]), '["titanic"][0][0]: is None. A score is a number'),
    (changed("runs", "gpt-4o", "titanic", to=[[float("nan")]]), '["titanic"][0][0]: is nan. A score is a finite'),
    (changed("runs", "gpt-4o", "titanic", to=[[float("-inf")]]), '["titanic"][0][0]: is -inf. A score is a finite'),
    ([GOOD], "holds a list, not an object"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), BROKEN, ids=[message[:40] for _, message in BROKEN])
def test_broken_content_is_refused_with_its_place_and_a_fix(content: Any, message: str, tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    file.write_text(json.dumps(content))
    with pytest.raises(ScoresInvalid) as refused:
        load_scores(file)
    assert message in str(refused.value)
    assert str(refused.value).startswith(f"{file}: ")
    assert "Value error" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as JSON: Expecting value: line 1"),
        (b'{"tasks": {}', "cannot be read as JSON: "),
        (b'{"tasks": {}, "tasks": {}, "runs": {}}', "cannot be read as JSON: an object names 'tasks' twice"),
        (b"\xff\xfe{", "not UTF-8 at byte 0"),
        (b"[" * 100_000, "cannot be read as JSON: "),
        (b'{"tasks": ' + b"9" * 5000 + b"}", "cannot be read as JSON: "),
    ],
)
def test_what_is_not_json_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    file.write_bytes(content)
    with pytest.raises(ScoresInvalid) as refused:
        load_scores(file)
    assert str(refused.value).startswith(f"{file}: {message}")


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScoresInvalid, match="no such file"):
        load_scores(tmp_path / "nowhere.json")
    with pytest.raises(ScoresInvalid, match="cannot be read: Is a directory"):
        load_scores(tmp_path)


def test_a_score_too_large_for_a_float_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    for number in ("1e999", "9" * 400):
        file.write_text(json.dumps(GOOD).replace("0.77,", f"{number},"))
        with pytest.raises(ScoresInvalid, match=r'runs\["gpt-4o"\]\["titanic"\]\[0\]\[0\]: is .*A score is a'):
            load_scores(file)


def test_many_faults_are_counted_not_listed(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    file.write_text(json.dumps(changed("runs", "gpt-4o", "titanic", to=[["x"]] * 100)))
    with pytest.raises(ScoresInvalid) as refused:
        load_scores(file)
    lines = str(refused.value).splitlines()
    assert len(lines) == 6
    assert lines[-1].endswith("and 95 more like these")
