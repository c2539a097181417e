"""What is held out shares no data with what is trained on: looked at in the data itself, not in names."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from multiprocessing import get_context

from mlgym_synth import registry
from mlgym_synth.data.sketch import overlap, sketch_of
from mlgym_synth.data.views import base_of
from mlgym_synth.folder import load_task
from mlgym_synth.gates.datasets import Datasets
from mlgym_synth.task import InstanceData, Source


def test_the_shipped_index_calls_data_alike_exactly_where_it_is_shared() -> None:
    entries = registry.select(["synth/*"])
    specs = {entry.id: load_task(entry.folder).spec for entry in entries}
    frames: dict[str, Source] = {}
    names: dict[str, str] = {}
    for entry in entries:
        data = specs[entry.id].data
        if data.source is not None and not isinstance(data, InstanceData):
            source = data.source.model_copy(update={"item": base_of(data.source.item)})
            frames[source.model_dump_json()] = source
            assert names.setdefault(source.model_dump_json(), entry.dataset) == entry.dataset
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:  # most of the time goes here; the cache keeps them
        sketches = dict(zip(frames, pool.map(sketch_of, frames.values()), strict=True))
    shared = [(a, b) for a, b in combinations(sketches, 2) if overlap(sketches[a], sketches[b])]
    assert len(shared) > 20
    assert [(a, b) for a, b in shared if names[a] != names[b]] == []
    datasets = Datasets()
    assert {entry.id: datasets.name_of(specs[entry.id]) for entry in entries} == {e.id: e.dataset for e in entries}
