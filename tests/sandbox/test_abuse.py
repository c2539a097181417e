"""Conformance: what an agent cannot do, on every backend, and that the sandbox answers on afterwards."""

from __future__ import annotations

import errno

import pytest

from mlgym_synth.limits import Limits
from mlgym_synth.sandbox import Sandbox
from mlgym_synth.sandbox.bwrap import BwrapSandbox
from tests.sandbox.conftest import Open


def answers(sandbox: Sandbox) -> bool:
    return sandbox.exec("ls / | head -1; echo $((1 + 1))", 30).output == "bin\n2\n"


@pytest.mark.parametrize(
    "bomb", [":(){ :|:& };:", "f() { f | f; }; f", "python3 -c 'import os\nwhile True: os.fork()'"]
)
def test_fork_bombs_are_ended(sandbox: Sandbox, bomb: str) -> None:
    sandbox.exec("kept=1", 30)
    sandbox.exec(f"{{ {bomb}; }} 2>/dev/null", 1.0)  # its last ones may outlive the first, and write where we read
    sandbox.exec("sleep 0.2", 2.0)
    assert sandbox.exec("echo $kept; ls / | head -1", 30).output == "1\nbin\n"


def test_no_more_processes_than_the_limit(open_sandbox: Open) -> None:
    sandbox = open_sandbox(pids=32, memory_mib=256)
    script = (
        "import os, time\nn = 0\ntry:\n    while os.fork(): n += 1\n    else: time.sleep(9)\nexcept OSError: print(n)"
    )
    result = sandbox.exec(f'python3 -c "{script}"', 5)
    assert 16 < int(result.output) <= 32
    assert answers(sandbox)


def test_a_process_limit_filled_in_the_background_is_emptied_and_told(sandbox: Sandbox) -> None:
    sandbox.exec("for i in $(seq 63); do sleep 1000 & done 2>/dev/null", 2.0)
    sandbox.exec("x=1", 5)
    results = [sandbox.exec("ls / | head -1", 20) for _ in range(2)]
    assert results[-1].output == "bin\n"


def test_a_full_disk_is_the_agents_to_clear(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=256, disk_mib=16)
    filled = "for d in . /tmp /dev/shm; do head -c 300M /dev/zero > $d/big; done 2>&1 | grep -c 'No space left'"
    assert sandbox.exec(filled, 30).output == "3\n"
    assert sandbox.exec("stat -c %s big", 30).output == f"{16 << 20}\n"
    assert sandbox.exec("rm big /tmp/big /dev/shm/big; echo ok > f; cat f", 30).output == "ok\n"


def test_nothing_but_its_own_folders_is_writable(sandbox: Sandbox) -> None:
    found = r"find / -xdev \( -type d -o -type f \) -writable 2>/dev/null | grep -vx -e /tmp -e /home/agent"
    tried = (
        "for d in /run /dev /etc /opt /home /mnt /var/log /root /sys /proc/sys/kernel; do touch $d/x && echo $d; done"
    )
    writable = f"{found}; {{ {tried}; }} 2>/dev/null; touch /home/agent/x && echo home"
    assert sandbox.exec(writable, 60).output == "home\n"


def test_memory_eaten_kills_the_eater_only(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=256, disk_mib=32)
    sandbox.exec("kept=1", 30)
    result = sandbox.exec("python3 -c \"x = b'a' * (1 << 30)\"; echo $?", 60)
    assert result.output.endswith("137\n") or "MemoryError" in result.output
    bash = sandbox.exec("python3 -c \"x = [b'a' * (1 << 20) for _ in range(1000)]\"", 60)
    assert bash.exit_code in (1, 137)
    if bash.exit_code == 137:
        assert "out of memory" in bash.note
    assert sandbox.exec("echo $kept", 30).output == "1\n"


