"""The command `synthesize`: what it refuses before it begins, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlgym_synth.cli import main


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
