"""Every test of this folder has a cache of its own, and some a Hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.hubs import CANCER, DIAMONDS, REVISION, TRAIN, WINE
from tests.hub_server import HubRepo, HubServer, csv_text, parquet


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("MLGYM_SYNTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


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
