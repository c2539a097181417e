"""Conformance: the program that answers its referee on pipes, on every backend."""

from __future__ import annotations

import os

import pytest

from mlgym_synth.sandbox import ProgramEnded, Sandbox

FRAMES = """
import os, sys, struct, time
def read(n):
    data = b""
    while len(data) < n:
        piece = os.read(3, n - len(data))
        if not piece: sys.exit()
        data += piece
    return data
def receive(): return read(struct.unpack(">I", read(4))[0])
def send(data):
    data = struct.pack(">I", len(data)) + data
    while data: data = data[os.write(4, data):]
"""


LOCK = "import fcntl; held = open('lock', 'w'); fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)"


def ends(sandbox: Sandbox) -> bool:
    """Whether no process holds the lock any more; asked until it is so."""
    return sandbox.exec(f'until python3 -c "{LOCK}" 2>/dev/null; do :; done; echo free', 20).output == "free\n"


def start(sandbox: Sandbox, body: str) -> None:
    sandbox.write_files({"program.py": (FRAMES + body).encode()})
    sandbox.start_program(["python3", "program.py"])


def test_messages_go_forth_and_back(sandbox: Sandbox) -> None:
    start(sandbox, "while True: send(receive()[::-1])")
    for message in (b"abc", b"", b"x" * 100_000, os.urandom(5 << 20)):
        assert sandbox.call_program(message, 30) == message[::-1]


def test_it_runs_as_the_agent_beside_the_shell(sandbox: Sandbox) -> None:
    sandbox.exec("x=1", 30)
    start(sandbox, "while True: receive(); send(f'{os.getcwd()} {os.getuid() != 0}'.encode())")
    assert sandbox.call_program(b"", 30) == b"/home/agent/workspace True"
    assert sandbox.exec("echo $x", 30).output == "1\n"
    assert sandbox.call_program(b"", 30) == b"/home/agent/workspace True"


def test_its_output_is_discarded_and_its_input_empty(sandbox: Sandbox) -> None:
    start(
        sandbox,
        "receive(); print('{\"score\": 1.0}' * 100000, flush=True); sys.stderr.write('e' * 1000000);"
        " send(sys.stdin.read().encode() + b'|')",
    )
    assert sandbox.call_program(b"", 30) == b"|"


@pytest.mark.parametrize(
    "body",
    [
        "receive(); print('1.0'); sys.exit(0)",
        "receive(); raise ValueError",
        "receive(); os.kill(os.getpid(), 9)",
        "receive(); os.close(4); time.sleep(100)",
        "receive(); os.write(4, b'\\xff\\xff\\xff\\xff'); time.sleep(100)",
        "receive(); os.write(4, b'\\0\\0\\0\\x05ab'); sys.exit()",
    ],
    ids=["exit 0", "raise", "killed", "closed", "too long", "half an answer"],
)
def test_a_program_that_does_not_answer_has_ended(sandbox: Sandbox, body: str) -> None:
    start(sandbox, body)
    with pytest.raises(ProgramEnded):
        sandbox.call_program(b"", 30)
    with pytest.raises(ProgramEnded):
        sandbox.call_program(b"again", 30)
    start(sandbox, "while True: send(receive())")
    assert sandbox.call_program(b"anew", 30) == b"anew"


@pytest.mark.parametrize(
    "body", ["receive(); time.sleep(100)", "time.sleep(100)", "receive(); os.write(4, b'\\0\\0')\nwhile True: pass"]
)
def test_a_program_that_takes_too_long_is_killed(sandbox: Sandbox, body: str) -> None:
    start(sandbox, f"{LOCK}\n{body}")
    with pytest.raises(TimeoutError):
        sandbox.call_program(b"x" * 200_000, 0.5)
    assert ends(sandbox)
    with pytest.raises(ProgramEnded):
        sandbox.call_program(b"", 30)


def test_starting_again_ends_the_one_before(sandbox: Sandbox) -> None:
    start(sandbox, f"{LOCK}\nwhile True: receive(); send(b'one')")
    assert sandbox.call_program(b"", 30) == b"one"
    start(sandbox, "while True: receive(); send(b'two')")
    assert sandbox.call_program(b"", 30) == b"two"
    assert ends(sandbox)


def test_without_a_program_there_is_no_answer(sandbox: Sandbox) -> None:
    with pytest.raises(ProgramEnded):
        sandbox.call_program(b"", 30)
    sandbox.start_program(["nosuchprogram"])
    with pytest.raises(ProgramEnded):
        sandbox.call_program(b"", 30)
