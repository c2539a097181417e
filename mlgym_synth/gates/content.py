"""Gates on what a task is made of: 1 the statement, 2 the data, 9 what the data gives away."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgym_synth import briefing
from mlgym_synth.data.prepared import Prepared, Table
from mlgym_synth.errors import GradingError
from mlgym_synth.gates.evidence import Evidence, GateFailed, require
from mlgym_synth.gates.traces import texts_of
from mlgym_synth.grading import programs
from mlgym_synth.grading.judge import PredictionJudge, truth_codes
from mlgym_synth.task import CellData, InstanceData, TableData

MIN_WORDS = 60
ONE_COLUMN_SHARE = 0.95
"""A single column may explain at most this share of the target (R2 of bin means; accuracy for classes)."""
BINS = 50


def statement(evidence: Evidence) -> str:
    """Gate 1: the folder is complete, the statement says what to do and nothing that is sealed."""
    folder, spec = evidence.folder, evidence.spec
    require("baseline.py" in folder.workspace, "workspace/baseline.py is missing.")
    require("solution.py" in folder.solution, "solution/solution.py is missing.")
    file = spec.submission.file
    require(file not in folder.workspace, f"workspace/{file}: the submission itself must not be there at reset.")
    words = len(folder.statement.split())
    require(words >= MIN_WORDS, f"README.md: {words} words; say what the data is, what to predict, what to submit.")
    for part in (file, spec.metric.name):
        require(f"`{part}`" in folder.statement, f"README.md: does not name `{part}`.")
    require(spec.metric.direction in folder.statement, f"README.md: does not say {spec.metric.direction}.")
    _holds_nothing_sealed(evidence)
    described = {column.name for column in spec.columns}
    missing = [c for table in evidence.prepared.public.tables.values() for c in table.columns if c not in described]
    require(not missing, f"task.yaml: columns: no meaning is given for {', '.join(missing[:5])}.")
    composed = briefing.compose(folder, [file], spec.limits, spec.max_steps)
    require(len(composed) < 20_000, f"the first observation has {len(composed)} characters; keep it under 20,000.")
    return f"{words} words"


def data(evidence: Evidence) -> str:
    """Gate 2: the source resolves, its licence is recorded, and preparing it twice gives the pinned hash."""
    spec = evidence.spec
    require(bool(spec.licence.strip() and spec.citation.strip()), "task.yaml: licence and citation must say something.")
    hashes = {_prepared_anew(evidence).sha256 for _ in range(2)}
    require(len(hashes) == 1, "preparing the data twice gives two different hashes; draw from the seed only.")
    found = hashes.pop()
    require(spec.data.sha256 == found, f"task.yaml: data.sha256 is {spec.data.sha256}, prepared is {found}.")
    if (truth := evidence.prepared.sealed.truth) is not None:
        try:
            truth_codes(spec, truth)
        except GradingError as error:  # found here, it is the task's fault; later it would be the grader's
            raise GateFailed(f"task.yaml: {error}.") from error
    return found[:12]


def leakage(evidence: Evidence) -> str:
    """Gate 9: no test input in train, no column gives the target away, ids and row order say nothing."""
    if evidence.is_program:
        return _instances_apart(evidence)
    prepared, spec = evidence.prepared, evidence.spec
    tables = prepared.public.tables
    if isinstance(spec.data, TableData) and "train" in tables:
        _inputs_apart(tables["train"], tables["test"], spec.data.target)
    if isinstance(spec.data, TableData) and tables["test"].array is None:
        train = tables.get("train") if spec.data.labels == "all" else None
        _no_column_is_the_target(evidence, train, tables["test"], spec.data.target)
    return _order_says_nothing(evidence)


def _prepared_anew(evidence: Evidence) -> Prepared:
    data = evidence.spec.data
    if isinstance(data, InstanceData):
        return programs.make(data, programs.referee_of(evidence.spec))
    from mlgym_synth.data import store
    from mlgym_synth.data.cells import prepare_cells
    from mlgym_synth.data.tables import prepare_table

    public, sealed = prepare_table(data) if isinstance(data, TableData) else prepare_cells(data)
    return Prepared(public, sealed, store.digest(public, sealed))


def _holds_nothing_sealed(evidence: Evidence) -> None:
    """Neither what the agent reads nor the reference: a solution that knows the answers proves no headroom."""
    folder = evidence.folder
    files = {"README.md": folder.statement.encode()}
    files |= {f"workspace/{name}": content for name, content in folder.workspace.items()}
    files |= {f"solution/{name}": content for name, content in folder.solution.items()}
    for name, content in files.items():
        for text in texts_of(content):
            found = evidence.traces.any_in(text)
            require(found is None, f"{name}: holds sealed values: {(found or '')[:60]!r}...")


def _rows(table: Table) -> list[list[str]]:
    return list(csv.reader(table.lines))


def _inputs_apart(train: Table, test: Table, target: str) -> None:
    if train.array is not None and test.array is not None:
        known = {row.tobytes() for row in train.array}
        shared = sum(row.tobytes() in known for row in test.array)
    else:
        inputs = [name for name in test.columns if name in train.columns and name != target]
        places = [(train.columns.index(name), test.columns.index(name)) for name in inputs]
        seen = {tuple(row[i] for i, _ in places) for row in _rows(train)}
        shared = sum(tuple(row[j] for _, j in places) in seen for row in _rows(test))
    require(shared == 0, f"{shared} rows of test.csv have inputs that train.csv has too, with their labels.")


def _no_column_is_the_target(evidence: Evidence, train: Table | None, test: Table, target: str) -> None:
    """Learnt on train; where that has not all labels, on the validation half, and tried on the test half."""
    sealed = evidence.prepared.sealed
    assert sealed.truth is not None
    assert sealed.is_test is not None
    rows, truth, half = np.array(_rows(test)), sealed.truth, sealed.is_test
    cells = None if train is None else np.array(_rows(train))
    for at, name in enumerate(test.columns):
        if train is None or cells is None:
            share = _explained(rows[~half, at], truth[~half], rows[half, at], truth[half])
        else:
            there, labels = train.columns.index(name), train.columns.index(target)
            share = _explained(cells[:, there], cells[:, labels], rows[:, at], truth)
        if share > ONE_COLUMN_SHARE and f"`{name}` alone" not in evidence.folder.statement:
            raise GateFailed(
                f"column {name!r} alone explains {share:.0%} of the target. Drop it, or say in README.md what"
                f" `{name}` alone gives and why the task is still worth solving."
            )


def _explained(column: NDArray[Any], known: NDArray[Any], tested: NDArray[Any], truth: NDArray[Any]) -> float:
    """Share of the target that the bins of one column explain on the test rows."""
    codes, test_codes = _binned(column, tested)
    if truth.dtype.kind == "U":
        usual = {code: _mode(known[codes == code]) for code in np.unique(codes)}
        hits = np.array([usual.get(code) == label for code, label in zip(test_codes, truth, strict=True)])
        share = np.unique(truth, return_counts=True)[1].max() / len(truth)
        return float((hits.mean() - share) / (1 - share)) if share < 1 else 0.0
    values = known.astype(np.float64)
    mean = {code: values[codes == code].mean() for code in np.unique(codes)}
    guess = np.array([mean.get(code, values.mean()) for code in test_codes])
    spread = ((truth - truth.mean()) ** 2).sum()
    return float(1 - ((truth - guess) ** 2).sum() / spread) if spread else 0.0


def _binned(column: NDArray[Any], tested: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        numbers, test_numbers = (np.array([float(v or "nan") for v in part]) for part in (column, tested))
    except ValueError:
        return column, tested
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, numbers), np.searchsorted(edges, test_numbers)


def _mode(labels: NDArray[Any]) -> Any:
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def _order_says_nothing(evidence: Evidence) -> str:
    """Neither ids nor places in `test.csv` correlate with the target, more than chance allows, on any of 3 seeds."""
    truth = evidence.prepared.sealed.truth
    assert truth is not None
    codes = truth if truth.dtype.kind != "U" else np.unique(truth, return_inverse=True)[1]
    worst = 0.0
    for seed in range(3):
        judge, files = evidence.episode(seed)
        assert isinstance(judge, PredictionJudge)
        for keys in (judge.ids, places(files["test.csv"], judge.ids)):
            worst = max(worst, abs(_correlation(keys, codes)))
    bound = 4.5 / np.sqrt(len(codes))
    require(worst < bound, f"ids or row order tell the target: correlation {worst:.3f}, chance allows {bound:.3f}.")
    kind = "cells" if isinstance(evidence.spec.data, CellData) else "rows"
    return f"{len(codes)} {kind}, ids and order correlate {worst:.3f}"


def places(test_csv: bytes, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place in `test.csv` of the row of each id, shape [n]."""
    found = {int(line.partition(",")[0]): n for n, line in enumerate(test_csv.decode().splitlines()[1:])}
    return np.array([found[name] for name in ids.tolist()])


def _correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    ranks = np.array([np.argsort(np.argsort(values, kind="stable")) for values in (first, second)], dtype=np.float64)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    return float((centred[0] @ centred[1]) / np.sqrt((centred[0] @ centred[0]) * (centred[1] @ centred[1])))


def _instances_apart(evidence: Evidence) -> str:
    prepared = evidence.prepared
    assert prepared.sealed.instances is not None
    parts = {name: {json.dumps(i) for i in hidden} for name, hidden in prepared.sealed.instances.items()}
    parts["shown"] = {json.dumps(i) for i in json.loads(prepared.public.files.get("instances.json", b"[]"))}
    require(not parts["shown"] & (parts["validation"] | parts["test"]), "a hidden instance is among those shown.")
    require(not parts["validation"] & parts["test"], "validation and test share an instance.")
    return f"{len(parts['validation'])} + {len(parts['test'])} hidden instances, all new"
