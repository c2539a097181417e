"""Texts that others wrote: nothing unseen is left in them, and nothing is lost."""

from __future__ import annotations

import pytest

from mlgym_synth.reports.text import bounded, excerpt, readable

LONG = "x" * 16_384


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link", r"\x1b]8;;http://x\x07link"),
        ("10%\r20%\r\n", "10%\\r\n20%\n"),
        ("a\u202eb\u2066c\u200bd\ufeff", r"a\u202eb\u2066c\u200bd\ufeff"),
        ("\U000e0041\x85\ud800", r"\U000e0041\x85\ud800"),
        ("tab\t你好 👩‍🔬", "tab\t你好 👩‍🔬"),
    ],
)
def test_readable(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.mark.parametrize("text", ["", "a\nb", "\n".join("abc" * 40), LONG, f"begin\n{LONG}\nend\n", "\n" * 500])
def test_an_excerpt_is_the_whole_text(text: str) -> None:
    parts = excerpt(text, first=12, last=4)
    assert parts.head + parts.folded + parts.tail == text
    assert bool(parts.folded) == (len(text) > 100)
    assert len(parts.head) + len(parts.tail) <= 2000


def test_what_is_left_out_is_said() -> None:
    assert bounded(LONG, most=len(LONG)) == LONG
    assert (
        bounded("a" * 60 + "b" * 60, most=100) == f"{'a' * 50}\n[20 characters are left out of this page]\n{'b' * 50}"
    )
