"""Sealed values are recognised wherever they turn up, however they are printed or packed; ordinary text is not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from mlgym_synth.data.prepared import Prepared, Public, Sealed, Table
from mlgym_synth.gates.traces import Traces, texts_of, traces_of

N = 300
RNG = np.random.Generator(np.random.PCG64(0))
INPUTS = RNG.normal(size=(N, 4)).round(6)
CLASSES = RNG.choice(["setosa", "virginica", "versicolor"], size=N).astype(np.str_)
VALUES = RNG.normal(100, 20, size=N).round(2)


def prepared(truth: np.ndarray, sealed: Sealed | None = None) -> Prepared:
    lines = tuple(",".join(f"{value:.6f}" for value in row) for row in INPUTS)
    public = Public({"test": Table(("a", "b", "c", "d"), lines)})
    return Prepared(public, sealed or Sealed(truth=truth), "")


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inner", content)
    return buffer.getvalue()


@pytest.fixture
def classes() -> Traces:
    return traces_of(prepared(CLASSES))


@pytest.mark.parametrize("separator", [",", ", ", " ", "\n", ";", "', '"])
def test_labels_are_found_anywhere_in_the_truth(classes: Traces, separator: str) -> None:
    some = CLASSES[100:200].tolist()
    assert classes.labels_in("They are: " + separator.join(some) + ".") is not None


def test_labels_are_found_between_ids(classes: Traces) -> None:
    assert classes.labels_in("".join(f"{i},{label}\n" for i, label in enumerate(CLASSES))) is not None


def test_labels_of_several_words_are_found_between_other_columns() -> None:
    named = np.array([f"tropical {name}" for name in CLASSES])
    text = "".join(f'{i},x,"{label}"\n' for i, label in enumerate(named))
    assert traces_of(prepared(named)).labels_in(text) is not None


def test_few_labels_and_other_orders_are_no_find(classes: Traces) -> None:
    assert classes.labels_in("Kinds: setosa, virginica, versicolor. " + " ".join(CLASSES[:5])) is None
    assert classes.labels_in(" ".join(np.sort(CLASSES))) is None
    assert classes.labels_in(" ".join(RNG.permutation(CLASSES))) is None


def test_repeats_of_one_label_are_no_find() -> None:
    rare = np.array(["no"] * 200 + ["yes"] * 30 + ["no"] * 70)
    traces = traces_of(prepared(rare))
    assert traces.labels_in("yes " * N) is None
    assert traces.labels_in("no " * N) is None
    assert traces.labels_in(" ".join(rare)) is not None


@pytest.mark.parametrize("spelled", ["{:.2f}", "{:.4f}", "{!r}"])
def test_numbers_are_found_however_they_are_printed(spelled: str) -> None:
    traces = traces_of(prepared(VALUES))
    assert traces.labels_in(" ".join(spelled.format(float(value)) for value in VALUES[50:60])) is not None
    assert traces.labels_in(" ".join(spelled.format(float(value) + 0.01) for value in VALUES[50:60])) is None


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zipped])
def test_rows_are_found_in_packed_files(classes: Traces, pack: Callable[[bytes], bytes]) -> None:
    table = "\n".join(",".join(f"{value:.6f}" for value in row) for row in INPUTS).encode()
    assert [found for text in texts_of(pack(table)) if (found := classes.rows_in(text))]
    other = "\n".join(",".join(f"{value:.6f}" for value in row) for row in INPUTS + 1).encode()
    assert not [found for text in texts_of(pack(other)) if (found := classes.rows_in(text))]


@pytest.mark.parametrize("pack", [bytes, zipped])
def test_rows_are_found_in_arrays(classes: Traces, pack: Callable[[bytes], bytes]) -> None:
    assert [found for text in texts_of(pack(npy(INPUTS))) if (found := classes.rows_in(text))]
    assert [found for text in texts_of(pack(npy(INPUTS.T.copy()))) if (found := classes.rows_in(text))]
    assert not [found for text in texts_of(pack(npy(INPUTS + 1))) if (found := classes.rows_in(text))]


@pytest.mark.parametrize("content", [b"\x1f\x8bxx", b"BZhxx", b"\xfd7zXZxx", b"PK\x03\x04xx", b"\x93NUMPYxx"])
def test_damaged_files_hold_nothing(classes: Traces, content: bytes) -> None:
    assert not any(classes.any_in(text) for text in texts_of(content))


def test_hidden_instances_are_found_whatever_the_white_space() -> None:
    sealed = Sealed(instances={"validation": [{"sizes": list(range(20))}], "test": [{"sizes": list(range(5, 25))}]})
    traces = traces_of(prepared(CLASSES, sealed))
    assert traces.any_in('x = {"sizes": [' + ",\n ".join(map(str, range(5, 25))) + "]}") is not None
    assert traces.any_in('x = {"sizes": [1, 2, 3]}') is None
