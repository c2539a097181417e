"""One very long cell costs its own length, not that of every row."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from mlgym_synth.synthesis.author import Rejected
from mlgym_synth.synthesis.grounding import Facts, HubCatalogue
from mlgym_synth.synthesis.model_plan import Plan, spec_of
from mlgym_synth.task import Provenance
from tests.hub_server import HubRepo, HubServer, parquet

ROWS, LONGEST = 3000, 9_000
PLAN = Plan(family="tabular-classification", title="Long cells", target="note", metric="accuracy")
BY = Provenance(author="llm:teacher", seed=0)
MOST_BYTES = 40_000_000


@pytest.fixture(scope="module")
def facts() -> Iterator[Facts]:
    """Of a data set with one long cell, looked at on a Hub that stays."""
    from huggingface_hub import utils

    note = [f"note {row % 1000}" for row in range(ROWS)]
    frame = pd.DataFrame({"note": note, "size": np.arange(ROWS), "kind": ["b", "a", "a"] * (ROWS // 3)})
    frame.loc[7, "note"] = "x" * LONGEST
    with HubServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", server.endpoint)
        server.add(HubRepo("bureau/remarks", {"train.parquet": parquet(frame)}, tags=("license:cc0-1.0",)))
        yield HubCatalogue().facts("bureau/remarks")
        utils.close_session()  # type: ignore[attr-defined]  # public, but lazy


def test_columns_are_described_by_their_commonest_values(facts: Facts) -> None:
    assert facts.columns["kind"] == "text, 2 distinct, e.g. a | b"
    assert facts.columns["size"] == f"number, {ROWS} distinct, e.g. 0 | 1 | 10 | 100"
    assert facts.columns["note"] == "text, 1001 distinct, e.g. note 0 | note 1 | note 10 | note 100"


def test_a_long_cell_is_looked_at_in_little_memory(facts: Facts) -> None:
    tracemalloc.start()
    try:
        HubCatalogue().facts("bureau/remarks")
        with pytest.raises(Rejected, match=re.escape("has 1001 classes, the rarest with 1 rows")):
            spec_of(PLAN, facts, "notes", BY)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_classes_and_positive_values_are_in_alphabetical_order(facts: Facts) -> None:
    classes = spec_of(PLAN.model_copy(update={"target": "kind"}), facts, "notes", BY)
    assert classes.submission.kind == "predictions"
    assert classes.submission.columns[0].values == ("a", "b")
    yes_or_no = spec_of(PLAN.model_copy(update={"target": "kind", "metric": "roc_auc"}), facts, "notes", BY)
    assert yes_or_no.data.kind == "table"
    assert yes_or_no.data.positive == "b"


def test_a_column_of_longer_cells_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import utils

    frame = pd.DataFrame({"size": np.arange(400), "kind": ["b", "a"] * 200, "seen": ["x", "y"] * 200, "report": ""})
    frame["report"] = ["r" * 200_000 if row == 7 else f"report {row}" for row in range(400)]
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        server.add(HubRepo("bureau/reports", {"train.parquet": parquet(frame)}, tags=("license:cc0-1.0",)))
        found = HubCatalogue().facts("bureau/reports")
        utils.close_session()  # type: ignore[attr-defined]  # public, but lazy
    assert list(found.columns) == ["size", "kind", "seen"]
