"""`TableData` -> prepared data: columns chosen, target made, rows split, labels sealed. `store.py` calls this."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mlgym_synth.data.canonical import Column, canonical, csv_lines, numbers
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.data.prepared import Public, Sealed, Table
from mlgym_synth.data.splitting import (
    Codes,
    Mask,
    Rows,
    apart,
    at_most,
    codes,
    evaluation_rows,
    exactly,
    generator,
    test_half,
)
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.task import Array, Filter, Source, TableData

Columns = dict[str, Column]

MAX_CLASSES = 20
"""A numeric target with at most so many values is split in proportion of them, as a class is."""


def load_columns(
    source: Source, rename: dict[str, str], filters: tuple[Filter, ...], drop: tuple[str, ...] = ()
) -> Columns:
    """The source's columns under their clear names, rows filtered, dropped columns still there.

    Raises:
        DatasetUnavailable: the source cannot be had.
        TaskInvalid: a column named in the task that the source does not have.
    """
    loaded = canonical(load_frame(source))
    _known(loaded, "data.rename", *rename)
    columns = {rename.get(name, name): column for name, column in loaded.items()}
    if len(columns) < len(loaded):
        raise TaskInvalid("data.rename: two columns get the same name. Make the new names distinct.")
    _known(columns, "data.drop", *drop)
    for rule in filters:
        _known(columns, "data.filters", rule.column)
        columns = _rows(columns, _holds(columns[rule.column], rule))
    return columns


def prepare_table(data: TableData) -> tuple[Public, Sealed]:
    """Both halves of a table, deterministic by the split's seed.

    Raises:
        DatasetUnavailable: the source cannot be had.
        TaskInvalid: columns that are not there, or not enough rows; names the field.
    """
    columns = load_columns(data.source, data.rename, data.filters, data.drop)
    _known(columns, "data.target", data.target)
    columns = _rows(columns, ~columns[data.target].missing)
    target = columns.pop(data.target)
    if data.positive is not None:
        target = numbers(target.equals(data.positive).astype(np.float64))
    features = {name: columns[name] for name in _feature_names(data, columns)}
    rows = _look(data, columns, features, target)
    rng = generator(data.split.seed)
    evaluation = evaluation_rows(rows, data.split.evaluation_rows, rng)
    if data.labels == "none":
        train = np.zeros_like(evaluation)
    else:
        evaluation, train = apart(rows, evaluation)
        train = _usable(data, target, rows, train, rng)
    tables = _public(data, features, target, rows, train, evaluation, rng)
    return Public(tables), _sealed(data, columns, target, rows, evaluation, rng)


def _look(data: TableData, columns: Columns, features: Columns, target: Column) -> Rows:
    joined = csv_lines(list(features.values()), len(target.text))
    split = data.split
    if split.column is not None:
        _known(columns, "data.split.column", split.column)
    cut = columns[split.column] if split.column is not None else None
    return Rows(
        inputs=codes(joined),
        strata=_strata(target),
        groups=codes(cut.text.tolist()) if cut is not None and split.method == "group" else None,
        times=_ranks(cut) if cut is not None and split.method == "time" else None,
    )


def _feature_names(data: TableData, columns: Columns) -> list[str]:
    if data.features is not None:
        _known(columns, "data.features", *data.features)
        names = list(data.features)
    else:
        hidden = {*data.drop, data.split.column if data.split.method == "group" else None}
        names = [name for name in columns if name not in hidden]
    if data.group is not None:
        _known(columns, "data.group", data.group)
        names = [data.group, *(name for name in names if name != data.group)]
    return names


def _usable(data: TableData, target: Column, rows: Rows, train: Mask, rng: np.random.Generator) -> Mask:
    """The train rows an agent gets, labelled or not."""
    if data.labels == "normal":
        if data.normal is None:
            raise TaskInvalid("data.normal: missing. With labels `normal`, name the class that train holds.")
        train = train & target.equals(data.normal)
    train = at_most(train, data.split.train_rows, rows, rng)
    if not train.any():
        raise TaskInvalid("data.split: no train rows are left. Lower evaluation_rows, or set labels to `none`.")
    return train


def _public(
    data: TableData,
    features: Columns,
    target: Column,
    rows: Rows,
    train: Mask,
    evaluation: Mask,
    rng: np.random.Generator,
) -> dict[str, Table]:
    labelled = {**features, data.target: target}
    tables = {"test": _table(features, data.array, evaluation)}
    if data.labels == "all":
        if data.label_noise is not None:
            labelled[data.target] = _noisy(target, train, data.label_noise, rng)
        tables["train"] = _table(labelled, data.array, train, label=data.target)
    elif data.labels == "normal":
        tables["train"] = _table(features, data.array, train)
    elif data.labels == "few":
        wanted, where = data.labelled_rows, np.flatnonzero(train)
        if wanted is None or not 0 < wanted < len(where):
            raise TaskInvalid(
                f"data.labelled_rows: {wanted}, of {len(where)} train rows. With labels `few`, name some."
            )
        chosen = np.zeros_like(train)
        chosen[where[exactly(codes(rows.strata[where].astype(str)), wanted, rng)]] = True
        tables["train"] = _table(labelled, data.array, chosen, label=data.target)
        tables["unlabelled"] = _table(features, data.array, train & ~chosen)
    return tables


def _noisy(target: Column, train: Mask, share: float, rng: np.random.Generator) -> Column:
    """The target with a share of the train labels dealt anew among themselves."""
    where = rng.permutation(np.flatnonzero(train))
    where = where[: round(share * len(where))]
    order = np.arange(len(target.text))
    order[where] = rng.permutation(where)
    return target.take(order)


def _table(columns: Columns, array: Array | None, mask: Mask, label: str | None = None) -> Table:
    chosen, n = _rows(columns, mask), int(mask.sum())
    if array is None:
        return Table(tuple(chosen), csv_lines(list(chosen.values()), n))
    shown = {label: chosen.pop(label)} if label is not None else {}
    return Table(tuple(shown), csv_lines(list(shown.values()), n), _array(chosen, array, n))


def _array(columns: Columns, array: Array, n: int) -> NDArray[np.generic]:
    stacked = [column.values for column in columns.values()]
    numeric = [values for values in stacked if values is not None and np.isfinite(values).all()]
    if len(numeric) != len(stacked) or len(stacked) != math.prod(array.shape):
        raise TaskInvalid(
            f"data.array.shape: {list(array.shape)} takes {math.prod(array.shape)} numeric features without gaps;"
            f" there are {len(numeric)} such, of {len(stacked)}."
        )
    values = np.stack(numeric, axis=1).reshape(n, *array.shape)
    made = values.astype(array.dtype)
    if array.dtype == "uint8" and not np.array_equal(made, values):
        raise TaskInvalid("data.array.dtype: the features are no integers from 0 to 255. Use float32.")
    return made


def _sealed(
    data: TableData, columns: Columns, target: Column, rows: Rows, evaluation: Mask, rng: np.random.Generator
) -> Sealed:
    where = np.flatnonzero(evaluation)
    groups = rows.groups if data.group is None else codes(columns[data.group].text.tolist())
    units = rows.inputs if groups is None else groups
    is_test = test_half(codes(units[where].astype(str)), rows.strata[where], rng)
    truth = target.take(where)
    return Sealed(
        truth=truth.values if truth.values is not None else truth.text.astype(np.str_),
        is_test=is_test,
        groups=None if groups is None else codes(groups[where].astype(str)).astype(np.int64),
    )


def _strata(target: Column) -> Codes:
    made = codes(target.text.tolist())
    many = target.values is not None and len(made) > 0 and int(made.max()) >= MAX_CLASSES
    return np.zeros_like(made) if many else made


def _ranks(column: Column) -> Codes:
    """Numbers by size, texts (ISO dates, `1954Q1`) by their order; rows without a time are the earliest."""
    if column.values is not None:
        values = np.where(np.isnan(column.values), -np.inf, column.values)
        return np.unique(values, return_inverse=True)[1].astype(np.intp)
    return np.unique(column.text.astype(np.str_), return_inverse=True)[1].astype(np.intp)


def _holds(column: Column, rule: Filter) -> Mask:
    there = ~column.missing
    if rule.op == "notna":
        return there
    if rule.op in ("in", "not in"):
        if not isinstance(rule.value, list | tuple):
            raise TaskInvalid(f"data.filters: {rule.column} {rule.op}: value must be a list.")
        inside = np.zeros_like(there)
        for value in rule.value:
            inside |= column.equals(value)
        return there & (inside if rule.op == "in" else ~inside)
    if rule.op in ("==", "!="):
        same = column.equals(rule.value)
        return there & (same if rule.op == "==" else ~same)
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[rule.op]
    if column.values is not None:
        if not isinstance(rule.value, int | float):
            raise TaskInvalid(f"data.filters: {rule.column} is numeric, {rule.value!r} is not. Give a number.")
        return there & np.asarray(compare(column.values, rule.value), dtype=np.bool_)
    return there & np.asarray(compare(column.text.astype(np.str_), str(rule.value)), dtype=np.bool_)


def _rows(columns: Columns, mask: Mask) -> Columns:
    return {name: column.take(mask) for name, column in columns.items()}


def _known(columns: Columns, field: str, *names: str) -> None:
    for name in names:
        if name not in columns:
            raise TaskInvalid(f"{field}: no column {name!r}; there are {', '.join(columns)}.")
