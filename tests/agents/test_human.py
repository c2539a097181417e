"""A person's session: through streams, and once through a real terminal."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth.agents.human import HumanAgent
from mlgym_synth.agents.scripted import bash, tool
from mlgym_synth.errors import LLMError

CTRL_C = "\x03"
STATEMENT = (
    "# A task\nSay it.\n\n## Workspace\nholds: `a`.\n\n## Submission\nWrite `s.csv`, a CSV. Scored by `mae` (minimize)"
)


def session(text: str) -> tuple[HumanAgent, io.StringIO]:
    out = io.StringIO()
    agent = HumanAgent(io.StringIO(text), out)
    agent.start(STATEMENT, [], 0)
    return agent, out


@pytest.mark.parametrize(
    ("typed", "action"),
    [
        ("ls -la\n", bash("ls -la")),
        ("\n   \nls\n", bash("ls")),
        ("for i in 1 2; do \\\n echo $i; done\n", bash("for i in 1 2; do \\\n echo $i; done")),
        ("/usr/bin/env python\n", bash("/usr/bin/env python")),
        ("/view a.py\n", tool("view", path="a.py", start=1)),
        ("/view 'my file' 3 9\n", tool("view", path="my file", start=3, end=9)),
        ("/create a.py\nx = 1\n\ny = 2\n.\n", tool("create", path="a.py", content="x = 1\n\ny = 2\n")),
        ("/edit a.py\nx = 1\n.\nx = 2\ny = 3\n.\n", tool("edit", path="a.py", old="x = 1", new="x = 2\ny = 3")),
        ("/search 'def .*' lib\n", tool("search", pattern="def .*", path="lib")),
        ("/validate\n", tool("validate")),
        ("validate\n", tool("validate")),
        (" submit \n", tool("submit")),
        ("/submit\n", tool("submit")),
        ("/help\n/task\n/submit\n", tool("submit")),
    ],
)
def test_a_line_becomes_an_action(typed: str, action: Any) -> None:
    assert session(typed)[0].act("") == action


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/viw a\nls\n", "There is no /viw"),
        ("/view\nls\n", "/view PATH"),
        ("/view a x\nls\n", "Not understood. /view PATH"),
        ("/search 'open\nls\n", "Not understood. /search PATTERN"),
    ],
)
def test_what_is_not_understood_costs_nothing(typed: str, told: str) -> None:
    agent, out = session(typed)
    assert agent.act("") == bash("ls")
    assert told in out.getvalue()


def test_the_prompt_tells_steps_and_the_best_score() -> None:
    agent, out = session("ls\nls\nls\n")
    agent.act(STATEMENT)
    agent.act("Validation score (mae, minimize): 2.5, the baseline's is 3. 24 validations left.\n[step 1 of 9]")
    agent.act("Validation score (mae, minimize): 2.75, the baseline's is 3. 23 validations left.\n[step 2 of 9]")
    shown = out.getvalue()
    assert "[50 steps left, best none yet]" in shown
    assert "[8 steps left, best 2.5]" in shown
    assert "[7 steps left, best 2.5]" in shown
    assert agent.usage.calls == 3


def test_who_gives_up_hands_in_what_is_there() -> None:
    agent, out = session("/quit\nls\n")
    assert agent.act("") == tool("submit")
    assert out.getvalue().count("Given up") == 1
    with pytest.raises(RuntimeError, match="gave up, with no submission"):
        agent.act("There is no submission.csv.\n[step 1 of 50]")


def test_who_leaves_has_decided_nothing() -> None:
    agent, _ = session("")
    with pytest.raises(LLMError, match="the person has left"):
        agent.act("")


def test_a_session_in_a_terminal(tmp_path: Path) -> None:
    """Typing, Ctrl-C, an editor, history and /quit, against a real sandbox."""
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "print(6 * 7)" > "$1"\n')
    editor.chmod(0o755)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mlgym_synth.cli", "demo", "task-0018", "--agent", "human", "--sandbox", "bwrap"]
    environment = {**os.environ, "EDITOR": str(editor), "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)}
    person = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
        preexec_fn=_take_terminal,
    )  # fmt: skip
    os.close(theirs)
    try:
        _expect(ours, "50 steps left")
        for typed, told in [
            ("echo $((40 + 1))\n", "49 steps left"),
            ("rm -rf /never/ru", "/never/ru"),
            (CTRL_C, "49 steps left"),  # a line dropped with Ctrl-C costs nothing
            ("/create answer.py\n", "Wrote answer.py"),
            ("python answer.py\n", "42"),
            ("\x1b[A\n", "46 steps left"),  # the last line again
            ("python baseline.py && echo done\n", "done"),
            ("/validate\n", "best 0."),
            ("/quit\n", "submitted"),
        ]:
            os.write(ours, typed.encode())
            _expect(ours, told, again=typed if typed == CTRL_C else "")
        assert person.wait(30) == 0
    finally:
        person.kill()
        person.wait()
        os.close(ours)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _expect(terminal: int, told: str, timeout_s: float = 60.0, again: str = "") -> None:
    """Read until the text has come; where nothing comes, `again` is typed again, as a person would.

    Python's readline misses a signal that comes just before it waits for a key, and then waits for one.
    """
    seen, end = "", time.monotonic() + timeout_s
    while told not in seen:
        assert time.monotonic() < end, f"{told!r} did not come: {seen[-2000:]}"
        if not select.select([terminal], [], [], 5.0)[0]:
            os.write(terminal, again.encode())
        else:
            try:
                seen += os.read(terminal, 65536).decode("utf-8", "replace")
            except OSError:  # the other side has gone
                assert told in seen, f"{told!r} did not come: {seen[-2000:]}"
