"""Submissions of strangers: what is tolerated, what is refused, and that the message says where and how to fix."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from mlgym_synth.errors import SubmissionInvalid
from mlgym_synth.grading.parsing import parse_predictions
from mlgym_synth.task import PredictionsSubmission, SubmissionColumn

IDS = np.array([50, 10, 40, 20, 30], dtype=np.int64)
FLOAT = PredictionsSubmission(columns=(SubmissionColumn(name="price", low=0, high=100),))
INTEGER = PredictionsSubmission(columns=(SubmissionColumn(name="digit", dtype="integer", values=(0, 1, 2)),))
STRING = PredictionsSubmission(columns=(SubmissionColumn(name="kind", dtype="string", values=("cat", "a, b", "dog")),))
CLUSTER = PredictionsSubmission(columns=(SubmissionColumn(name="cluster", dtype="string"),))
TWO = PredictionsSubmission(columns=(SubmissionColumn(name="p_a"), SubmissionColumn(name="p_b")))


def csv(*values: object, header: str = "id,price", ids: tuple[object, ...] = (10, 20, 30, 40, 50)) -> bytes:
    return "\n".join([header, *(f"{i},{v}" for i, v in zip(ids, values, strict=True)), ""]).encode()


GOOD = csv(1, 2, 3, 4, 5)


def read(content: bytes, submission: PredictionsSubmission = FLOAT, ids: NDArray[np.int64] = IDS) -> list[object]:
    parsed: list[object] = parse_predictions(content, submission, ids).tolist()
    return parsed


def fault(content: bytes, submission: PredictionsSubmission = FLOAT) -> str:
    with pytest.raises(SubmissionInvalid, match=r"^submission\.csv: ") as caught:
        parse_predictions(content, submission, IDS)
    return str(caught.value)


def test_rows_are_aligned_with_the_ids() -> None:
    assert read(GOOD) == [5, 1, 4, 2, 3]
    assert parse_predictions(GOOD, FLOAT, IDS).dtype == np.float64


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"\n", b"\r"),
        GOOD.rstrip(b"\n"),
        GOOD + b"\n\n",
        GOOD.replace(b"\n", b"\n\n"),
        GOOD.replace(b",", b" , "),
        GOOD.replace(b"1\n", b'"1"\n').replace(b"id,price", b'"id","price"'),
        b"price,id\n5,50\n4,40\n3,30\n2,20\n1,10\n",
        csv("1.0", "2e0", "+3", "4.", "0.5e1"),
        csv(1, 2, 3, 4, 5, ids=("10.0", "20.0", 30, 40, 50)),
    ],
    ids=[
        "bom",
        "crlf",
        "cr",
        "no-last-newline",
        "blank-end",
        "blank-between",
        "spaces",
        "quotes",
        "columns",
        "floats",
        "ids",
    ],
)
def test_harmless_differences_are_tolerated(content: bytes) -> None:
    assert read(content) == [5, 1, 4, 2, 3]


def test_labels_may_hold_commas_and_integers_may_be_written_as_floats() -> None:
    quoted = csv("cat", '"a, b"', "dog", "dog", " cat ", header="id,kind")
    assert read(quoted, STRING) == ["cat", "cat", "dog", "a, b", "dog"]
    assert read(csv(0, "1.0", 2, "2.0", 1, header="id,digit"), INTEGER) == [1, 0, 2, 1, 2]
    assert read(csv("x", "y", "7", "x", "ü", header="id,cluster"), CLUSTER) == ["ü", "x", "x", "y", "7"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\r\n", "the file is empty"),
        (GOOD.replace(b"20,2", b"20,\xff"), "line 3 is not UTF-8"),
        (GOOD.decode().encode("utf-16"), "is not UTF-8"),
        (GOOD.replace(b"20,2", b"20,\x00"), "line 3 holds a NUL byte"),
        (GOOD.replace(b"id,price", b"id,cost"), "first line must be `id,price`, but it lacks price and has cost"),
        (GOOD.replace(b"id,price", b"id"), "lacks price"),
        (GOOD.replace(b"id,price", b"id,price,id"), "repeats a column"),
        (GOOD.partition(b"\n")[2], "first line must be `id,price`"),
        (b'"\xef\xbb\xbfid",price\n', "first line must be `id,price`"),
        (csv("1,9", 2, 3, 4, 5, header="id,price,note"), "has note beyond"),
        (csv("1,9", 2, 3, 4, 5), "line 2 has 3 fields, the header has 2"),
        (GOOD.replace(b"30,3", b"30"), "line 4 has 1 fields, the header has 2"),
        (GOOD.replace(b"30,3", b'30,"3'), "is no CSV"),
        (GOOD.replace(b"30,3", b'30,"3"x'), "line 4 is no CSV"),
        (GOOD.replace(b"30,3", b"30," + b"3" * 200_000), "line 4 is no CSV .field larger"),
        (b"id,price\n", "5 of 5 ids of test.csv are missing .10, 20, 30 and 2 more"),
        (GOOD.replace(b"10,1\n", b""), "1 of 5 ids of test.csv are missing .10"),
        (GOOD + b"10,7\n", "1 of 5 ids occur more than once .10.. Write one row"),
        (GOOD + b"11,7\n", "line 7 has the id '11', which is not in test.csv"),
        (csv(1, 2, 3, 4, 5, ids=(1, 2, 3, 4, 5)), "line 2 has the id '1', which is not in test.csv .nor are 4 more"),
        (csv(1, 2, 3, 4, 5, ids=(10, 20, 30, 40, "x")), "line 6 has the id 'x', which is no integer"),
        (csv(1, 2, 3, 4, 5, ids=(10, 20, 30, 40, 50.5)), "line 6 has the id '50.5', which is no integer"),
        (csv(1, 2, 3, 4, 5, ids=(10, 20, 30, 40, "")), "line 6 has the id '', which is no integer"),
        (csv(1, 2, 3, 4, 5, ids=(10, 20, 30, 40, "1e999")), "line 6 has the id '1e999', which is no integer"),
        (csv(1, 2, "", 4, 5), "line 4 has the price '', which is empty"),
        (csv(1, 2, -0.5, 4, 5), "line 4 has the price '-0.5', which is below 0"),
        (csv(1, 2, 3, 4, 100.001), "line 6 has the price '100.001', which is above 100"),
    ],
)  # fmt: skip
def test_faults_are_explained(content: bytes, message: str) -> None:
    assert re.search(message, fault(content))


@pytest.mark.parametrize(
    "value",
    [
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "1e999",
        "1_0",
        "0x10",
        "abc",
        "1 0",
        "--1",
        "٣",
        "1\u066b5",
        "True",
        "1,",
        "½",
    ],
)
def test_values_that_are_no_plain_numbers_are_refused(value: str) -> None:
    message = fault(csv(1, value, 3, 4, 5))
    assert "line 3 has" in message
    assert message.isascii()


def test_numbers_too_large_for_any_metric_are_refused() -> None:
    free = PredictionsSubmission(columns=(SubmissionColumn(name="price"),))
    assert "line 3 has the price '-1e101', which is beyond" in fault(csv(1, "-1e101", 3, 4, 5), free)


def test_labels_that_are_not_declared_are_refused() -> None:
    message = fault(csv("cat", "dog", "cow", "cat", "dog", header="id,kind"), STRING)
    assert "line 4 has the kind 'cow', which is none of cat, a, b, dog" in message
    assert "which is empty" in fault(csv("cat", "dog", "", "cat", "dog", header="id,kind"), STRING)
    assert "line 2 has the digit '3', which is none of 0, 1, 2" in fault(csv(3, 1, 1, 1, 1, header="id,digit"), INTEGER)
    assert "line 2 has the digit '0.5', which is no integer" in fault(csv(0.5, 1, 1, 1, 1, header="id,digit"), INTEGER)


def test_line_numbers_count_blank_lines_and_line_breaks_in_quotes() -> None:
    assert "line 5 has the price 'x'" in fault(GOOD.replace(b"\n", b"\n\n").replace(b"20,2", b"20,x"))
    assert "line 4 has the cluster ''" in fault(b'id,cluster\n10,"a\nb"\n20,""\n30,c\n40,d\n50,e\n', CLUSTER)


def test_probabilities_must_add_up_to_one() -> None:
    rows = ["0.3,0.7", "0.5,0.4999", "1,0", "0,1", "0.2504,0.75"]
    parsed = parse_predictions(csv(*rows, header="id,p_a,p_b"), TWO, IDS, probabilities=True)
    assert parsed.shape == (5, 2)
    assert parsed.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-15)
    assert parsed[1].tolist() == [0.3, 0.7]
    bad = csv(*rows[:4], "0.3,0.3", header="id,p_a,p_b")
    with pytest.raises(SubmissionInvalid, match=r"line 6 has p_a, p_b that add up to 0\.6"):
        parse_predictions(bad, TWO, IDS, probabilities=True)
    assert parse_predictions(bad, TWO, IDS)[0].tolist() == [0.3, 0.3], "other metrics ask for no sum"


def test_one_column_probability_needs_no_sum() -> None:
    assert parse_predictions(GOOD, FLOAT, IDS, probabilities=True).tolist() == [5, 1, 4, 2, 3]


def test_no_message_depends_on_the_order_of_the_sealed_rows() -> None:
    """The halves are places in the sealed order: a list of ids in that order would tell them apart."""
    faulty = [b"id,price\n", GOOD.replace(b"10,1\n20,2\n", b""), GOOD + b"50,1\n10,1\n", GOOD + b"11,1\n12,2\n"]
    for content in faulty:
        messages = set()
        for seed in range(10):
            with pytest.raises(SubmissionInvalid) as caught:
                parse_predictions(content, FLOAT, np.random.default_rng(seed).permutation(IDS))
            messages.add(str(caught.value))
        assert len(messages) == 1


def test_messages_stay_short() -> None:
    ids = np.arange(100_000, 105_000)
    for content in (b"id,price\n" + b"7,1\n" * 5000, b"id," + b"x" * 100_000 + b"\n", b"id,price\n1," + b"y" * 100_000):
        with pytest.raises(SubmissionInvalid) as caught:
            parse_predictions(content, FLOAT, ids)
        assert len(str(caught.value)) < 400


def test_any_bytes_are_read_or_refused() -> None:
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        content = bytearray(GOOD)
        for _ in range(int(rng.integers(1, 4))):
            content[int(rng.integers(len(content)))] = int(rng.choice(list(b'\x00\n\r,"1 -e.\xff\xc3x')))
        try:
            assert len(read(bytes(content))) == 5
        except SubmissionInvalid:
            refused += 1
    assert 200 < refused < 400
