"""`mlgym-synth aup`: the JSON that other programs read, the table that people read, and what it says of bad files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlgym_synth.cli import main
from tests.evaluation.sets import PUBLISHED, Facts, fields, published_aup


def test_json_holds_the_published_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["aup", str(PUBLISHED), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["aup"] == published_aup()
    assert found["x_max"] == 1.5
    assert found["normalized"]["gpt-o1"] == {which: area / 1.5 for which, area in found["aup"]["gpt-o1"].items()}
    assert found["infeasible"]["gpt-o1"]["best"] == ["imageCaptioningCOCO"]
    assert found["failures"]["gpt-o1"]["imageCaptioningCOCO"] == {"runs": 4, "without_score": 2}
    assert found["intervals"]["level"] == 0.95
    low, high = found["intervals"]["normalized"]["gpt-o1"]["last"]
    assert low < found["normalized"]["gpt-o1"]["last"] < high


def test_table_shows_every_agent_and_says_that_aup_is_relative(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["aup", str(PUBLISHED)]) == 0
    shown = capsys.readouterr().out
    for agent, both in published_aup().items():
        assert any(
            [agent, *(f"{area:.3f}" for area in both.values())] == line.split()[:3] for line in shown.splitlines()
        )
    assert "…" not in shown
    assert "AUP is relative to the set compared, here 12 agents and the baseline on 13 tasks" in shown
    assert "x_max is 1.5, set by blotto." in shown


def test_names_in_a_file_are_not_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scores.json"
    tasks: dict[str, Facts] = {"[red]t": ("maximize", 0.5, 0.9)}
    file.write_text(json.dumps(fields(tasks, **{"[bold]a[/bold]": {"[red]t": [[0.7]]}, "b": {}})))
    assert main(["aup", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "[bold]a[/bold]" in shown
    assert "x_max is 0.4, set by [red]t." in shown
    assert "mean progress" in shown
    assert "No intervals" in shown
    assert "b has no run on 1 task, which counts as failed: [red]t" in shown


def test_different_numbers_of_runs_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scores.json"
    tasks: dict[str, Facts] = {"t": ("maximize", 0.5), "u": ("maximize", 0.5)}
    runs = {"a": {"t": [[0.7]], "u": [[0.7]]}, "b": {"t": [[0.6], [0.8]], "u": []}}
    file.write_text(json.dumps(fields(tasks, **runs)))
    assert main(["aup", str(file)]) == 0
    told = "Agents have different numbers of runs on 1 task: AUP compares the best of each, which favours more runs."
    assert told in " ".join(capsys.readouterr().out.split())
    assert main(["aup", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unevenly_run"] == ["t"]
    assert main(["aup", str(PUBLISHED)]) == 0
    assert "different numbers" not in capsys.readouterr().out


def test_all_infeasible_is_a_result_and_strict_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scores.json"
    file.write_text(json.dumps(fields({"t": ("maximize", -1.0)}, a={"t": [[-2.0], []]}, b={"t": []})))
    assert main(["aup", str(file), "--json"]) == 0

    def refuse(token: str) -> None:
        pytest.fail(f"{token} is no JSON")

    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert found["aup"]["a"] == found["aup"]["baseline"] == {"best": 0.0, "last": 0.0}
    assert found["widest"] is None
    assert main(["aup", str(file)]) == 0
    assert "no task has a finite range of ratios" in capsys.readouterr().out


def test_bad_files_exit_2_and_say_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scores.json"
    assert main(["aup", str(file)]) == 2
    assert f"mlgym-synth: {file}: no such file" in capsys.readouterr().err
    file.write_text('{"tasks": {"t": {"metric": "m", "baseline": 1}}, "runs": {"a": {"t": [[1]]}}}')
    assert main(["aup", str(file), "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert 'tasks["t"]["direction"]: missing. Add it.' in told.err