def test_memory_eaten_by_many_and_by_files_kills_no_supervisor(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=256, disk_mib=64)
    sandbox.exec(
        "head -c 64M /dev/zero > big; head -c 64M /dev/zero > /tmp/big; head -c 64M /dev/zero > /dev/shm/big", 60
    )
    sandbox.exec(
        "for i in 1 2 3 4 5 6; do python3 -c \"x = b'a' * (90 << 20); import time; time.sleep(3)\" & done; wait", 60
    )
    assert answers(sandbox)


def test_a_hungry_shell_is_replaced(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=256)
    sandbox.exec("kept=1", 30)
    result = sandbox.exec("x=$(head -c 100M /dev/zero | tr '\\0' a); y=$x$x$x$x$x; echo survived", 60)
    assert "survived" not in result.output
    assert sandbox.exec("echo $kept", 30).output == "1\n"


def test_memory_without_a_cgroup_is_watched() -> None:
    with BwrapSandbox(Limits(memory_mib=256), cgroup=False) as sandbox:
        assert not sandbox.bounds_memory
        hogs = "for i in 1 2 3 4; do python3 -c \"x = b'a' * (100 << 20); import time; time.sleep(3)\" & done; wait"
        result = sandbox.exec(hogs, 30)
        assert "out of memory" in result.note
        assert result.elapsed_s < 30
        assert answers(sandbox)


@pytest.mark.parametrize(
    "attack",
    [
        "kill -9 1", "kill -STOP 1", "kill -9 -1", "kill -9 0", "pkill -9 -u 0", "pkill -STOP .",
        "python3 -c 'import resource as r; r.prlimit(1, r.RLIMIT_NOFILE, (0, 0))'",
        "python3 -c 'import ctypes; c = ctypes.CDLL(None); print(c.ptrace(16, 1, 0, 0))'",
        "echo 1000 > /proc/1/oom_score_adj", "cat /proc/1/mem", "ls /proc/1/fd/ && echo x > /proc/1/fd/3",
        "for d in $(seq 0 255); do eval \"exec $d>&-\"; done 2>/dev/null", "ulimit -n 0", "ulimit -t 0", "ulimit -f 0",
        "for d in 201 202 203; do printf '9\\0000\\000/\\000\\000' >&$d; done", "head -c 1M /dev/zero >&203",
        "truncate -s 100M /proc/self/fd/201", "exec 0</dev/zero", "chmod 000 /home/agent/workspace",
        "unset -f __report; unset PATH; alias builtin=false; builtin() { false; }", "enable -n printf declare",
        "nice -n -20 true; renice -n -20 -p 1", "echo c > /proc/sysrq-trigger",
        "PROMPT_COMMAND='exit 1'; BASH_ENV=/dev/zero; TMOUT=1; PS4='$(exit)'; set -xv", "set -f; IFS=x; LANG=xx",
        "unset IFS; readonly PWD; readonly __command=1", "trap 'exit 1' DEBUG", "trap 'kill -9 $$' ERR; false",
    ],
)  # fmt: skip
def test_the_supervisor_answers_on(sandbox: Sandbox, attack: str) -> None:
    sandbox.exec("kept=1", 30)
    sandbox.exec(attack, 1.0)
    sandbox.exec("true", 1.0)
    sandbox.exec("exit", 1.0)
    result = sandbox.exec("/bin/chmod 755 /home/agent/workspace; cd /; /bin/ls / | /usr/bin/head -1", 10)
    assert result.output.endswith("bin\n")
    sandbox.write_files({"f": b"x"})
    assert sandbox.read_file("f", 1) == b"x"


def test_there_is_no_network(sandbox: Sandbox) -> None:
    result = sandbox.exec(
        "cat /proc/net/dev | tail -n +3 | cut -d: -f1; timeout 5 bash -c 'echo > /dev/tcp/1.1.1.1/53'", 30
    )
    assert result.output.split()[0] == "lo"
    assert "unreachable" in result.output
    assert result.exit_code != 0


