"""What a referee is: plain data and generators, no I/O. `grading/referee.py` runs them against programs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlgym_synth.task import Source

Play = Generator[list[Any], Any, float]
"""Yields the arguments of one call, is sent the program's answer, returns the instance's score."""


class IllegalAnswer(Exception):
    """An answer that breaks the rules; the message names the rule, never the hidden input."""


def _no_files(parameters: dict[str, Any], source: Source | None) -> dict[str, bytes]:
    return {}


@dataclass(frozen=True)
class Referee:
    """One kind of program task.

    Attributes:
        make: (parameters, rng, count, source) -> `count` JSON-able instances, drawn from the generator alone.
        play: plays one instance.
        trivial: source text of a legal program that does the least; `sample_program.py`.
        random: source text of a legal program that answers at random.
        bound: no score can be better than this.
        files: (parameters, source) -> further public files.
    """

    make: Callable[[dict[str, Any], np.random.Generator, int, Source | None], list[Any]]
    play: Callable[[Any], Play]
    trivial: str
    random: str
    bound: float
    files: Callable[[dict[str, Any], Source | None], dict[str, bytes]] = _no_files


def integers(answer: Any, count: int, what: str) -> list[int]:
    """The answer as `count` whole numbers.

    Raises:
        IllegalAnswer: it is none.
    """
    if not isinstance(answer, list) or len(answer) != count:
        raise IllegalAnswer(f"the answer must be a list of {what}")
    numbers = [int(value) for value in answer if isinstance(value, int | float) and value == value // 1]
    if len(numbers) != count or any(isinstance(value, bool) for value in answer):
        raise IllegalAnswer(f"the answer must be a list of {what}, whole numbers all")
    return numbers


def permutation(answer: Any, count: int, what: str) -> list[int]:
    """The answer as a permutation of 0 to count - 1.

    Raises:
        IllegalAnswer: it is none.
    """
    numbers = integers(answer, count, f"each of the {what} once, by index")
    if sorted(numbers) != list(range(count)):
        raise IllegalAnswer(f"the answer must hold each of the {what} exactly once, by index from 0")
    return numbers
