"""Imputation: what is sealed is a hole in the public table, and nowhere else to be seen."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from mlgym_synth.data.cells import prepare_cells
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.data.store import digest
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.task import CellData
from tests.data.specs import SCHOOLS

DATA = CellData(source=SCHOOLS, hidden=("math", "income"), drop=("rownames",), cells=150, seed=4)


def test_sealed_cells_are_the_only_holes() -> None:
    public, sealed = prepare_cells(DATA)
    table, test = public.tables["table"], public.tables["test"]
    rows = [dict(zip(table.columns, row, strict=True)) for row in csv.reader(table.lines)]
    frame = load_frame(SCHOOLS).set_index("district")
    assert sealed.truth is not None
    for (row, column), truth in zip(csv.reader(test.lines), sealed.truth, strict=True):
        assert rows[int(row)][column] == ""
        assert frame.loc[int(rows[int(row)]["district"]), column] == truth
    assert sum(value == "" for row in rows for value in row.values()) == 150
    assert len({line.split(",")[0] for line in test.lines}) == 150, "one hole a row"
    assert "rownames" not in table.columns


def test_halves_share_every_column_evenly() -> None:
    public, sealed = prepare_cells(DATA)
    assert sealed.is_test is not None
    assert sealed.is_test.sum() == 75
    column = np.array([line.split(",")[1] for line in public.tables["test"].lines])
    for name in DATA.hidden:
        here = sealed.is_test[column == name]
        assert len(here) > 40
        assert abs(int(here.sum()) - int((~here).sum())) <= 1


def test_scale_is_that_of_what_is_public() -> None:
    public, sealed = prepare_cells(DATA)
    table = public.tables["table"]
    at = table.columns.index("math")
    left = np.array([float(row[at]) for row in csv.reader(table.lines) if row[at]])
    column = np.array([line.split(",")[1] for line in public.tables["test"].lines])
    assert sealed.center is not None
    assert sealed.scale is not None
    assert sealed.center[column == "math"] == pytest.approx(left.mean())
    assert sealed.scale[column == "math"] == pytest.approx(left.std())


def test_cells_are_the_seeds_and_rows_are_limited() -> None:
    assert digest(*prepare_cells(DATA)) == digest(*prepare_cells(DATA))
    assert digest(*prepare_cells(DATA)) != digest(*prepare_cells(DATA.model_copy(update={"seed": 5})))
    small = prepare_cells(DATA.model_copy(update={"max_rows": 310}))[0]
    assert len(small.tables["table"].lines) == 310


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": ("county",)}, "'county' is no numeric column"),
        ({"hidden": ("maths",)}, "'maths' is no numeric column"),
        ({"hidden": ("rownames",)}, "'rownames' is no numeric column"),
        ({"cells": 211}, "only 420 rows have a value to hide"),
    ],
)
def test_faulty_tasks_are_told_field_and_fix(change: dict[str, object], message: str) -> None:
    with pytest.raises(TaskInvalid, match=message):
        prepare_cells(DATA.model_copy(update=change))
