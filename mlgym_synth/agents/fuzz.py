"""`scripted:random`: a random tool caller for those who test envs and engines. Any action there is, valid or not, fast.

Every action is made of JSON values, and none asks for what differs from play to play (times, pids, the user's number),
so that what it plays replays.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from mlgym_synth.agents.base import Action
from mlgym_synth.agents.goal import Goal, read_goal
from mlgym_synth.agents.scripted import Script, bash, tool
from mlgym_synth.tools import TOOLS

HUGE_CHARS = 200_000
KILLED_AFTER_S = 0.2
WORDS = (
    "", " ", "a", "\n", "\t", "\r\n", "\x00", "\x1b[31m", "naïve", "Ωμέγα", "日本語", "👩‍🔬", "\u202eleft", "\ud800",
    "\ufeff", "-rf", "--help", "%s%n", "$(true)", "`true`", "'", '"', "\\", "*", "[", "(", "../../..", "NaN",
    "1e400", "None",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    -(10**400),
    float("nan"),
    float("inf"),
    [],
    {},
    ["ls"],
    {"a": 1},
    "",
    "ls",
)
COMMANDS = (
    "true", "false", "ls", "pwd", "cd /", "cd /tmp", "cd ~/workspace", "cd nowhere", "cat", "cat nothing",
    "echo {word}", "exit 3", "kill -9 $$", "set -e", "set +e", "nosuchcommand", "if", "echo 'open", "((1/0))",
    "export A=1; echo $A", "f() {{ echo here; }}; f", "(unset PATH; ls)",
    "python -c 'print(1)'", "python -c 'raise KeyError(1)'", "python -c 'import os; os.abort()'",
    "printf '\\xff\\xfe'", "head -c 60000 /dev/zero | tr '\\0' x", "seq 9000", "umask", "mkdir -p a/b && cd a",
    "rm -rf a", "ln -sf /etc/passwd link", "mkfifo pipe 2>/dev/null; ls", "chmod 000 {file}", "chmod 644 {file}",
    "exec 1>&-", "exec bash", "exec true", "ulimit -n", "trap 'echo bye' EXIT", "alias l=ls; l",
)  # fmt: skip
ENDLESS = (
    "while :; do :; done", "sleep 30", "read x", "yes > /dev/null", "tail -f /dev/null", "python -c 'while 1: 0'",
)  # fmt: skip
BACKGROUND = (
    "sleep 2 &", "(sleep 1; true) &", "setsid sleep 3 >/dev/null 2>&1 &", "nohup sleep 1 >/dev/null 2>&1 &", "wait",
)  # fmt: skip
HAND_INS = (
    "cp {sample} {file}", "rm -rf {file}", ": > {file}", "mkdir -p {file}", "rm -rf {file}; ln -s /etc/passwd {file}",
    "head -n 2 {sample} > {file}", "head -c 500 /dev/zero > {file}", "(cat {sample}; tail -n 1 {sample}) > {file}",
    "sed '$d' {sample} > {file}", "sed 's/,.*/,nan/' {sample} > {file}", "sed 's/$/,1/' {sample} > {file}",
)  # fmt: skip


def random_calls(statement: str, seed: int) -> Script:
    """Call tools at random until the episode ends; one action in sixty submits."""
    rng, goal = random.Random(seed), read_goal(statement)
    kinds, weights = zip(*_KINDS.items(), strict=True)
    while True:
        (kind,) = rng.choices(kinds, weights)
        yield kind(rng, goal)


def _command(rng: random.Random, goal: Goal) -> Action:
    return bash(_filled(rng.choice(COMMANDS), rng, goal))


def _endless(rng: random.Random, goal: Goal) -> Action:
    return tool("bash", command=rng.choice(ENDLESS), timeout_s=KILLED_AFTER_S)


def _background(rng: random.Random, goal: Goal) -> Action:
    return tool("bash", command=rng.choice(BACKGROUND), timeout_s=KILLED_AFTER_S)


def _file_tool(rng: random.Random, goal: Goal) -> Action:
    """A file tool on a file that may be there."""
    others = ("a", "new/deep/file.txt", ".", "/", "/etc/hostname", "/root/x", *WORDS)
    path = rng.choice((*goal.files, goal.submission, *others))
    first, last = sorted(rng.sample(range(1, 400), 2))
    return rng.choice(
        [
            tool("view", path=path),
            tool("view", path=path, start=first, end=rng.choice([last, first - 1 or 1])),
            tool("create", path=rng.choice(["a", "b.py", path]), content=rng.choice(WORDS) * rng.randrange(9)),
            tool("edit", path=path, old=rng.choice(["import", "x", *WORDS]), new=rng.choice(WORDS)),
            tool(
                "search",
                pattern=rng.choice(["import", "def .*", *WORDS]),
                path=rng.choice([".", path if path not in ("/", "../../..") else "a"]),  # `/proc` never reads the same
            ),
        ]
    )


def _hand_in(rng: random.Random, goal: Goal) -> Action:
    """Put something where the submission belongs; what was there goes first, as it may be a folder by now."""
    file = goal.submission
    return bash(f"rm -rf {file}; " + _filled(rng.choice(HAND_INS), rng, goal))


def _validate(rng: random.Random, goal: Goal) -> Action:
    return tool("validate")


def _submit(rng: random.Random, goal: Goal) -> Action:
    return tool("submit")


def _no_action(rng: random.Random, goal: Goal) -> Action:
    """No mapping, or a mapping of the wrong form."""
    value = rng.choice(VALUES)
    return rng.choice(
        [
            value, rng.choice(WORDS), [bash("ls")], {"tool": value}, {"name": "bash", "arguments": {"command": "ls"}},
            {"tool": "bash", "arguments": value}, {"tool": "bash", "arguments": "{'command': ls"}, {"arguments": {}},
            {"tool": "bash", "arguments": '{"command": "ls"}'}, {"tool": rng.choice(WORDS), "arguments": {}},
            {"tool": "bash", "arguments": {"command": "ls"}, "thought": "none"}, {"tool": "Bash", "arguments": {}},
            {"tool": "python", "arguments": {"code": "1"}}, {"tool": "submit", "arguments": {"file": value}},
        ]
    )  # fmt: skip


def _wrong_arguments(rng: random.Random, goal: Goal) -> Action:
    """A tool there is, with an argument missing, unknown, or of a type that only may fit."""
    name = rng.choice([name for name in TOOLS if name != "submit"])
    names = ["command", "path", "content", "old", "new", "pattern", "start", "end", "timeout_s", rng.choice(WORDS)]
    return tool(name, **{key: rng.choice(VALUES) for key in rng.sample(names, rng.randrange(4))})


def _huge(rng: random.Random, goal: Goal) -> Action:
    text = rng.choice(["x", "é", "x\n", "👩‍🔬", "\x00"]) * rng.randrange(HUGE_CHARS // 4, HUGE_CHARS)
    return rng.choice(
        [
            bash(f": '{text}'"), bash(text[:5000]), tool("create", path="huge", content=text), {"tool": text},
            tool("view", path=text), tool("search", pattern=text[:3000]), tool("edit", path="huge", old=text, new=""),
            tool("bash", command="ls", **{text[:3000]: 1}),
        ]
    )  # fmt: skip


def _filled(text: str, rng: random.Random, goal: Goal) -> str:
    sample = "sample_program.py" if goal.function else "sample_submission.csv"
    return text.format(word=rng.choice(WORDS), file=goal.submission, sample=sample)


_KINDS: dict[Callable[[random.Random, Goal], Action], float] = {
    _command: 12, _file_tool: 14, _no_action: 10, _wrong_arguments: 10, _hand_in: 5, _validate: 3, _background: 2,
    _huge: 1.5, _endless: 1.5, _submit: 1,
}  # fmt: skip
