"""Sequences as the batches that a trainer takes: packed or not, and how many optimizer steps they make.

`sft.py` trains with these; a dry run counts with them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlgym_synth.training.masks import Encoded
from mlgym_synth.training.prepare import TrainingData
from mlgym_synth.training.processes import world_size
from mlgym_synth.training.recipe import SftRecipe


def packed(prepared: TrainingData, recipe: SftRecipe) -> Any:
    """The sequences as a `datasets.Dataset` with `input_ids` and `labels`; packed with `seq_lengths` if asked for."""
    rows = _rows(prepared.sequences)
    if not recipe.packing:
        return rows
    from datasets import disable_progress_bars
    from trl import pack_dataset

    disable_progress_bars()
    return pack_dataset(rows, recipe.max_length, "bfd")


def _rows(sequences: Sequence[Encoded]) -> Any:
    """Built from arrays: as Python integers, a token would take fifty bytes."""
    import pyarrow as pa
    from datasets import Dataset

    ids = np.concatenate([np.frombuffer(one.ids, np.intc) for one in sequences])
    mask = np.concatenate([np.frombuffer(one.mask, np.bool_) for one in sequences])
    ends = np.cumsum([0, *(len(one.ids) for one in sequences)])
    columns = {"input_ids": ids, "labels": np.where(mask, ids, np.intc(-100))}
    places = pa.array(ends, pa.int32())
    lists = {name: pa.ListArray.from_arrays(places, pa.array(values)) for name, values in columns.items()}
    known_by = hashlib.sha256(b"".join(hashlib.sha256(part.data).digest() for part in (ids, mask, ends)))
    return Dataset(pa.table(lists), fingerprint=known_by.hexdigest())  # without one it pickles everything to hash it


def optimizer_steps(sequences: int, recipe: SftRecipe) -> int:
    """Steps of the whole training."""
    return recipe.max_steps or math.ceil(steps_per_epoch(sequences, recipe) * recipe.epochs)


def steps_per_epoch(sequences: int, recipe: SftRecipe) -> int:
    """Optimizer steps of one pass over the data, the last of which may be of fewer sequences."""
    processes = recipe.processes or world_size()
    return math.ceil(math.ceil(sequences / (recipe.batch * processes)) / recipe.accumulation)
