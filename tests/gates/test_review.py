"""Gaps that a review found: an undeclared optimum, verdicts of another backend, leaks where train has no labels."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mlgym_synth import registry
from mlgym_synth.cache import cache_root
from mlgym_synth.data.prepared import Prepared, Public, Table
from mlgym_synth.folder import load_task
from mlgym_synth.gates import content, scores, verify_many
from mlgym_synth.gates.evidence import Evidence, GateFailed
from mlgym_synth.gates.record import Run
from mlgym_synth.grading.judge import PredictionJudge
from mlgym_synth.grading.probes import perfect_submission

CopyOf = Callable[[str], Path]


@pytest.fixture
def copy_of(tmp_path: Path) -> CopyOf:
    return lambda task: Path(shutil.copytree(registry.find(task).folder, tmp_path / "envs" / task))


def test_gate_6_knows_the_optimum_of_a_metric_that_the_task_leaves_out(copy_of: CopyOf) -> None:
    folder = copy_of("task-0001")
    spec = yaml.safe_load((folder / "task.yaml").read_text())
    spec["metric"].pop("optimum")
    for half in ("validation", "test"):
        spec["reference"][half]["score"] = 1.0
    (folder / "task.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True))
    evidence = Evidence(load_task(folder), "bwrap")
    judge = evidence.baseline.judge
    assert isinstance(judge, PredictionJudge)
    answers = perfect_submission(evidence.spec, evidence.prepared.sealed, judge.ids)
    evidence.runs = replace(evidence.runs, reference=Run(0, answers, judge, 0.1))
    with pytest.raises(GateFailed, match=r"at the optimum 1\.0"):
        scores.headroom(evidence)


@pytest.mark.parametrize("task", ["task-0008", "task-0009", "task-0012"])
def test_gate_9_finds_the_target_in_a_column_whatever_labels_train_has(task: str) -> None:
    evidence = Evidence(load_task(registry.find(task).folder), "bwrap")
    assert "correlate" in content.leakage(evidence)
    made = evidence.prepared
    test, truth = made.public.tables["test"], made.sealed.truth
    assert truth is not None
    lines = tuple(f"{line},{label}" for line, label in zip(test.lines, truth.tolist(), strict=True))
    tables = {**made.public.tables, "test": Table((*test.columns, "leak"), lines)}
    if "train" in tables:
        train = tables["train"]
        tables["train"] = Table((*train.columns, "leak"), tuple(f"{line},0" for line in train.lines))
    evidence.prepared = Prepared(Public(tables, made.public.files), made.sealed, made.sha256)
    with pytest.raises(GateFailed, match="column 'leak' alone explains"):
        content.leakage(evidence)


def test_a_verdict_of_one_backend_is_not_taken_for_another(copy_of: CopyOf) -> None:
    folder = copy_of("task-0001")
    (folder / "README.md").write_text(f"Too short: {uuid.uuid4()}")
    kept = cache_root() / "verified"
    before = set(kept.glob("task-0001-*"))
    for backend in ("bwrap", "docker", "bwrap"):
        verify_many([load_task(folder)], workers=1, sandbox=backend)
    made = set(kept.glob("task-0001-*")) - before
    for file in made:
        file.unlink()
    assert len(made) == 2
