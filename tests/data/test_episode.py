"""What an agent finds at reset: drawn anew from the seed, aligned, and telling nothing of the labels."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

from mlgym_synth.data.episode import constant, episode_data
from mlgym_synth.data.prepared import EpisodeData
from mlgym_synth.data.store import prepare
from mlgym_synth.task import Array, CellData, Metric, PredictionsSubmission, SubmissionColumn, TableData
from tests.data.specs import DIGITS, SCHOOLS, spec_of, table

FEW = table(DIGITS, "digit", labels="few", labelled_rows=50, array=Array(file="images", shape=(64,)), rows=300)
CELLS = CellData(source=SCHOOLS, hidden=("math", "income"), cells=100, seed=4)


def opened(data: TableData | CellData, seed: int = 0) -> EpisodeData:
    spec = spec_of(data)
    return episode_data(spec, prepare(spec), seed)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def ids_of(data: EpisodeData) -> Any:
    assert data.ids is not None
    return data.ids


def test_an_episode_is_its_seeds() -> None:
    a, b, other = (opened(table(), seed) for seed in (1, 1, 2))
    assert a.files == b.files
    assert np.array_equal(ids_of(a), ids_of(b))
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        assert a.files[name] != other.files[name]
    assert not set(ids_of(a)) & set(ids_of(other))


def test_ids_lead_back_to_the_sealed_rows() -> None:
    lines = prepare(spec_of(table())).public.tables["test"].lines
    data = opened(table(), seed=5)
    row = {int(i): n for n, i in enumerate(ids_of(data))}
    written = data.files["test.csv"].decode().splitlines()
    assert written[0].startswith("id,mean_radius,")
    assert len(written) == 101
    for line in written[1:]:
        number, _, rest = line.partition(",")
        assert lines[row[int(number)]] == rest
    assert [int(line.split(",")[0]) for line in written[1:]] != ids_of(data).tolist(), "the order is drawn, too"


def test_ids_are_distinct_of_one_width_and_tell_nothing() -> None:
    sealed = prepare(spec_of(table(rows=400))).sealed
    assert sealed.truth is not None
    found = []
    for seed in range(30):
        ids = ids_of(opened(table(rows=400), seed))
        assert len(set(ids.tolist())) == 400
        assert {len(str(i)) for i in ids.tolist()} == {8}
        found.append([np.corrcoef(ids, x)[0, 1] for x in (sealed.is_test, sealed.truth == "malignant", range(400))])
    assert np.abs(np.mean(found, axis=0)).max() < 4 / np.sqrt(30 * 400)


def test_train_rows_are_permuted_and_complete() -> None:
    lines = prepare(spec_of(table())).public.tables["train"].lines
    written = opened(table()).files["train.csv"].decode().splitlines()
    assert sorted(written[1:]) == sorted(lines)
    assert tuple(written[1:]) != lines


def test_arrays_follow_the_order_of_their_tables() -> None:
    data = opened(FEW, seed=3)
    tables = prepare(spec_of(FEW)).public.tables
    assert sorted(data.files) == [
        "images_test.npy", "images_train.npy", "images_unlabelled.npy", "sample_submission.csv", "test.csv",
        "train.csv", "unlabelled.csv",
    ]  # fmt: skip
    images = np.load(io.BytesIO(data.files["images_train.npy"]), allow_pickle=False)
    assert (images.dtype, images.shape) == (np.dtype("uint8"), (50, 64))
    stored = tables["train"].array
    assert stored is not None
    label = {image.tobytes(): line for image, line in zip(stored, tables["train"].lines, strict=True)}
    assert [label[image.tobytes()] for image in images] == [r["digit"] for r in rows(data.files["train.csv"])]
    test_images = np.load(io.BytesIO(data.files["images_test.npy"]), allow_pickle=False)
    place = {int(i): n for n, i in enumerate(ids_of(data))}
    sealed_images = tables["test"].array
    assert sealed_images is not None
    for image, row in zip(test_images, rows(data.files["test.csv"]), strict=True):
        assert np.array_equal(image, sealed_images[place[int(row["id"])]])
    assert data.files["test.csv"].startswith(b"id\n")


def test_cells_point_at_the_rows_of_this_episode() -> None:
    original = rows(opened(CELLS, 0).files["table.csv"])
    data = opened(CELLS, 1)
    table_rows = rows(data.files["table.csv"])
    assert [int(r["row"]) for r in table_rows] == list(range(420))
    assert [r["district"] for r in table_rows] != [r["district"] for r in original]
    tests = rows(data.files["test.csv"])
    assert list(tests[0]) == ["id", "row", "column"]
    for cell in tests:
        assert table_rows[int(cell["row"])][cell["column"]] == ""


def test_sample_submission_has_every_id_and_one_answer() -> None:
    data = opened(table())
    sample = rows(data.files["sample_submission.csv"])
    assert [r["id"] for r in sample] == [r["id"] for r in rows(data.files["test.csv"])]
    assert {r["y"] for r in sample} == {"0"}


C = SubmissionColumn


@pytest.mark.parametrize(
    ("metric", "columns", "expected"),
    [
        ("accuracy", (C(name="y", dtype="string", values=("b", "a")),), "b"),
        ("accuracy", (C(name="y", dtype="integer", values=(3, 1)),), "3"),
        ("log_loss", (C(name="y"),), "0.5"),
        ("rmse", (C(name="y", low=0, high=5),), "2.5"),
        ("rmse", (C(name="y", low=2),), "2"),
        ("rmse", (C(name="y", low=0),), "0"),
        ("rmse", (C(name="y", high=-1.5),), "-1.5"),
        ("rmse", (C(name="y", dtype="integer", low=0, high=5),), "2"),
        ("adjusted_rand", (C(name="y", dtype="string"),), "0"),
        ("pinball", (C(name="a"), C(name="b")), "0,0"),
    ],
)
def test_sample_is_legal_and_constant(metric: str, columns: tuple[SubmissionColumn, ...], expected: str) -> None:
    found = constant(PredictionsSubmission(columns=columns), Metric(name=metric, direction="maximize"), np.arange(2))
    header = ",".join(["id", *(column.name for column in columns)])
    assert found.decode() == f"{header}\n0,{expected}\n1,{expected}\n"


def test_sample_of_class_probabilities_is_uniform() -> None:
    columns = tuple(C(name=f"p{i}") for i in range(3))
    metric = Metric(name="log_loss", direction="minimize", classes=("a", "b", "c"))
    found = constant(PredictionsSubmission(columns=columns), metric, np.arange(1)).decode().splitlines()[1]
    assert sum(map(float, found.split(",")[1:])) == pytest.approx(1)
