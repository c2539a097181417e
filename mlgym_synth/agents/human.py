"""`human`: a person at a terminal. A line is a bash command; lines that begin with `/` are the other tools.

Reads from a terminal with history and line editing, or from any stream, which makes sessions scriptable.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from mlgym_synth.agents.base import Action, Usage, fingerprint
from mlgym_synth.agents.goal import Goal, read_goal, read_validation
from mlgym_synth.agents.scripted import bash, tool
from mlgym_synth.cache import cache_root
from mlgym_synth.errors import LLMError

HELP = """\
a line                      is a bash command; end it with a backslash to go on in the next
/view PATH [START [END]]    show a file with line numbers, or list a folder
/create PATH                write a file: in $EDITOR, or line by line until a lone .
/edit PATH                  replace a text that occurs once: the old text until a lone . and then the new one
/search PATTERN [PATH]      find a regular expression
/validate                   score the submission file on the validation half
/submit                     hand it in; the episode ends
/task                       the statement again
/quit                       give up: the submission file that is there is handed in
Ctrl-D                      leave: nothing is scored, and the same command plays this episode again
Ctrl-C drops the line that you are typing (in a rollout it ends the run); arrows bring back old ones.
"""
HISTORY_LINES = 1000


class _GivesUp(Exception):
    """The person wants no more."""


class _Complaint(Exception):
    """What is wrong with a line."""


class HumanAgent:
    """Shows what comes back and asks for the next action.

    Args:
        stdin, stdout: of the session; a terminal gets line editing, history and colours.
    """

    name = "human"

    def __init__(self, stdin: TextIO | None = None, stdout: TextIO | None = None) -> None:
        self._in = stdin or sys.stdin
        self._out = stdout or sys.stdout
        self._console = Console(file=self._out, highlight=False)
        self._terminal = self._in is sys.stdin and self._in.isatty()
        self._calls = 0
        self._goal = Goal("")
        self._statement = ""
        self._steps_left = 0
        self._best: float | None = None
        self._gone = False

    def start(self, statement: str, tools: list[dict[str, Any]], seed: int) -> None:
        """Show the task."""
        self._calls, self._best, self._gone = 0, None, False
        self._statement, self._goal = statement, read_goal(statement)
        self._steps_left = self._goal.steps
        if self._terminal:
            _load_history()
        self._show_task()
        self._console.print("A line is a bash command; [bold]/help[/bold] tells the rest.\n")

    def act(self, observation: str) -> Action:
        """Show what the last step brought, and read the next action."""
        if self._calls and not self._gone:
            self._take_note(observation)
        self._calls += 1
        while not self._gone:
            try:
                action = self._read_action()
            except KeyboardInterrupt:
                self._console.print()
            except _Complaint as complaint:
                self._console.print(Text(str(complaint)), style="yellow")
            except _GivesUp:
                self._gone = True
                self._console.print("[dim]Given up: what is there is handed in.[/dim]")
                return tool("submit")
            except EOFError:
                raise LLMError("the person has left, and decided nothing") from None
            else:
                if action is not None:
                    return action
        raise RuntimeError("gave up, with no submission that could be handed in")

    @property
    def usage(self) -> Usage:
        """Actions only."""
        return Usage(calls=self._calls)

    @property
    def fingerprint(self) -> str:
        """All people are one agent."""
        return fingerprint(self.name)

    def close(self) -> None:
        """Keep the history."""
        if self._terminal:
            _save_history()

    def _show_task(self) -> None:
        self._console.print(Markdown(self._statement))
        self._console.print()

    def _take_note(self, observation: str) -> None:
        """Show an observation; keep of it what the prompt tells."""
        text, _, last = observation.rpartition("\n")
        if found := re.fullmatch(r"\[step (\d+) of (\d+)\]", last):
            self._steps_left = int(found[2]) - int(found[1])
        score = read_validation(observation)
        if score is not None and (self._best is None or (score > self._best) == self._goal.maximize):
            self._best = score
        self._console.print(Text(text if found else observation), style="green" if score is not None else "")

    def _read_action(self) -> Action | None:
        """One action; None for a line that asks for none."""
        best = "none yet" if self._best is None else f"{self._best:g}"
        line = self._line(f"[{self._steps_left} steps left, best {best}] $ ")
        while line.endswith("\\"):
            line += "\n" + self._line("> ")
        if line.strip() in ("validate", "submit"):  # no commands of a shell, and meant all the same
            return tool(line.strip())
        word = line.partition(" ")[0]
        if not re.fullmatch(r"/[a-z]*", word):
            return bash(line) if line.strip() else None
        if word == "/help":
            self._console.print(Text(HELP))
            return None
        if word == "/task":
            self._show_task()
            return None
        return self._special(word, line[len(word) :])

    def _special(self, word: str, rest: str) -> Action:
        """What a line with a slash asks for."""
        if word == "/quit":
            raise _GivesUp
        if word in ("/validate", "/submit"):
            return tool(word[1:])
        readers: dict[str, Callable[..., Action]] = {
            "/view": self._view,
            "/search": self._search,
            "/create": self._create,
            "/edit": self._edit,
        }
        if word not in readers:
            raise _Complaint(f"There is no {word}; /help tells what there is. For a program put a blank before it.")
        try:
            return readers[word](*shlex.split(rest))
        except (TypeError, ValueError) as error:  # too many, too few, a quote that is open, no number
            usage = next(text for text in HELP.splitlines() if text.startswith(word))
            raise _Complaint(f"Not understood. {usage}") from error

    def _view(self, path: str, start: str = "1", end: str = "") -> Action:
        return tool("view", path=path, start=int(start), **({"end": int(end)} if end else {}))

    def _search(self, pattern: str, path: str = ".") -> Action:
        return tool("search", pattern=pattern, path=path)

    def _create(self, path: str) -> Action:
        editor = os.environ.get("EDITOR") if self._terminal else None
        content = _written_in(editor, path) if editor else self._text("The whole text; a lone . ends it.")
        return tool("create", path=path, content=content)

    def _edit(self, path: str) -> Action:
        old = self._text("The text to replace; a lone . ends it.")
        return tool("edit", path=path, old=old[:-1], new=self._text("What to put there; a lone . ends it.")[:-1])

    def _text(self, what: str) -> str:
        """Lines until a lone dot, each with its end."""
        self._console.print(f"[dim]{what}[/dim]")
        lines = []
        while (line := self._line("")) != ".":
            lines.append(line + "\n")
        return "".join(lines)

    def _line(self, prompt: str) -> str:
        """One line without its end.

        Raises:
            EOFError: there is none.
        """
        if self._terminal:
            return input(prompt)
        self._out.write(prompt)
        line = self._in.readline()
        if not line:
            raise EOFError
        self._out.write(line)
        return line.removesuffix("\n")


def _written_in(editor: str, path: str) -> str:
    """What a person writes into an empty file of that kind."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / (Path(path).name or "file")
        file.touch()
        subprocess.run([*shlex.split(editor), str(file)], check=False)
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _history_file() -> Path:
    return cache_root() / "human_history"


def _load_history() -> None:
    import readline

    readline.clear_history()
    if _history_file().is_file():
        readline.read_history_file(_history_file())


def _save_history() -> None:
    import readline

    _history_file().parent.mkdir(parents=True, exist_ok=True)
    readline.set_history_length(HISTORY_LINES)
    readline.write_history_file(_history_file())
