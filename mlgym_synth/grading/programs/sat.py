"""Satisfiability: truth values for variables, scored by the weight of the clauses that hold; 1 cannot be passed.

`max_sat`: a clause holds with any true literal. `nae_sat`: with a true and a false one. `one_in_sat`: with exactly one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlgym_synth.grading.programs.base import Play, Referee
from mlgym_synth.grading.programs.generators import choices, weights
from mlgym_synth.task import Source


def _make(parameters: dict[str, Any], rng: np.random.Generator, count: int, source: Source | None) -> list[Any]:
    """Literals are 1 to n, minus for negated. `structure`: `uniform`, `popular` or `communities`."""
    variables, size = int(parameters["variables"]), int(parameters["clauses"])
    shortest, longest = parameters["length"]
    negated = float(parameters.get("negated", 0.5))
    made = []
    for _ in range(count):
        pull = np.ones(variables)
        if parameters["structure"] == "popular":
            pull = 1 / (1 + rng.permutation(variables)) ** 0.8
        home = rng.integers(0, 5, variables)
        clauses = []
        for _ in range(size):
            share = pull
            if parameters["structure"] == "communities":
                share = np.where(home == rng.integers(5), 1.0, 0.02)
            chosen = rng.choice(
                variables, size=int(rng.integers(shortest, longest + 1)), replace=False, p=share / share.sum()
            )
            signs = np.where(rng.random(len(chosen)) < negated, -1, 1)
            clauses.append(((chosen + 1) * signs).tolist())
        made.append([variables, clauses, weights(parameters["weights"], rng, size).tolist()])
    return made


def _referee(holds: Callable[[int, int], bool]) -> Referee:
    """`holds` of the number of true literals and the clause's length."""

    def play(instance: Any) -> Play:
        variables, clauses, values = instance
        answer = yield instance
        truth = choices(answer, variables, 2, "0 or 1 for every variable")
        hits = (sum(truth[abs(literal) - 1] == (literal > 0) for literal in clause) for clause in clauses)
        kept = sum(value for value, hit, clause in zip(values, hits, clauses, strict=True) if holds(hit, len(clause)))
        return float(kept / sum(values))

    return Referee(
        make=_make,
        play=play,
        trivial="def assign(variables, clauses, weights):\n    return [0] * variables\n",
        random="import random\n\n\ndef assign(variables, clauses, weights):\n"
        "    return [random.randint(0, 1) for _ in range(variables)]\n",
        bound=1.0,
    )


SAT = {
    "max_sat": _referee(lambda hit, size: hit > 0),
    "nae_sat": _referee(lambda hit, size: 0 < hit < size),
    "one_in_sat": _referee(lambda hit, size: hit == 1),
}
