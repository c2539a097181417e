"""Which tasks share data: the index's `dataset` is a string, equal exactly where they do. Splits go by it."""

from __future__ import annotations

import hashlib

from mlgym_synth.data.sketch import Sketch, overlap, sketch_of
from mlgym_synth.data.views import base_of
from mlgym_synth.task import InstanceData, Source, TaskSpec

HELD_OUT_SHARE = 0.1


def source_name(spec: TaskSpec) -> str:
    """What the data is called where it comes from; generated instances have the referee's name and their seed."""
    data = spec.data
    if data.source is not None:  # however the frame is looked at
        return f"{data.source.package}:{'+'.join(map(base_of, data.source.item.split('+')))}"
    assert isinstance(data, InstanceData)
    return f"{data.referee}:{data.seed}"


def split_of(dataset: str) -> str:
    """`heldout` for about a tenth of all data sets, by a hash of the name: no task's coming moves another."""
    share = int(hashlib.sha256(dataset.encode()).hexdigest()[:8], 16) / 2**32
    return "heldout" if share < HELD_OUT_SHARE else "train"


class Datasets:
    """Names data sets one after another; one that holds what an earlier one holds gets the earlier one's name."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._parts: dict[str, str] = {}
        self._sketches: dict[str, Sketch] = {}
        self._across: dict[str, str] = {}

    def name_of(self, spec: TaskSpec) -> str:
        """The data set's name.

        Raises:
            DatasetUnavailable: a source that is not known yet cannot be had.
        """
        own, source = source_name(spec), spec.data.source
        if own not in self._names:
            if source is None:
                self._names[own] = own
            elif isinstance(spec.data, InstanceData):
                self._names[own] = self._with_parts(own, source)
            else:
                self._names[own] = self._like(own, source)
        return self._names[own]

    def across(self, spec: TaskSpec) -> str | None:
        """Why this data may stand in neither split, for it holds parts of data of both; None if it may.

        Raises:
            DatasetUnavailable: as `name_of`.
        """
        name = self.name_of(spec)
        other = self._across.get(source_name(spec))
        return other and f"its data is {split_of(name)} like {name}, and holds parts of {other}: {split_of(other)}."

    def _with_parts(self, own: str, source: Source) -> str:
        """Referees read their sources in ways of their own; `A+B` are texts of A and of B."""
        parts = [f"{source.package}:{base_of(part)}" for part in source.item.split("+")]
        known = next((self._parts[part] for part in parts if part in self._parts), self._names.get(parts[0], own))
        for part in parts:
            self._parts.setdefault(part, known)
        return known

    def _like(self, own: str, source: Source) -> str:
        sketch = sketch_of(source.model_copy(update={"item": base_of(source.item)}))
        near = [self._names[name] for name, there in self._sketches.items() if overlap(sketch, there)]
        known = self._parts.get(own, near[0] if near else own)
        if beyond := [name for name in near if split_of(name) != split_of(known)]:
            self._across[own] = beyond[0]
        else:  # what stands across is no task's, and joins no others
            self._sketches[own] = sketch
        self._parts.setdefault(own, known)
        return known
