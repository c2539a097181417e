"""Conformance: commands in the persistent shell, on every backend."""

from __future__ import annotations

import signal

import pytest

from mlgym_synth.sandbox import WORKSPACE, Sandbox
from tests.sandbox.conftest import Open


def output_of(sandbox: Sandbox, command: str, timeout_s: float = 30) -> str:
    return sandbox.exec(command, timeout_s).output


def test_a_command_gives_output_and_exit_code(sandbox: Sandbox) -> None:
    result = sandbox.exec("echo out; echo err >&2; (exit 3)", 30)
    assert (result.output, result.exit_code, result.output_bytes) == ("out\nerr\n", 3, 8)
    assert not result.timed_out
    assert result.note == ""
    assert 0 < result.elapsed_s < 30


def test_the_shell_starts_in_an_empty_workspace_of_the_agents_own(sandbox: Sandbox) -> None:
    assert output_of(sandbox, "pwd; ls -A; whoami; stat -c '%U %a' .") == f"{WORKSPACE}\nagent\nagent 755\n"


def test_a_listing_and_the_end_of_a_job_tell_no_times_and_no_pids(sandbox: Sandbox) -> None:
    listed = output_of(sandbox, "echo x > a; ls -l a")
    assert listed.split() == ["-rw-r--r--", "1", "agent", "agent", "2", "a"]
    ended = output_of(sandbox, "bash -c 'kill -9 $$'; (exec sleep 9) & kill -9 $!; wait $!")
    assert ended.count("Killed") == 2
    assert not any(character.isdigit() for character in ended.replace("kill -9", "").replace("sleep 9", ""))


def test_directory_variables_functions_aliases_and_options_stay(sandbox: Sandbox) -> None:
    sandbox.exec("cd /tmp; x='a  b'; export y=2; f() { echo f:$1; }; alias q='echo alias'; shopt -s nullglob", 30)
    assert (
        output_of(sandbox, 'pwd; echo "$x"; bash -c "echo $y"; f 1; q; echo none*') == "/tmp\na  b\n2\nf:1\nalias\n\n"
    )


def test_a_host_that_ignores_signals_as_under_nohup_changes_nothing(open_sandbox: Open) -> None:
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGUSR1)}
    try:
        sandbox = open_sandbox(memory_mib=512, pids=64, disk_mib=64)
        asked = "import signal as s; print([s.getsignal(n).name for n in (s.SIGHUP, s.SIGUSR1, s.SIGXFSZ)])"
        assert (
            output_of(sandbox, f'trap -p; python -c "{asked}"') == "['SIG_DFL', 'SIG_DFL', 'SIG_IGN']\n"
        )  # Python's own
    finally:
        for number, action in before.items():
            signal.signal(number, action)


KILLERS = {
    "timeout": "while :; do :; done",
    "timeout of a child": "sleep 1000",
    "timeout with signals ignored": "trap '' TERM INT HUP; sleep 1000",
    "timeout of a daemon's parent": "setsid sleep 1000 & (setsid sleep 1000 &) ; wait",
    "exit": "x=lost; exit 7",
    "kill": "kill -9 $$",
    "kill all": "kill -9 -1; kill -9 $$",
    "exec": "exec true",
    "closed descriptors": 'for d in /proc/$$/fd/*; do eval "exec ${d##*/}>&-"; done 2>/dev/null',
    "errexit": "set -e; false",
    "no execution": "set -n",
}


@pytest.mark.parametrize("killer", KILLERS.values(), ids=KILLERS.keys())
def test_a_shell_that_is_lost_comes_back_as_it_was(sandbox: Sandbox, killer: str) -> None:
    sandbox.exec(
        "mkdir -p d; cd d; x='it'\\''s'; declare -A m=([k]='v w'); readonly r=1; f() { echo f$x; }; alias q='echo q';"
        " set -o pipefail; shopt -s extglob; trap 'echo trap' USR1; umask 027; big=$(seq 20000)",
        30,
    )
    result = sandbox.exec(killer, 0.4)
    assert "every process was ended" in result.note
    after = "pwd; f; q; echo ${m[k]} $r ${#big} $-; set -o | grep pipefail; shopt extglob; trap -p; umask"
    shown = output_of(sandbox, after)
    assert shown.splitlines() == [
        f"{WORKSPACE}/d", "fit's", "q", "v w 1 108893 hBs", "pipefail       \ton", "extglob        \ton",
        "trap -- 'echo trap' SIGUSR1", "0027",
    ]  # fmt: skip
    assert output_of(sandbox, "x=new; echo $x") == "new\n"


def test_a_timeout_keeps_partial_output_and_has_no_exit_code(sandbox: Sandbox) -> None:
    result = sandbox.exec("echo before; sleep 1000", 0.3)
    assert (result.output, result.exit_code, result.timed_out) == ("before\n", None, True)
    assert "killed after 0.3 s" in result.note


@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("exec bash -c 'exit 5'", 5)])
def test_a_shell_that_ends_reports_how(sandbox: Sandbox, command: str, code: int) -> None:
    result = sandbox.exec(command, 30)
    assert (result.exit_code, result.timed_out) == (code, False)


