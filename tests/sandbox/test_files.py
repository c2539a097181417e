"""Conformance: files into and out of a sandbox, on every backend."""

from __future__ import annotations

import os

import pytest

from mlgym_synth.errors import FileRefused
from mlgym_synth.sandbox import WORKSPACE, Sandbox
from tests.sandbox.conftest import Open


def test_files_come_back_as_they_went(sandbox: Sandbox) -> None:
    files = {"a.bin": os.urandom(100_000), "deep/er/b.txt": b"text\n", "/tmp/c": b"", "naïve ☃ name": b"x"}
    sandbox.write_files(files)
    for path, content in files.items():
        assert sandbox.read_file(path, 1 << 20) == content
    assert sandbox.read_file(f"{WORKSPACE}/deep/../deep/./er/b.txt", 5) == b"text\n"


def test_files_are_the_agents_with_fixed_times(sandbox: Sandbox) -> None:
    sandbox.write_files({"d/x": b"1"}, mtime=1_600_000_000)
    shown = sandbox.exec("stat -c '%U %a %Y' d/x; stat -c '%U %a' d; echo more >> d/x && cat d/x", 30).output
    assert shown == "agent 644 1600000000\nagent 755\n1more\n"


def test_overwriting_keeps_the_mode(sandbox: Sandbox) -> None:
    sandbox.exec("echo old > tool; chmod 755 tool", 30)
    sandbox.write_files({"tool": b"echo new\n"})
    assert sandbox.exec("./tool; ls -A", 30).output == "new\ntool\n"


def test_large_files_pass_in_both_directions(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=512, disk_mib=128)
    content = os.urandom(1 << 20) * 20
    sandbox.write_files({"large": content, "small": b"s"})
    assert sandbox.read_file("large", 20 << 20) == content
    assert sandbox.read_file("small", 1) == b"s"


@pytest.mark.parametrize(
    ("make", "path"),
    [
        ("ln -s /etc/passwd link", "link"),
        ("ln -s / root", "root/etc/passwd"),
        ("mkdir d; echo x > d/f; ln -s d dl", "dl/f"),
        ("mkfifo fifo", "fifo"),
        ("mkdir folder", "folder"),
        ("touch closed; chmod 000 closed", "closed"),
        ("mkdir shut; touch shut/f; chmod 000 shut", "shut/f"),
        (":", "missing"),
        (":", "missing/too"),
        (":", "/dev/zero"),
        (":", "/proc/self/environ"),
        (":", "/proc/1/cmdline"),
        (":", "../../../proc/self/maps"),
        (":", "/"),
        (":", ""),
        (":", "a\0b"),
        (":", "n" * 5000),
        ("python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('sock')\"", "sock"),
    ],
)
def test_what_is_no_plain_file_is_refused_and_nothing_hangs(sandbox: Sandbox, make: str, path: str) -> None:
    sandbox.exec(make, 30)
    with pytest.raises(FileRefused):
        sandbox.read_file(path, 1 << 20)
    assert sandbox.exec("echo alive", 30).output == "alive\n"


def test_files_above_the_cap_are_refused_without_reading_them(sandbox: Sandbox) -> None:
    sandbox.exec("truncate -s 2G sparse; printf 12345 > five", 30)
    with pytest.raises(FileRefused, match="2147483648 bytes, at most 1000 are read"):
        sandbox.read_file("sparse", 1000)
    assert sandbox.read_file("five", 5) == b"12345"
    with pytest.raises(FileRefused, match="five: 5 bytes"):
        sandbox.read_file(f"{WORKSPACE}/five", 4)


def test_a_growing_file_ends_at_the_cap(sandbox: Sandbox) -> None:
    sandbox.exec("(while :; do printf x >> grows; done) & sleep 0.2", 30)
    for _ in range(50):
        try:
            assert len(sandbox.read_file("grows", 5000)) <= 5000
        except FileRefused:
            break


def test_a_racing_agent_never_gets_another_file_read(sandbox: Sandbox) -> None:
    sandbox.exec("mkdir d; echo mine > d/f; (while :; do mv d e; ln -s /etc d; rm d; mv e d; done) 2>/dev/null &", 30)
    sandbox.exec("echo mine > g; (while :; do ln -sf /etc/passwd g; rm g; echo mine > g; done) 2>/dev/null &", 30)
    for path in ("d/f", "d/passwd", "g") * 100:
        try:
            content = sandbox.read_file(path, 1 << 20)
        except FileRefused:
            continue
        assert content in (b"mine\n", b"")


@pytest.mark.parametrize(
    ("make", "path"),
    [
        ("ln -s /tmp/target link", "link"),
        ("mkdir /tmp/out; ln -s /tmp/out link", "link/f"),
        ("mkfifo fifo", "fifo"),
        ("mkdir folder", "folder"),
        ("touch file", "file/below"),
        (":", "/etc/passwd"),
        (":", "/usr/bin/bash"),
        (":", "/dev/null"),
        (":", "/proc/self/oom_score_adj"),
        ("mkdir shut; chmod 555 shut", "shut/f"),
    ],
)
def test_writing_where_no_plain_file_can_be_is_refused(sandbox: Sandbox, make: str, path: str) -> None:
    sandbox.exec(make, 30)
    with pytest.raises(FileRefused):
        sandbox.write_files({path: b"data", "other": b"o"})
    assert sandbox.exec("ls -A /tmp /tmp/out 2>/dev/null | grep -c -e target -e '^f$'", 30).output == "0\n"
    sandbox.write_files({"fine": b"f"})
    assert sandbox.read_file("fine", 1) == b"f"


def test_writing_to_a_full_disk_is_refused_and_leaves_the_old_file(open_sandbox: Open) -> None:
    sandbox = open_sandbox(disk_mib=8, memory_mib=256)
    sandbox.write_files({"kept": b"old"})
    with pytest.raises(FileRefused, match="No space left"):
        sandbox.write_files({"kept": bytes(9 << 20)})
    assert sandbox.read_file("kept", 3) == b"old"
    assert sandbox.exec("ls -A", 30).output == "kept\n"


def test_a_workspace_that_the_agent_removed_can_be_written_again(sandbox: Sandbox) -> None:
    sandbox.exec(f"cd /; rm -rf {WORKSPACE}", 30)
    sandbox.write_files({"again": b"1"})
    assert sandbox.exec(f"cat {WORKSPACE}/again", 30).output == "1"
