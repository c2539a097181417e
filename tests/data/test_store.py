"""The cache: made once however many ask, sealed by mode, repaired when damaged, pinned by hash, cheap when warm."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from mlgym_synth.data import store
from mlgym_synth.data.prepared import Prepared, Public, Sealed, Table
from mlgym_synth.data.store import digest, prepare, prepared
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.task import Array, CellData, TableData
from tests.data.specs import DIGITS, SCHOOLS, spec_of, table

PUBLIC = Public(
    {
        "train": Table(("x", "y"), ('1,"a, b"', "2,ü"), np.arange(8, dtype=np.uint8).reshape(2, 2, 2)),
        "test": Table((), ("", "")),
    },
    {"notes/read me.txt": b"\x00\xff"},
)
SEALED = Sealed(
    truth=np.array(["a, b", "ü"]),
    is_test=np.array([True, False]),
    groups=np.array([3, 4]),
    instances={"validation": [{"x": 1}], "test": [[1.5, "é"]]},
)


def example() -> Prepared:
    return Prepared(PUBLIC, SEALED, "")


def entry(cache: Path) -> Path:
    (folder,) = [path for path in (cache / "data").iterdir() if path.is_dir()]
    return folder


def never() -> Prepared:
    raise AssertionError("made again")


def test_what_is_stored_comes_back(cache: Path) -> None:
    prepared("key", example, None)
    store._load.cache_clear()
    found = prepared("key", never, None)
    train = found.public.tables["train"]
    assert (train.columns, train.lines) == (PUBLIC.tables["train"].columns, PUBLIC.tables["train"].lines)
    assert train.array is not None
    assert np.array_equal(train.array, np.arange(8).reshape(2, 2, 2))
    assert found.public.tables["test"] == PUBLIC.tables["test"]
    assert found.public.files == PUBLIC.files
    assert found.sealed.truth is not None
    assert found.sealed.truth.tolist() == ["a, b", "ü"]
    assert found.sealed.instances == SEALED.instances
    assert found.sealed.center is None
    assert found.sha256 == digest(PUBLIC, SEALED)


def test_digest_sees_every_part() -> None:
    changed = [
        (Public({**PUBLIC.tables, "test": Table((), ("",))}, PUBLIC.files), SEALED),
        (Public({**PUBLIC.tables, "train": Table(("x", "z"), PUBLIC.tables["train"].lines)}, PUBLIC.files), SEALED),
        (Public(PUBLIC.tables, {}), SEALED),
        (PUBLIC, Sealed(SEALED.truth, np.array([False, True]), SEALED.groups, SEALED.instances)),
        (PUBLIC, Sealed(np.array(["a, b", "u"]), SEALED.is_test, SEALED.groups, SEALED.instances)),
        (PUBLIC, Sealed(SEALED.truth, SEALED.is_test, SEALED.groups, {"validation": [], "test": []})),
    ]
    assert len({digest(PUBLIC, SEALED), *(digest(*parts) for parts in changed)}) == 7


def test_sealed_part_is_apart_and_for_the_owner_only(cache: Path) -> None:
    prepared("key", example, None)
    sealed = entry(cache) / "sealed"
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o700
    files = list(sealed.iterdir())
    assert {file.name for file in files} == {"truth.npy", "is_test.npy", "groups.npy", "instances.json"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    public = [f.name for f in (entry(cache) / "public").rglob("*") if f.is_file()]
    assert not {"truth.npy", "is_test.npy"} & set(public)


def test_one_object_serves_all_envs_of_a_process(cache: Path) -> None:
    assert prepared("key", example, None) is prepared("key", never, None)
    array = prepared("key", never, None).sealed.is_test
    assert array is not None
    with pytest.raises(ValueError, match="read-only"):
        array[0] = False


@pytest.mark.parametrize("damage", ["sealed/truth.npy", "public/tables/train.lines", "manifest.json"])
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_a_damaged_entry_is_made_anew(cache: Path, damage: str, how: str) -> None:
    good = prepared("key", example, None).sha256
    file = entry(cache) / damage
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(
            content[: len(content) // 2] + (b"" if how == "cut" else b"~" + content[len(content) // 2 + 1 :])
        )
    store._load.cache_clear()
    assert prepared("key", example, None).sha256 == good
    assert file.read_bytes() == content


def test_other_content_than_the_task_pins_is_refused(cache: Path) -> None:
    spec = spec_of(table(sha256="0" * 64))
    with pytest.raises(
        DatasetUnavailable, match=rf"(?s)has sha256 [0-9a-f]{{64}}, but the task pins {'0' * 64}.*record"
    ):
        prepare(spec)
    found = prepare(spec_of(table()))
    assert prepare(spec_of(table(sha256=found.sha256))) is found


def test_a_stale_entry_of_another_content_is_replaced(cache: Path) -> None:
    prepared("key", example, None)
    other = Public({"test": Table(("x",), ("1",))})
    wanted = digest(other, SEALED)
    assert prepared("key", lambda: Prepared(other, SEALED, ""), wanted).sha256 == wanted


# The content of real tasks, as it was when this was written: it must not change from one release of pandas, numpy or
# scikit-learn to the next, nor with a change of this code that does not mean to (else raise store.FORMAT).
PINNED: dict[str, tuple[TableData | CellData, str]] = {
    "cancer": (table(), "998bca4712f57ee435b16a56bdf4a63915ca4128204c275a35a511825beaf8ab"),
    "digits": (
        table(DIGITS, "digit", array=Array(file="images", shape=(8, 8)), rows=500),
        "a6edb2a8521d6fb551d1b528408b484e20d216c35cf820b3be21c20a813add05",
    ),
    "schools": (
        table(SCHOOLS, "math", drop=("rownames", "read"), rows=150),
        "4ff3f5ce383183c4b1aed1092ebb776f85c831dae6dbbc80079ae5041e1d3aab",
    ),
    "cells": (
        CellData(source=SCHOOLS, hidden=("math", "income"), cells=100, seed=4),
        "4c6acbc44488e5bcf351aad0e511c1bc05a4286b39cf3c72ad12bfb776c9b39b",
    ),
}


@pytest.mark.parametrize("name", PINNED)
def test_content_is_the_same_everywhere(name: str) -> None:
    data, sha256 = PINNED[name]
    assert prepare(spec_of(data)).sha256 == sha256


def ask(_: int) -> str:
    return prepare(spec_of(table(SCHOOLS, "math", rows=150))).sha256


def test_ten_processes_at_once_make_one_entry(cache: Path) -> None:
    with ProcessPoolExecutor(10, mp_context=get_context("spawn")) as pool:
        assert len(set(pool.map(ask, range(10)))) == 1
    assert not list((cache / "data").glob("*.tmp"))
    assert json.loads((entry(cache) / "manifest.json").read_text())["sha256"] == ask(0)


def test_warm_data_needs_no_pandas(cache: Path) -> None:
    spec = spec_of(table())
    prepare(spec)
    script = (
        "import sys; from mlgym_synth.data.store import prepare; from mlgym_synth.data.episode import episode_data\n"
        "from mlgym_synth.task import TaskSpec; spec = TaskSpec.model_validate_json(sys.argv[1])\n"
        "episode_data(spec, prepare(spec), 0); print([m for m in ('pandas', 'sklearn', 'pickle') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, spec.model_dump_json()], capture_output=True, text=True, check=True
    )
    assert "pandas" not in ran.stdout
    assert "sklearn" not in ran.stdout
