"""What a task brings about itself is a verdict; what infrastructure does is not, and stops no other task."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from mlgym_synth import registry
from mlgym_synth.errors import DatasetUnavailable, TaskInvalid
from mlgym_synth.folder import load_task
from mlgym_synth.gates import Verdict, content, verify, verify_many
from mlgym_synth.gates.cheats import cheats_fail
from mlgym_synth.gates.evidence import Evidence, GateFailed
from mlgym_synth.gates.record import run

CopyOf = Callable[[str], Path]
DIGITS, STORMS, LOANS = "task-0001", "task-0013", "task-0014"


@pytest.fixture
def copy_of(tmp_path: Path) -> CopyOf:
    return lambda task: Path(shutil.copytree(registry.find(task).folder, tmp_path / "envs" / task))


def edit(folder: Path, change: Callable[[Any], object]) -> None:
    spec = yaml.safe_load((folder / "task.yaml").read_text())
    change(spec)
    (folder / "task.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True))


def evidence(folder: Path) -> Evidence:
    return Evidence(load_task(folder), "bwrap")


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        ("print('score: 1.0')", "wrote no submission that can be read"),
        ("import os; os.mkdir('submission.csv')", "wrote no submission that can be read"),
        ("import os; os.symlink('/etc/passwd', 'submission.csv')", "wrote no submission that can be read"),
        ("f = open('submission.csv', 'wb')\nwhile True: f.write(bytes(1 << 20))", "No space left on device"),
    ],
)
def test_a_reference_without_a_submission_is_the_tasks_fault(copy_of: CopyOf, solution: str, message: str) -> None:
    folder = copy_of(DIGITS)
    (folder / "solution" / "solution.py").write_text(solution + "\n")
    with pytest.raises(TaskInvalid, match=message):
        run(load_task(folder), "solution", 0, "bwrap")


def test_a_solution_that_knows_the_answers_fails_gate_1(copy_of: CopyOf) -> None:
    folder = copy_of(DIGITS)
    truth = evidence(folder).prepared.sealed.truth
    assert truth is not None
    with (folder / "solution" / "solution.py").open("a") as file:
        file.write(f"ANSWERS = {truth.tolist()}\n")
    with pytest.raises(GateFailed, match=r"solution/solution\.py: holds sealed values"):
        content.statement(evidence(folder))


def test_sealed_values_in_a_packed_file_of_the_workspace_fail_gate_1(copy_of: CopyOf) -> None:
    folder = copy_of(DIGITS)
    truth = evidence(folder).prepared.sealed.truth
    assert truth is not None
    (folder / "workspace" / "notes.gz").write_bytes(gzip.compress("\n".join(map(str, truth.tolist())).encode()))
    with pytest.raises(GateFailed, match=r"workspace/notes\.gz: holds sealed values"):
        content.statement(evidence(folder))


def test_a_label_that_the_task_does_not_declare_fails_gate_2(copy_of: CopyOf) -> None:
    folder = copy_of(STORMS)
    edit(folder, lambda spec: spec["submission"]["columns"][0]["values"].remove("hurricane"))
    with pytest.raises(GateFailed, match="the label 'hurricane' is none of the declared"):
        content.data(evidence(folder))


def test_a_column_that_gives_the_target_away_passes_gate_9_once_the_statement_says_why(copy_of: CopyOf) -> None:
    folder = copy_of(LOANS)
    edit(folder, lambda spec: spec["data"]["features"].append("sub_grade"))
    edit(folder, lambda spec: spec["data"].pop("sha256"))
    with pytest.raises(GateFailed, match="column 'sub_grade' alone explains"):
        content.leakage(evidence(folder))
    with (folder / "README.md").open("a") as file:
        file.write("\n`sub_grade` alone gives most of the rate; the task is what is left within a grade.\n")
    assert "correlate" in content.leakage(evidence(folder))


def test_a_gate_that_does_not_end_fails(copy_of: CopyOf, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_of(DIGITS)
    (folder / "workspace" / "baseline.py").write_text("import time\ntime.sleep(600)\n")
    content.data(evidence(folder))  # imports what reads the data, so that the bound meets gate 3 on slow machines too
    monkeypatch.setattr(importlib.import_module("mlgym_synth.gates.verify"), "GATE_SECONDS", 4.0)
    verdict = verify(load_task(folder), sandbox="bwrap")
    assert not verdict.passed
    assert (verdict.results[-1].gate, verdict.results[-1].reason) == (3, "takes longer than 4 s.")


def test_infrastructure_is_no_verdict_and_stops_no_other_task(copy_of: CopyOf) -> None:
    lost, short = copy_of(DIGITS), copy_of(STORMS)
    edit(lost, lambda spec: spec["data"]["source"].update(item="digitz"))
    (short / "README.md").write_text("Too short.")
    said: list[Verdict] = []
    with pytest.raises(DatasetUnavailable, match="Did you mean digits"):
        verify_many([load_task(lost), load_task(short)], workers=1, sandbox="bwrap", on_result=said.append, fresh=True)
    assert [(verdict.task_id, verdict.passed) for verdict in said] == [(STORMS, False)]


def _living(group: int) -> list[psutil.Process]:
    """Processes of a group; a zombie is only waiting to be reaped."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_finished_and_leaves_nothing(copy_of: CopyOf, ending: signal.Signals) -> None:
    folders = [copy_of(STORMS), *map(copy_of, ("task-0002", "task-0003", DIGITS))]
    (folders[0] / "README.md").write_text("Too short.")
    command = f"{sys.executable} -m mlgym_synth.cli verify --fresh --workers 1 --sandbox bwrap".split()
    process = subprocess.Popen(
        [*command, *map(str, folders)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("FAIL")
    if ending is signal.SIGINT:
        os.killpg(process.pid, ending)  # as a terminal does
    else:
        process.send_signal(ending)  # as `kill` does: its workers get nothing
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    # What is left of the first task's own lines may still come.
    assert not re.search(r"^(pass|FAIL)", rest, re.MULTILINE), "no other task was verified to its end"
    _, alive = psutil.wait_procs(_living(process.pid), timeout=30)
    assert not alive
    said: list[Verdict] = []
    verify_many([load_task(folders[0])], workers=1, sandbox="bwrap", on_result=said.append)
    assert [verdict.passed for verdict in said] == [False]


def test_workers_of_a_killed_run_end_with_it(copy_of: CopyOf) -> None:
    folders = [copy_of(STORMS), *map(copy_of, ("task-0002", "task-0003"))]
    (folders[0] / "README.md").write_text("Too short.")
    command = f"{sys.executable} -m mlgym_synth.cli verify --fresh --workers 2 --sandbox bwrap".split()
    with subprocess.Popen(
        [*command, *map(str, folders)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("FAIL")
        process.kill()  # the driver alone
    _, alive = psutil.wait_procs(_living(process.pid), timeout=30)
    assert not alive


def test_sealed_values_within_reach_of_an_agent_fail_gate_8(copy_of: CopyOf) -> None:
    folder = copy_of(STORMS)
    truth = evidence(folder).prepared.sealed.truth
    assert truth is not None
    table = "\n".join(f"{i},{label}" for i, label in enumerate(truth.tolist()))
    (folder / "workspace" / "cache").mkdir()
    (folder / "workspace" / "cache" / "old.csv.gz").write_bytes(gzip.compress(table.encode()))
    with pytest.raises(GateFailed, match=r"cache/old\.csv\.gz in the sandbox holds sealed values"):
        cheats_fail(evidence(folder))