def test_background_jobs_live_on_between_commands_and_die_at_a_timeout(sandbox: Sandbox) -> None:
    sandbox.exec("(for i in 1 2 3; do sleep 0.05; echo $i >> log; done) & setsid sleep 1000 &", 30)
    assert output_of(sandbox, "sleep 0.4; cat log; pgrep -c sleep") == "1\n2\n3\n1\n"
    sandbox.exec("sleep 1000", 0.2)
    assert output_of(sandbox, "pgrep -c sleep") == "0\n"


def test_output_of_background_jobs_does_not_block_them(sandbox: Sandbox) -> None:
    sandbox.exec("(seq 100000; echo done > flag) & while [ ! -e flag ]; do sleep 0.05; done", 30)
    assert output_of(sandbox, "cat flag") == "done\n"


def test_reading_stdin_ends_at_once(sandbox: Sandbox) -> None:
    result = sandbox.exec("cat; read x; echo \"got '$x'\"; python3 -c 'print(input())' 2>&1 | tail -1", 30)
    assert result.output == "got ''\nEOFError: EOF when reading a line\n"


@pytest.mark.parametrize("broken", ["echo 'open", "cat <<END\nx", "if true; then", "a && && b", ")", "$(", "done"])
def test_broken_syntax_is_answered(sandbox: Sandbox, broken: str) -> None:
    sandbox.exec(broken, 10)
    assert output_of(sandbox, "echo fine") == "fine\n"


def test_error_messages_name_no_line_and_no_pid(sandbox: Sandbox) -> None:
    sandbox.exec("true\ntrue", 30)
    assert output_of(sandbox, "nosuchthing") == "bash: nosuchthing: command not found\n"
    assert output_of(sandbox, "bash -c 'kill -SEGV $$'").startswith("bash: Segmentation fault ")


def test_long_commands_of_many_lines_work(sandbox: Sandbox) -> None:
    assert output_of(sandbox, "cat <<'END'\n" + "line\n" * 40_000 + "END") != ""
    assert sandbox.exec("echo " + "x" * 200_000 + " | wc -c", 30).output == "200001\n"
    assert sandbox.exec(": " + "y" * 10_000_000 + "; echo ran", 60).output == "ran\n"


def test_a_gigabyte_of_output_is_cut_to_head_and_tail(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=256, output_bytes=4096)
    result = sandbox.exec("echo first; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo last", 100)
    assert result.output_bytes == 1_000_000_012
    assert result.output.startswith("first\nxxx")
    assert result.output.endswith("xxx\nlast\n")
    assert f"[... {1_000_000_012 - 4096} bytes dropped ...]" in result.output
    assert len(result.output) < 4096 + 100


def test_bytes_that_are_no_text_are_replaced(sandbox: Sandbox) -> None:
    assert output_of(sandbox, r"printf 'a\0b\xff\xc3\n'; printf '\xe2\x82\xac\n'") == "a\ufffdb\ufffd\ufffd\n€\n"
    noise = sandbox.exec("head -c 300000 /dev/urandom", 30)
    assert noise.output_bytes == 300_000
    noise.output.encode()


def test_commands_may_hold_any_text(sandbox: Sandbox) -> None:
    assert output_of(sandbox, "echo 'ünï → 漢 \"$x\" \\n'") == 'ünï → 漢 "$x" \\n\n'
    assert output_of(sandbox, "echo a\0b; echo \udcff").splitlines()[0] == "ab"


def test_the_environment_is_clean_and_names_the_limits(open_sandbox: Open) -> None:
    sandbox = open_sandbox(cpus=1.5, memory_mib=512)
    shown = dict(line.split("=", 1) for line in output_of(sandbox, "env").splitlines())
    assert shown["HOME"] == "/home/agent"
    assert shown["PYTHONPATH"] == "/opt/site"
    assert shown["OMP_NUM_THREADS"] == shown["OPENBLAS_NUM_THREADS"] == "2"
    assert shown["TMPDIR"] == "/tmp"
    assert not {"LD_LIBRARY_PATH", "MLGYM_SYNTH_CACHE", "VIRTUAL_ENV", "HOSTNAME"} & set(shown)
    assert output_of(sandbox, "uname -n") == "sandbox\n"


def test_run_neither_sees_nor_changes_the_shell(sandbox: Sandbox) -> None:
    sandbox.exec("cd /tmp; export secret=1", 30)
    result = sandbox.run(["bash", "-c", "pwd; echo [$secret]; cat; exit 4"], 30)
    assert (result.output, result.exit_code) == (f"{WORKSPACE}\n[]\n", 4)
    assert output_of(sandbox, "pwd; echo $secret") == "/tmp\n1\n"


def test_run_reports_timeouts_missing_programs_and_capped_output(sandbox: Sandbox) -> None:
    sandbox.exec("x=1; sleep 1000 &", 30)
    late = sandbox.run(["bash", "-c", "echo partial; sleep 1000"], 0.3)
    assert (late.output, late.exit_code, late.timed_out) == ("partial\n", None, True)
    missing = sandbox.run(["nosuchprogram"], 30)
    assert missing.exit_code in (1, 127)
    assert "nosuchprogram: No such file or directory" in missing.output
    assert sandbox.run(["seq", "1000000"], 30).output_bytes == 6888896
    assert output_of(sandbox, "echo $x; pgrep -c sleep") == "1\n1\n"


def test_python_works_with_its_packages(sandbox: Sandbox) -> None:
    result = sandbox.exec("python -W error -c 'import numpy, os; print(numpy.ones(3).sum(), os.getcwd())'", 60)
    assert result.output == f"3.0 {WORKSPACE}\n"
