"""The referees by name, and how a program task's data is prepared: instances drawn from the task's seed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from mlgym_synth.data import store
from mlgym_synth.data.prepared import Prepared, Public, Sealed
from mlgym_synth.errors import TaskInvalid
from mlgym_synth.grading.programs.base import Referee
from mlgym_synth.grading.programs.formulas import FORMULAS
from mlgym_synth.grading.programs.games import GOOFSPIEL, KUHN_POKER
from mlgym_synth.grading.programs.language import NEXT_CHARACTER
from mlgym_synth.grading.programs.networks import NETWORKS
from mlgym_synth.grading.programs.optimisation import BIN_PACKING, FLOW_SHOP, KNAPSACK, MAX_CUT, TSP
from mlgym_synth.grading.programs.packing import PACKING
from mlgym_synth.grading.programs.placement import PLACEMENT
from mlgym_synth.grading.programs.policies import FROZEN_LAKE, PENDULUM
from mlgym_synth.grading.programs.routing import ROUTING
from mlgym_synth.grading.programs.sat import SAT
from mlgym_synth.grading.programs.scheduling import SCHEDULING
from mlgym_synth.task import InstanceData, TaskSpec

REFEREES: dict[str, Referee] = {
    "goofspiel": GOOFSPIEL,
    "kuhn_poker": KUHN_POKER,
    "tsp": TSP,
    "knapsack": KNAPSACK,
    "flow_shop": FLOW_SHOP,
    "bin_packing": BIN_PACKING,
    "max_cut": MAX_CUT,
    "pendulum": PENDULUM,
    "frozen_lake": FROZEN_LAKE,
    "next_character": NEXT_CHARACTER,
    **SAT,
    **SCHEDULING,
    **ROUTING,
    **NETWORKS,
    **PLACEMENT,
    **PACKING,
    **FORMULAS,
}
_PARTS = ("shown", "validation", "test")


def referee_of(spec: TaskSpec) -> Referee:
    """The referee that a program task names.

    Raises:
        TaskInvalid: there is none of that name.
    """
    data = spec.data
    if not isinstance(data, InstanceData) or data.referee not in REFEREES:
        name = getattr(data, "referee", None)
        raise TaskInvalid(f"{spec.id}: data.referee: there is no {name!r}. Known are {', '.join(REFEREES)}.")
    return REFEREES[data.referee]


def prepare(spec: TaskSpec) -> Prepared:
    """The public files and hidden instances of a program task.

    Raises:
        TaskInvalid: no such referee.
        DatasetUnavailable: the referee's source cannot be had, or gives other content than the task pins.
    """
    data = spec.data
    assert isinstance(data, InstanceData)
    referee = referee_of(spec)
    return store.prepared(store.cache_key(data), lambda: make(data, referee), data.sha256)


def make(data: InstanceData, referee: Referee) -> Prepared:
    """Draw shown, validation and test instances, each from a stream of its own of the task's seed."""
    drawn: dict[str, list[Any]] = {}
    for part, name in enumerate(_PARTS):
        rng = np.random.Generator(np.random.PCG64([data.seed, part]))
        drawn[name] = referee.make({**data.parameters, "part": part}, rng, getattr(data, name), data.source)
    files = {"sample_program.py": referee.trivial.encode(), **referee.files(data.parameters, data.source)}
    shown = drawn.pop("shown")
    if shown:
        files["instances.json"] = (json.dumps(shown) + "\n").encode()
    public, sealed = Public({}, files), Sealed(instances=drawn)
    return Prepared(public, sealed, store.digest(public, sealed))


__all__ = ["REFEREES", "Referee", "make", "prepare", "referee_of"]
