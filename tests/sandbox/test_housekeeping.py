"""Nothing outlives its owner, and nothing that lives is taken away."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from mlgym_synth.sandbox import housekeeping
from mlgym_synth.sandbox.housekeeping import LABEL, clean, is_dead, run_folder, run_id, run_root
from tests.sandbox.test_runtime import bwrap

BEGIN = "from mlgym_synth.sandbox.housekeeping import *; import os, sys, time; print(run_id(), flush=True); "


@contextlib.contextmanager
def another_process(rest: str = "sys.stdin.read()", **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process with a run of its own that lives until its stdin closes; yields it and its run's id."""
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN + rest], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def folder_of(run: str) -> Path:
    return run_root(os.geteuid()) / run


def test_a_process_has_one_run_and_a_private_folder_short_enough_for_sockets() -> None:
    assert run_id() == run_id()
    assert run_folder() == folder_of(run_id())
    assert run_folder().stat().st_mode & 0o777 == 0o700
    assert run_folder().parent.stat().st_mode & 0o777 == 0o700
    assert len(os.fsencode(run_folder())) <= 60


def test_longest_user_id_still_leaves_a_short_path() -> None:
    assert len(str(run_root(2**32 - 2) / f"{2**32 - 2}-01234567-01234567")) <= 60


def test_folder_goes_when_the_process_ends() -> None:
    with another_process("(run_folder() / 'socket').touch(); sys.stdin.read()") as (process, run):
        assert folder_of(run).is_dir()
        process.communicate("")
        assert process.returncode == 0
        assert not folder_of(run).exists()


def test_folder_of_a_killed_process_is_swept_and_that_of_a_living_one_kept() -> None:
    with another_process() as (dead, dead_run), another_process() as (_, live_run):
        (folder_of(dead_run) / "left" / "over").mkdir(parents=True)
        assert is_dead(dead_run) is False
        dead.kill()
        dead.wait()
        assert is_dead(dead_run) is True
        with another_process("sweep_once(); print('swept', flush=True); sys.stdin.read()") as (sweeper, _):
            assert sweeper.stdout is not None
            assert sweeper.stdout.readline() == "swept\n"
            assert not folder_of(dead_run).exists()
            assert folder_of(live_run).is_dir()
            assert is_dead(live_run) is False
            assert run_folder().is_dir()


def test_forked_child_has_a_run_of_its_own_and_does_not_keep_its_parents_alive() -> None:
    fork = """
child = os.fork()
os.write(1, (f"{child} {run_id()}\\n" if child == 0 else f"{child} parent\\n").encode())  # whole lines of both
sys.stdin.read()
"""
    with another_process(fork) as (parent, run):
        assert parent.stdout is not None
        lines = dict(parent.stdout.readline().split() for _ in range(2))
        child_run = lines.pop("0")
        (child_pid,) = lines
        assert child_run != run
        assert (is_dead(run), is_dead(child_run)) == (False, False)
        parent.kill()
        parent.wait()
        assert (is_dead(run), is_dead(child_run)) == (True, False)
        os.kill(int(child_pid), 9)


@pytest.mark.parametrize("run", ["", "left", "../../etc", "0-01234567-01234567", f"{os.geteuid()}-0-0", "99-zz-zz"])
def test_runs_of_other_places_are_never_called_dead(run: str) -> None:
    run_id()
    assert is_dead(run) is None


def test_run_of_this_place_whose_folder_is_gone_is_dead() -> None:
    uid, place, _ = run_id().split("-")
    assert is_dead(f"{uid}-{place}-{secrets.token_hex(4)}") is True


