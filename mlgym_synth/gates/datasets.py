"""Which tasks share data: the index's `dataset` is a string, equal exactly where they do. Splits go by it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping

from mlgym_synth.data import own_files
from mlgym_synth.data.sketch import Sketch, overlap, sketch_of
from mlgym_synth.data.views import base_of
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.task import InstanceData, Source, TaskSpec

HELD_OUT_SHARE = 0.1

log = logging.getLogger(__name__)


def source_name(spec: TaskSpec) -> str:
    """What the data is called where it comes from; generated instances have the referee's name and their seed.

    Raises:
        DatasetUnavailable: it is a file of the task's own that is not there.
    """
    data = spec.data
    if data.source is not None:
        return _called(data.source, "+".join(map(base_of, data.source.item.split("+"))))
    assert isinstance(data, InstanceData)
    return f"{data.referee}:{data.seed}"


def split_of(dataset: str) -> str:
    """`heldout` for about a tenth of all data sets, by a hash of the name; a name holds, whatever comes later."""
    share = int(hashlib.sha256(dataset.encode()).hexdigest()[:8], 16) / 2**32
    return "heldout" if share < HELD_OUT_SHARE else "train"


class Datasets:
    """Names data sets: one that holds what a known one holds gets that one's name, and a name once given holds.

    Args:
        known: tasks and the names that an index gave to their data.
        sketches: by `source_name`, of frames that need not be looked at.
    """

    def __init__(
        self, known: Iterable[tuple[TaskSpec, str]] = (), sketches: Mapping[str, Sketch] | None = None
    ) -> None:
        self._names: dict[str, str] = {}
        self._parts: dict[str, str] = {}
        self._frames: dict[str, Source] = {}
        self._sketches: dict[str, Sketch | None] = dict(sketches or {})
        for spec, name in known:
            self.add(spec, name)

    def name_of(self, spec: TaskSpec) -> str:
        """The data set's name; asking changes nothing.

        Raises:
            DatasetUnavailable: it is not known yet and cannot be had.
        """
        own, source = source_name(spec), spec.data.source
        if own in self._names or source is None:
            return self._names.get(own, own)
        # Referees read their sources in ways of their own; `A+B` are texts of A and of B.
        if part := next((part for part in _parts(source) if part in self._parts), None):
            return self._parts[part]
        near = [] if isinstance(spec.data, InstanceData) else self.near(source)
        return near[0] if near else own

    def add(self, spec: TaskSpec, name: str | None = None) -> str:
        """Know this data from now on, by this name or the one that `name_of` gives; returns it."""
        own, source = source_name(spec), spec.data.source
        name = self._names.setdefault(own, name or self.name_of(spec))
        if source is not None:
            for part in _parts(source):
                self._parts.setdefault(part, name)
            if not isinstance(spec.data, InstanceData):
                self._frames.setdefault(own, _frame(source))
        return name

    def across(self, spec: TaskSpec) -> str | None:
        """Why this data may stand in neither split, for it holds parts of data of both; None if it may.

        Raises:
            DatasetUnavailable: as `name_of`.
        """
        source = spec.data.source
        if source is None or isinstance(spec.data, InstanceData) or source_name(spec) in self._names:
            return None
        name = self.name_of(spec)
        other = next((other for other in self.near(source) if split_of(other) != split_of(name)), None)
        return other and f"its data is {split_of(name)} like {name}, and holds parts of {other}: {split_of(other)}."

    def near(self, source: Source) -> list[str]:
        """The names of frames that share data with this one, those known first before others.

        Raises:
            DatasetUnavailable: it cannot be had.
        """
        sketch = sketch_of(_frame(source))
        there = ((own, self.sketch(own)) for own in self._frames)
        return [self._names[own] for own, other in there if other is not None and overlap(sketch, other)]

    def sources(self) -> list[str]:
        """The `source_name` of every known frame."""
        return list(self._frames)

    def sketch(self, own: str) -> Sketch | None:
        """That of a known source; None where its data is not here, and of sources that are no frames."""
        if own not in self._frames:
            return None
        if own not in self._sketches:
            try:
                self._sketches[own] = sketch_of(self._frames[own])
            except DatasetUnavailable as error:
                log.warning("%s cannot be compared with: %s", own, error)
                self._sketches[own] = None
        return self._sketches[own]


def _frame(source: Source) -> Source:
    """The whole of it, however it is looked at."""
    return source.model_copy(update={"item": base_of(source.item)})


def _parts(source: Source) -> list[str]:
    return [_called(source, base_of(part)) for part in source.item.split("+")]


def _called(source: Source, item: str) -> str:
    """By package and item, however it is looked at; a task's own file by its content too: many are `data/train.csv`."""
    content = own_files.content_hash(source)
    return f"{source.package}:{item}" + (f"@{content[:12]}" if content else "")
