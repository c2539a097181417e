"""`mlgym-synth export`: filters in the order given, a table of what they removed, nothing lost on nonsense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlgym_synth.agents.scripted import tool
from mlgym_synth.cli import main
from mlgym_synth.trajectories import Trajectory
from mlgym_synth.trajectories.store import TrajectoryStore
from tests.trajectories.episodes import a_step, an_episode

TASK = "gone-0001"
"""One that the registry does not know: what split it is of, its episodes say."""


def an_ending(index: int, reward: float, **more: object) -> Trajectory:
    last = a_step(tool("submit"), f"Handed in {index}.", reward=reward)
    return an_episode(last, task_id=TASK, index=index, seed=index, started_at=float(index), **more)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "teacher"
    with TrajectoryStore(folder) as store:
        store.put(an_ending(0, 0.4, progress=-0.2))
        store.put(an_ending(1, 0.6, split="heldout"))
        store.put(an_ending(2, 0.7))
        store.put(an_ending(3, 0.0, exit_status="no_submission", test_score=None, progress=None))
        store.put(an_ending(4, 0.0, exit_status=None, fault="infrastructure", error="SandboxDied: gone"))
        store.put(an_ending(5, 0.0, exit_status=None, fault="model", error="LLMError: gone"))
        failed = {"exit_status": None, "fault": "agent", "test_score": None}
        store.put(an_episode(a_step(None), task_id=TASK, index=6, seed=6, started_at=6.0, **failed))
    return folder


def seeds(out: Path) -> list[int]:
    return [json.loads(line)["seed"] for line in out.read_text().splitlines()]


def export(*arguments: object) -> int:
    return main(["export", *map(str, arguments)])


def test_all_that_no_one_else_broke_is_the_default(run_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "sft.jsonl"
    assert export(run_folder, "--format", "trl", "--out", out) == 0
    assert seeds(out) == [0, 1, 2, 3, 6]
    assert export(run_folder, "--format", "sharegpt", "--out", out, "--keep-void") == 0
    assert sorted(seeds(out)) == [0, 1, 2, 3, 4, 5, 6]


def test_filters_in_the_order_given(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sft.jsonl"
    start = (run_folder, "--format", "trl", "--out", out, "--json")
    assert export(*start, "--per-task", 1, "--improved") == 1
    assert not out.exists()
    first = json.loads(capsys.readouterr().out)
    assert first["written"] == 0
    assert [(line["filter"], line["in"], line["removed"], line["out"]) for line in first["filters"]] == [
        ("no failure of infrastructure or model", 7, 2, 5),
        ("at least one step", 5, 0, 5),
        ("at most 1 of a task", 5, 4, 1),
        ("better than the baseline", 1, 1, 0),
    ]
    assert export(*start, "--improved", "--per-task", 1) == 0
    assert seeds(out) == [1]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (["--successful"], [0, 1, 2]),
        (["--split", "train", "--successful"], [0, 2]),
        (["--split", "all"], [0, 1, 2, 3, 6]),
        (["--best", "2"], [1, 2]),
        (["--split", "train", "--best", "2"], [0, 2]),
        (["--min-reward", "0.5", "--family", "reg*", "--agent", "openai:*"], [1, 2]),
        (["--min-progress", "-0.5"], [0, 1, 2, 6]),
        (["--dedupe", "--max-tokens", "48000"], [0, 1, 2, 3, 6]),
        (["--truncate", "32000"], [0, 1, 2, 3, 6]),
    ],
)
def test_what_filters_keep(filters: list[str], kept: list[int], run_folder: Path, tmp_path: Path) -> None:
    assert export(run_folder, "--format", "trl", "--out", tmp_path / "o.jsonl", *filters) == 0
    assert seeds(tmp_path / "o.jsonl") == kept


def test_episodes_that_lost_their_end_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = a_step(tool("bash", command="cat train.csv"), "1,2,3\n" * 1000)
    last = a_step(tool("submit"), "Handed in.", reward=0.7)
    with TrajectoryStore(tmp_path / "run") as store:
        store.put(an_episode(seen, seen, last, task_id=TASK, index=0))
        store.put(an_episode(a_step(tool("bash", command="ls")), task_id=TASK, index=1, exit_status="auto_submitted"))
    start = (tmp_path / "run", "--format", "trl", "--out", tmp_path / "o.jsonl")
    assert export(*start, "--truncate", 100_000) == 0
    assert "end before anything is handed in" not in capsys.readouterr().out
    assert export(*start, "--truncate", 2500) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "1 of them end before anything is handed in: --truncate keeps the beginning" in told


def test_several_folders_and_none_twice(run_folder: Path, tmp_path: Path) -> None:
    with TrajectoryStore(tmp_path / "more") as store:
        store.put(an_ending(9, 0.9))
    out = tmp_path / "o.jsonl"
    again = run_folder / ".." / run_folder.name
    assert export(run_folder, tmp_path / "more", again, "--format", "trl", "--out", out, "--successful") == 0
    assert seeds(out) == [0, 1, 2, 9]


def test_the_table_says_how_tokens_were_counted(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o.jsonl"
    assert export(run_folder, "--format", "sharegpt", "--out", out, "--max-tokens", 1) == 1
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "4 characters" in shown
    assert "Nothing is left" in shown
    assert not out.exists()


def test_a_script_told_as_an_agent_of_a_model_would_have_been(run_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.jsonl"
    for more, word in (([], "calling tools"), (["--text"], "fenced block")):
        assert export(run_folder, "--format", "trl", "--out", out, "--system", "agent", *more) == 0
        first = json.loads(out.read_text().splitlines()[0])["messages"][0]
        assert first["role"] == "system"
        assert word in " ".join(first["content"].split())


def test_system_turn_and_mlgym_folders(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text("Be brief.\n")
    out, options = tmp_path / "trajs", ("--best", 1, "--system", tmp_path / "system.txt")
    assert export(run_folder, "--format", "traj", "--out", out, *options) == 0
    (file,) = out.glob(f"*/{TASK}.traj")
    assert json.loads(file.read_text())["history"][0]["content"] == "Be brief."
    assert export(run_folder, "--format", "traj", "--out", out) == 2  # never onto what is there


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["{runs}/nowhere", "--format", "trl", "--out", "{out}"], "no ledger.sqlite there"),
        (["{runs}", "--format", "trl", "--out", "{out}"], "no ledger.sqlite there"),
        (["{runs}/teacher", "--format", "trl", "--out", "{runs}/teacher/lock"], "lies in a folder that is exported"),
        (["{runs}/teacher", "--format", "trl", "--out", "{runs}"], "not a file"),
        (["{runs}/teacher", "--format", "trl", "--out", "{out}", "--best", "0"], "at least 1"),
        (["{runs}/teacher", "--format", "trl", "--out", "{out}", "--system", "{runs}/no"], "No such file"),
        (["{runs}/teacher", "--format", "trl", "--out", "{out}", "--tokenizer", "gpt2"], "nothing counts tokens"),
        (
            ["{runs}/teacher", "--format", "trl", "--out", "{out}", "--max-tokens", "9", "--tokenizer", "{runs}/no"],
            "no such folder",
        ),
    ],
)
def test_nonsense_exits_2_and_leaves_what_is_there(
    options: list[str], message: str, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sft.jsonl"
    out.write_text("the last export\n")
    before = sorted(tmp_path.rglob("*"))
    assert export(*(option.format(runs=run_folder.parent, out=out) for option in options)) == 2
    assert message in capsys.readouterr().err
    assert out.read_text() == "the last export\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_an_unknown_format_is_refused(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        export(run_folder, "--format", "csv", "--out", "o")
    assert exit_info.value.code == 2
    assert "sharegpt" in capsys.readouterr().err


def test_a_broken_shard_leaves_what_is_there(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shard,) = (run_folder / "trajectories").iterdir()
    shard.write_bytes(shard.read_bytes()[:200])
    out = tmp_path / "sft.jsonl"
    out.write_text("the last export\n")
    assert export(run_folder, "--format", "trl", "--out", out) == 2
    assert shard.name in capsys.readouterr().err
    assert out.read_text() == "the last export\n"
