"""What the tests of training share: one tiny model folder and one export."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.tiny import a_model_folder, a_row, an_export


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_model_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return an_export(tmp_path_factory.mktemp("data") / "sft.jsonl", [a_row(number) for number in range(12)])