def test_nothing_of_the_host_is_seen(sandbox: Sandbox) -> None:
    assert sandbox.exec("python3 -c 'import mlgym_synth' 2>&1 | tail -1", 60).output == (
        "ModuleNotFoundError: No module named 'mlgym_synth'\n"
    )
    assert sandbox.exec("ls /root /home /mnt /run/channel 2>/dev/null | grep -v -e : -e agent", 30).output.strip() == ""
    assert "root" not in sandbox.exec("env; cat /proc/1/environ 2>/dev/null", 30).output


NAMESPACES = """python3 - <<'EOF'
import ctypes, os, platform, signal
kernel = ctypes.CDLL(None)
new_user, clone = 0x10000000, {"x86_64": 56, "aarch64": 220}[platform.machine()]
print(kernel.unshare(new_user), end=" ", flush=True)
child = kernel.syscall(clone, new_user | signal.SIGCHLD, 0, 0, 0, 0)
if child == 0:
    os._exit(0)
print(child, kernel.syscall(435, b"\\0" * 88, 88), open("/proc/self/status").read().split("CapEff:")[1][1:17])
EOF"""


def test_a_namespace_of_its_own_gives_an_agent_nothing(sandbox: Sandbox) -> None:
    told = sandbox.exec(NAMESPACES, 30).output.split()
    assert told[:2] == ["-1", "-1"]
    assert told[3] == "0" * 16
    threads = "import threading as t; x = t.Thread(target=print, args=('ran',)); x.start(); x.join()"
    assert sandbox.exec(f'python3 -c "{threads}"', 30).output == "ran\n"  # libc asks for `clone3` first


@pytest.mark.parametrize("open_sandbox", ["bwrap", "bwrap-nested"], indirect=True)  # a Docker daemon has its own list
def test_parts_of_the_kernel_that_no_agent_needs_are_closed(sandbox: Sandbox) -> None:
    calls = {"x86_64": (250, 298, 321, 323, 425), "aarch64": (219, 241, 280, 282, 425)}
    code = f"import ctypes, platform; c = ctypes.CDLL(None, use_errno=True); calls = {calls}[platform.machine()]; "
    code += "print([(c.syscall(n, 0, 0, 0, 0, 0), ctypes.get_errno()) for n in calls])"
    told = sandbox.exec(f'python3 -c "{code.replace(chr(34), chr(39))}"', 30).output
    assert told.strip() == str([(-1, errno.EPERM)] * 5)


def test_privileges_cannot_be_gained(sandbox: Sandbox) -> None:
    status = sandbox.exec("grep -E '^(Cap(Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status", 30).output.split()
    assert status == ["CapPrm:", "0" * 16, "CapEff:", "0" * 16, "CapAmb:", "0" * 16, "NoNewPrivs:", "1"]
    assert sandbox.exec("find / -xdev -perm /6000 2>/dev/null", 60).output == ""


def test_a_flooded_report_costs_the_supervisor_no_memory(open_sandbox: Open) -> None:
    sandbox = open_sandbox(memory_mib=128, disk_mib=8)
    sandbox.exec("kept=1", 30)
    sandbox.exec("head -c 400M /dev/zero | tr '\\0' x >&203", 2)
    sandbox.exec("exit", 1)
    assert sandbox.exec("echo $kept; ls / | head -1", 30).output == "1\nbin\n"


def test_programs_start_where_the_agent_left_no_room(open_sandbox: Open) -> None:
    sandbox = open_sandbox(pids=32, memory_mib=256)
    sandbox.exec("for i in $(seq 40); do sleep 1000 & done 2>/dev/null", 1.0)
    assert sandbox.run(["echo", "ran"], 30).output == "ran\n"
    sandbox.exec("for i in $(seq 29); do sleep 1000 & done 2>/dev/null", 1.0)
    sandbox.start_program(["bash", "-c", "head -c 7 <&3 >&4"])
    assert sandbox.call_program(b"abc", 30) == b"abc"
