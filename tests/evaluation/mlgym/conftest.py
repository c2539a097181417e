"""The small checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluation.mlgym import checkout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout of the test's own."""
    return checkout.build(tmp_path / "MLGym")