def in_other_tmp(script: str, program: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program with an empty /tmp that `script` prepared; what it needs stays, also where it lies there."""
    needed = [sys.prefix, sys.base_prefix, str(Path(__file__).parents[2]), *sys.path]
    stays = [part for path in needed if path.startswith("/tmp/") for part in ("--bind-try", path, path)]
    command = [bwrap(), "--dev-bind", "/", "/", "--tmpfs", "/tmp", *stays]
    command += ["bash", "-c", f'{script}\nexec "$@"', "-"]
    return subprocess.run([*command, sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("squat", ["ln -s /var/tmp {root}", "touch {root}", "mkdir {root}; chown 4242 {root}"])
def test_folder_that_is_not_ours_is_refused_and_the_sweep_stays_silent(squat: str) -> None:
    if "chown" in squat and os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    root = run_root(os.geteuid())
    done = in_other_tmp(
        squat.format(root=root), "from mlgym_synth.sandbox.housekeeping import *; sweep_once(); run_id()"
    )
    assert f"SandboxUnavailable: {root}" in done.stderr
    assert "sweep_once" not in done.stderr


def test_same_run_seen_through_another_tmp_is_not_called_dead() -> None:
    program = f"from mlgym_synth.sandbox.housekeeping import *; run_id(); print(is_dead({run_id()!r}))"
    assert in_other_tmp("", program).stdout == "None\n"


def test_clean_removes_what_nobody_uses_and_keeps_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGYM_SYNTH_CACHE", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    runtimes = tmp_path / "runtimes"
    for name in ("standard-0123456789abcdef", "standard-fedcba9876543210", "standard-5.x.tmp", "standard-6.x.tmp"):
        (runtimes / name).mkdir(parents=True)
        (runtimes / name / "file").write_bytes(bytes(5000))
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared/data.npz").write_bytes(b"kept")
    build = "from mlgym_synth.cache import locked; from pathlib import Path\n"
    lock = f"with locked(Path({str(runtimes / 'standard-6.lock')!r})): print('locked', flush=True); sys.stdin.read()"
    use = "import fcntl; used = open({!r}, 'a'); fcntl.flock(used, fcntl.LOCK_SH); print('used', flush=True)"
    use = use.format(str(runtimes / "standard-fedcba9876543210.used"))
    with another_process(f"{use}\n{build}{lock}") as (process, _):
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["used\n", "locked\n"]
        report = clean()
    left = sorted(path.name for path in runtimes.iterdir() if path.is_dir())
    assert left == ["standard-6.x.tmp", "standard-fedcba9876543210"]
    assert (tmp_path / "prepared/data.npz").exists()
    assert (report.unfinished, report.runtimes, report.containers, report.images) == (1, 1, 0, 0)
    assert report.freed_bytes >= 10_000
    assert len(report.notes) == 2
    assert "Docker" in report.notes[0]
    assert "in use" in report.notes[1]


def test_control_groups_of_dead_runs_go_and_those_of_living_ones_stay() -> None:
    bases = [Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")]
    base = next((path for path in bases if (path / "cgroup.procs").exists() and os.access(path, os.W_OK)), None)
    if base is None:
        pytest.skip("no control group can be made here")
    with another_process() as (dead, dead_run), another_process() as (_, live_run):
        groups = [base / "mlgym-synth" / f"{run}-0" for run in (dead_run, live_run)]
        for group in groups:
            group.mkdir(parents=True)
        dead.kill()
        dead.wait()
        housekeeping.remove_dead_cgroups()
        assert [group.exists() for group in groups] == [False, True]
        groups[1].rmdir()


def test_clean_removes_folders_of_dead_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGYM_SYNTH_CACHE", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with another_process() as (dead, run), another_process() as (_, live_run):
        dead.kill()
        dead.wait()
        clean()
        assert not folder_of(run).exists()
        assert folder_of(live_run).exists()


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    found = housekeeping.connect()
    if found is None:
        if os.environ.get("MLGYM_SYNTH_REQUIRE_DOCKER") == "1":
            pytest.fail("MLGYM_SYNTH_REQUIRE_DOCKER=1, and no daemon answers")
        pytest.skip("no Docker daemon answers")
    yield found
    found.close()


@pytest.fixture
def image(client: docker.DockerClient) -> Iterator[str]:
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    name = f"mlgym-synth-test-{secrets.token_hex(4)}"
    client.api.import_image_from_data(empty.getvalue(), repository=name, tag="latest")
    yield f"{name}:latest"
    client.images.remove(f"{name}:latest", force=True)


@pytest.mark.docker
def test_containers_of_dead_runs_go_and_all_others_stay(client: docker.DockerClient, image: str) -> None:
    uid, place, _ = run_id().split("-")
    other_place = f"{uid}-{'0' * 8 if place != '0' * 8 else '1' * 8}-01234567"
    with another_process() as (dead, dead_run), another_process() as (_, live_run):
        owners = {"dead": dead_run, "live": live_run, "own": run_id(), "elsewhere": other_place, "strange": "x"}
        made = {
            name: client.api.create_container(image, ["/none"], labels={LABEL: run})["Id"]
            for name, run in owners.items()
        }
        unlabelled = client.api.create_container(image, ["/none"])["Id"]
        try:
            dead.kill()
            dead.wait()
            housekeeping.remove_dead_containers(client)
            left = {container["Id"] for container in client.api.containers(all=True)}
            assert {name for name, container in made.items() if container in left} == set(owners) - {"dead"}
            assert unlabelled in left
        finally:
            for container in (*made.values(), unlabelled):
                with contextlib.suppress(docker.errors.NotFound):
                    client.api.remove_container(container, force=True)


def test_sweep_happens_once_a_process() -> None:
    program = """
import os
from mlgym_synth.sandbox.housekeeping import *
root = run_root(os.geteuid())
for token in ("00000001", "00000002"):
    left = root / (run_id()[:-8] + token)
    left.mkdir()
    sweep_once()
    print(left.exists())
"""
    assert in_other_tmp("", program).stdout == "False\nTrue\n"
