"""`mlgym-synth benchmark`, played for real on two tasks that take no time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth.cli import main
from mlgym_synth.rollouts import worker
from mlgym_synth.trajectories.store import read_summaries

TASKS = "task-0018\ntask-0020\n"
PLAYERS = "tests.rollouts.players"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PAUSE_S", 0.01)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    file = tmp_path / "two.txt"
    file.write_text(TASKS)
    return file


def command(suite: Path, out: Path, *agents: str, runs: int = 1, seed: int = 3) -> list[str]:
    named = [word for agent in agents for word in ("--agent", agent)]
    options = ["--runs", str(runs), "--seed", str(seed), "--max-steps", "4", "--sandbox", "bwrap"]
    return ["benchmark", "--suite", str(suite), "--out", str(out), *named, *options]


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_two_agents_are_played_and_compared(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bench"
    agents = ("scripted:nop", "scripted:baseline")
    assert main([*command(suite, out, *agents, runs=2), "--json"]) == 0
    told = said(capsys)
    assert (told["suite"], told["tasks"], told["missing"], told["max_steps"]) == ("two", 2, 0, 4)
    nop, baseline = (told["agents"][agent] for agent in agents)
    assert (nop["statuses"], nop["progress"]["value"]) == ({"no_submission": 4}, -1.0)
    assert (baseline["statuses"], baseline["audit"]["episodes_flagged"]) == ({"submitted": 4}, 0)
    assert baseline["progress"]["value"] == pytest.approx(0.0, abs=0.05)
    scores = json.loads((out / "scores.json").read_text())
    assert scores["runs"]["scripted:nop"] == {"task-0018": [[], []], "task-0020": [[], []]}
    assert scores["runs"]["scripted:baseline"]["task-0018"][0][0] == pytest.approx(
        scores["tasks"]["task-0018"]["baseline"], abs=0.02
    )
    seeds = [[(s.task_id, s.index, s.seed) for s in read_summaries(out / agent.replace(":", "-"))] for agent in agents]
    assert seeds[0] == seeds[1]
    assert main(["aup", str(out / "scores.json"), "--json"]) == 0
    assert said(capsys)["aup"]["scripted:nop"] == told["agents"]["scripted:nop"]["aup"]
    drawings = ("aup", "best_at_k", "cost", "failures", "heatmap", "profiles")
    files = {f"{name}.{kind}" for name in drawings for kind in ("png", "svg")}
    assert {file.name for file in (out / "plots").iterdir()} == files
    assert "| scripted:baseline |" in (out / "tables" / "agents.md").read_text()


def test_it_goes_on_where_it_was_and_agents_runs_and_tasks_can_be_added(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench"
    assert main(command(suite, out, "scripted:nop")) == 0
    ledger = out / "scripted-nop" / "ledger.sqlite"
    before = ledger.read_bytes()
    assert main(command(suite, out, "scripted:nop", "scripted:baseline")) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown if line.strip().startswith("scripted:")] == [
        *("scripted:nop", "scripted:baseline", "scripted:nop"),
    ]  # fmt: skip
    assert shown[-1] == str(out / "report.html")
    assert ledger.read_bytes() == before
    suite.write_text(suite.read_text() + "task-0007\n")
    assert main([*command(suite, out, "scripted:nop", runs=2), "--json"]) == 0
    told = said(capsys)
    assert (told["tasks"], told["agents"]["scripted:nop"]["statuses"]) == (3, {"no_submission": 6})
    assert main(command(suite, out, "scripted:nop", seed=4)) == 2
    assert "seed was 3, is 4" in capsys.readouterr().err


def test_void_episodes_are_missing_and_the_exit_code_says_so(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench"
    assert main([*command(suite, out, "scripted:baseline", f"{PLAYERS}:no_endpoint"), "--json"]) == 3
    told = said(capsys)
    assert told["missing"] == 2
    assert (told["agents"][f"{PLAYERS}:no_endpoint"]["missing"], told["agents"]["scripted:baseline"]["missing"]) == (
        2,
        0,
    )
    assert list(json.loads((out / "scores.json").read_text())["runs"]) == ["scripted:baseline"]
    assert main(command(suite, tmp_path / "alone", f"{PLAYERS}:no_endpoint")) == 3
    assert "2 episodes are missing; run this again" in capsys.readouterr().out
    assert not (tmp_path / "alone" / "scores.json").exists()
    assert (tmp_path / "alone" / "report.html").exists()


def test_runs_added_for_one_agent_only_are_told(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench"
    assert main(command(suite, out, "scripted:nop", runs=2)) == 0
    assert "different numbers" not in capsys.readouterr().out
    dear = [*command(suite, out, "scripted:nop", f"{PLAYERS}:dear", runs=2), "--max-cost", "3", "--slots", "1"]
    assert main(dear) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert "Agents have different numbers of runs on 1 task: AUP compares the best of each" in shown
    assert main([*dear[:-4], "--max-cost", "1", "--slots", "1", "--out", str(tmp_path / "one")]) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 task not compared, since not every agent has finished an episode: task-0020" in shown


def test_an_agent_that_breaks_has_failed(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command(suite, tmp_path / "bench", f"{PLAYERS}:broken"), "--json"]) == 1
    told = said(capsys)["agents"][f"{PLAYERS}:broken"]
    assert (told["missing"], told["statuses"], told["progress"]["value"]) == (0, {"agent_failed": 2}, -1.0)
    assert main(command(suite, tmp_path / "bench", f"{PLAYERS}:broken")) == 1
    assert re.search(
        r"2 episodes ended by a failure of the agent's own code\. The last failure: \w", capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--suite", "nowhere", "--agent", "scripted:nop"], "Suites are heldout, train, mlgym, or a file"),
        (["--suite", "mlgym", "--agent", "scripted:nop"], "take it as --mlgym-root PATH"),
        (
            ["--suite", "mlgym", "--agent", "scripted:nop", "--mlgym-root", str(Path(__file__).parent)],
            "no whole checkout",
        ),
        (["--suite", "heldout", "--agent", "scripted:nobody"], "There is no agent 'scripted:nobody'"),
        (["--suite", "heldout", "--agent", "scripted:nop", "--agent", "scripted:nop"], "named twice"),
    ],
)
def test_a_wrong_command_line_is_answered(
    options: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", *options, "--out", str(tmp_path / "bench")]) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "bench").exists()
