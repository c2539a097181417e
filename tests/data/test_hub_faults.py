"""The Hub when it fails: what passes is waited for, what does not is said, and nothing wrong is ever kept."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth.data.hub import HubDataset, HubFile, download, inspect, sample, search
from mlgym_synth.data.hub_requests import Patience
from mlgym_synth.errors import DatasetUnavailable
from tests.data.hubs import QUICK, REVISION, TRAIN, complaint, kept, source
from tests.hub_server import LFS_FROM, TOKEN, HubRepo, HubServer


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


def test_the_hubs_own_header_says_how_long_to_wait(server: HubServer, cancer: HubRepo) -> None:
    cancer.failures, cancer.rate_limit = [429], '"api";r=0;t=1'
    started = time.monotonic()
    inspect("clinic/breast_cancer", patience=QUICK)
    assert time.monotonic() - started >= 1.0
    cancer.failures, cancer.rate_limit = [429], '"api";r=0;t=299'
    assert "429" in complaint(inspect, "clinic/breast_cancer")


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
