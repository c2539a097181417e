"""MLGym's tasks as environments of ours, from a checkout of MLGym that is never copied: point `register` at it.

Nathani et al. 2025, "MLGym: A New Framework and Benchmark for Advancing AI Research Agents", arXiv 2502.14499.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mlgym_synth import registry
from mlgym_synth.errors import TaskInvalid, TaskNotFound
from mlgym_synth.evaluation.mlgym.configs import ConfigFault
from mlgym_synth.evaluation.mlgym.survey import Listed, Survey, examine, survey
from mlgym_synth.evaluation.mlgym.task import FAMILY, MLGymTask

__all__ = ["Listed", "MLGymTask", "Survey", "open_entry", "register", "register_survey", "survey"]


def register(path: str | Path) -> list[str]:
    """Register the tasks of a checkout that run here as `mlgym/<id>`, and return these ids.

    Asked for one that does not run, `mlgym_synth.make` says what it lacks; `survey` lists all of them.

    Raises:
        TaskInvalid: there is no checkout of MLGym, or nothing of it can be read.
    """
    found = survey(path)
    if found.fault and found.is_none:
        raise TaskInvalid(found.fault)
    return register_survey(found)


def register_survey(found: Survey) -> list[str]:
    """Register what a survey has found; see `register`."""
    absent = {one.id: one.reason for one in found.listed if one.task is None}
    running = [one for one in found.listed if one.task is not None]
    for one in running:
        absent.pop(one.id, None)  # a second config repeats its id
    return registry.register_suite(found.root, [_entry(found.root, one) for one in running], absent)


def open_entry(entry: registry.TaskEntry) -> MLGymTask:
    """The task of a registered entry, from the checkout as it is now.

    Raises:
        TaskNotFound: it does not run any more; says why.
    """
    try:
        listed = examine(entry.root, entry.path)
    except ConfigFault as fault:
        raise TaskNotFound(f"{entry.id} cannot be played any more: {fault}") from fault
    if listed.task is None:
        raise TaskNotFound(f"{entry.id} cannot be played any more: {listed.reason}")
    return listed.task


def _entry(root: Path, listed: Listed) -> dict[str, Any]:
    task = listed.task
    assert task is not None
    return {
        "id": listed.id,
        "path": listed.config,
        "family": FAMILY,
        "metric": task.published.metric,
        "direction": task.published.direction,
        "baseline": task.baseline,
        "reference": task.published.reference,
        "dataset": ", ".join(dataset.name for dataset in task.datasets) or task.config.id,
        "sha256": hashlib.sha256((root / listed.config).read_bytes()).hexdigest(),
        "split": "published",
        "verified": False,
        "opener": f"{__name__}:{open_entry.__name__}",
    }
