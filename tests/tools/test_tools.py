"""The tools in real sandboxes: what an agent reads back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import open_sandbox
from mlgym_synth.tools import TOOLS, Context, ToolCall, ToolResult, parse_action

Use = Callable[..., ToolResult]


@pytest.fixture
def use(backend: str) -> Iterator[Use]:
    limits = Limits(memory_mib=512, disk_mib=32)
    with open_sandbox(backend, limits) as sandbox:

        def call(name: str, timeout_s: float = 10, **arguments: Any) -> ToolResult:
            parsed = parse_action({"tool": name, "arguments": arguments}, TOOLS)
            assert isinstance(parsed, ToolCall), parsed
            assert parsed.tool.run is not None
            return parsed.tool.run(Context(sandbox, limits, timeout_s), parsed.arguments)

        yield call


def test_bash_gives_output_and_exit_code(use: Use) -> None:
    assert use("bash", command="echo out; echo err >&2; false").observation == "out\nerr\n[exit code 1]"
    assert use("bash", command="true").observation == "[no output]"
    assert use("bash", command="exit 3").exit_code == 3


def test_bash_keeps_the_last_state_after_a_timeout(use: Use) -> None:
    use("bash", command="X=kept; cd /tmp")
    killed = use("bash", command="X=lost; echo partial; while :; do :; done", timeout_s=0.3)
    assert killed.exit_code is None
    assert "partial" in killed.observation
    assert "killed" in killed.observation
    assert use("bash", command="echo $X; pwd").observation == "kept\n/tmp"


def test_bash_timeout_of_the_call_is_the_shorter(use: Use) -> None:
    assert use("bash", command="sleep 60", timeout_s=0.3).exit_code is None
    parsed = use("bash", command="sleep 0.01")
    assert parsed.exit_code == 0


def test_create_view_edit_search(use: Use) -> None:
    assert use("create", path="a/b.py", content="x = 1\ny = 2\n").observation == "Wrote a/b.py (12 bytes)."
    assert use("view", path="a/b.py").observation == "     1\tx = 1\n     2\ty = 2"
    assert use("edit", path="a/b.py", old="y = 2", new="y = 3").observation == "Edited a/b.py."
    assert use("search", pattern="y = [0-9]").observation == "./a/b.py:2:y = 3"
    assert use("view", path=".").observation == "a/"
    assert use("bash", command="stat -c %U a/b.py; python a/b.py").observation == "agent"


def test_view_takes_a_range_and_says_what_there_is(use: Use) -> None:
    use("bash", command="seq 1000 > numbers")
    assert use("view", path="numbers", start=3, end=4).observation == "     3\t3\n     4\t4\n[lines 3 to 4 of 1000]"
    assert use("view", path="numbers").observation.endswith("   200\t200\n[lines 1 to 200 of 1000]")
    assert "lies before" in use("view", path="numbers", start=4, end=3).observation
    assert use("bash", command=": > empty").exit_code == 0
    assert use("view", path="empty").observation == "[empty]"


@pytest.mark.parametrize(
    ("make", "said"),
    [("true", "no such file: x"), ("mkfifo x", "not a readable file: x"), ("ln -s /dev/zero x", "not a readable")],
)
def test_view_refuses_what_is_no_file(use: Use, make: str, said: str) -> None:
    use("bash", command=make)
    assert said in use("view", path="x").observation


def test_view_of_odd_names_and_content(use: Use) -> None:
    use("create", path="-n", content="dash\n")
    assert "dash" in use("view", path="-n").observation
    use("create", path="two words; rm -rf *", content="fine\n")
    assert "fine" in use("view", path="two words; rm -rf *").observation
    use("bash", command=r"printf '\xff\x00\xfe\n' > bytes")
    assert use("view", path="bytes").observation.startswith("     1\t")


def test_edit_wants_exactly_one_place(use: Use) -> None:
    use("create", path="f", content="one two one\n")
    assert "occurs 2 times" in use("edit", path="f", old="one", new="1").observation
    assert "does not occur" in use("edit", path="f", old="three", new="3").observation
    assert "`old` is empty" in use("edit", path="f", old="", new="3").observation
    assert use("bash", command="cat f").observation == "one two one"


@pytest.mark.parametrize("path", ["/etc/passwd", "/opt/site/numpy/__init__.py", "/proc/1/environ", "/dev/null", "/"])
def test_files_of_the_system_cannot_be_written(use: Use, path: str) -> None:
    assert use("create", path=path, content="x").observation.startswith("Not written: ")


def test_a_link_is_not_followed(use: Use) -> None:
    use("bash", command="echo before > /tmp/target; ln -s /tmp/target link; mkdir d; ln -s /tmp dir")
    assert use("create", path="link", content="x").observation.startswith("Not written: ")
    assert use("edit", path="link", old="before", new="after").observation.startswith("Not edited: ")
    assert use("create", path="dir/target", content="x").observation.startswith("Not written: ")
    assert use("bash", command="cat /tmp/target").observation == "before"


def test_a_full_disk_is_said(use: Use) -> None:
    use("bash", command="head -c 40M /dev/zero > fill")
    assert use("create", path="more", content="x" * 1_000_000).observation.startswith("Not written: ")


def test_ten_megabytes_of_argument(use: Use) -> None:
    text = "x" * 10_000_000
    assert use("create", path="big", content=text).observation == "Wrote big (10000000 bytes)."
    assert use("bash", command=f"cat <<'END' | wc -c\n{text}\nEND", timeout_s=30).observation == "10000001"
    assert "at most 8388608 are read" in use("edit", path="big", old="y", new="").observation


def test_search_is_quiet_when_nothing_is_found_and_honest_about_bad_patterns(use: Use) -> None:
    assert use("search", pattern="nothing").observation == "[no match]"
    assert use("search", pattern="(").exit_code == 2
    use("create", path="f", content="-e --help\n")
    assert use("search", pattern="--help", path="f").observation == "f:1:-e --help"


def test_tools_work_when_the_shell_is_in_a_mess(use: Use) -> None:
    use("bash", command="cd /; alias grep=false; ls() { echo no; }; PATH=/nowhere; set -u; IFS=x")
    use("create", path="f", content="here\n")
    assert use("view", path="f").observation == "     1\there"
    assert use("search", pattern="here").observation == "./f:1:here"


@pytest.mark.parametrize(
    "call",
    [
        ("view", {"path": "a\0b"}),
        ("search", {"pattern": "a\0b"}),
        ("search", {"pattern": "a", "path": "\0"}),
        ("create", {"path": "a\0b", "content": ""}),
        ("edit", {"path": "a\0b", "old": "a", "new": "b"}),
    ],
)
def test_a_nul_byte_in_an_argument_is_answered(use: Use, call: tuple[str, dict[str, str]]) -> None:
    assert "NUL" in use(call[0], **call[1]).observation


def test_lone_surrogate_is_written_as_a_question_mark(use: Use) -> None:
    use("create", path="f", content="a\ud800b")
    assert use("bash", command="cat f").observation == "a?b"
    assert "a\ufffdb" not in use("bash", command="echo 'a\ud800b'").observation
