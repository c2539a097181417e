"""Synthetic tasks written as MLGym's: configs, data folders, evaluators that run there without this package.

An export is for MLGym's own loader and runner, with what that means: the labels lie in the agent's container.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import mlgym_synth
from mlgym_synth.data.episode import episode_data
from mlgym_synth.data.prepared import Prepared
from mlgym_synth.data.store import prepare
from mlgym_synth.errors import MlgymSynthError, TaskInvalid
from mlgym_synth.evaluation.mlgym.configs import DATASETS, TASKS
from mlgym_synth.folder import TaskFolder, load_task
from mlgym_synth.grading import programs
from mlgym_synth.grading.evaluator import FILE as OWN_EVALUATOR
from mlgym_synth.grading.evaluator import kind_of
from mlgym_synth.grading.judge import bounded, truth_codes
from mlgym_synth.registry import TaskEntry
from mlgym_synth.task import CUSTOM_METRIC, InstanceData, PredictionsSubmission, ProgramSubmission, TaskSpec

ANSWERS, INSTANCES = "answer.csv", "hidden_instances.json"
SHORTEST_TIMEOUT_S = 60
_PACKAGE = Path(mlgym_synth.__file__).parent
_EXPORTED = Path(__file__).with_name("exported")
_STAND_INS = {
    "task.py": '"""Names that annotations use; here settings are plain namespaces."""\n\n'
    "Direction = Metric = PredictionsSubmission = SubmissionColumn = Source = object\n",
    "data/packaged.py": '"""Instances come ready made: nothing is loaded here."""\n\n\ndef load_frame(source):\n'
    '    """Not here."""\n    raise NotImplementedError(source)\n',
}
Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one task; `fault` says why it was left out."""

    id: str
    fault: str | None = None


def export_tasks(
    entries: Iterable[TaskEntry], out: Path, *, seed: int = 0, on_result: Callable[[Exported], None] = lambda _: None
) -> list[Exported]:
    """Write tasks below `out`, one config, one dataset config and one data folder each, and a README.

    Args:
        entries: the tasks.
        out: made if missing; what is there of the same tasks is replaced.
        seed: draws ids and row order, once for all.
        on_result: called after every task.

    Raises:
        ValueError: `out` is a checkout of MLGym.
    """
    if (out / "mlgym").is_dir():
        raise ValueError(f"{out} is a checkout of MLGym. Export to a new folder, then copy configs/ and data/ there.")
    done: list[Exported] = []
    for entry in entries:
        try:
            if entry.opener:
                raise TaskInvalid("a task of another suite")
            _write_task(load_task(entry.folder), out, seed)
            done.append(Exported(entry.id))
        except MlgymSynthError as error:
            done.append(Exported(entry.id, str(error)))
        on_result(done[-1])
    written = [one.id for one in done if one.fault is None]
    if written:
        text = (_EXPORTED / "README.md").read_text(encoding="utf-8")
        (out / "README.md").write_text(text.replace("{example}", written[0]), encoding="utf-8")
    return done


def _write_task(folder: TaskFolder, out: Path, seed: int) -> None:
    spec = folder.spec
    program = isinstance(spec.data, InstanceData)
    prepared = programs.prepare(spec) if program else prepare(spec)
    public, answers, grader = (_program if program else _predictions)(folder, prepared, seed)
    script = _EXPORTED / f"evaluate_{'program' if program else 'predictions'}.py"
    home = f"data/{spec.id}"
    files = {f"{home}/{path}": content for path, content in folder.workspace.items()}
    files |= {f"{home}/data/{path}": content for path, content in {**public, **answers}.items()}
    files |= {f"{home}/grader/{path}": content for path, content in grader.items()}
    files[f"{home}/evaluate.py"] = script.read_bytes()
    starter = sorted({f"{home}/{path.split('/')[0]}" for path in (*folder.workspace, "evaluate.py", "grader/x")})
    # The baseline and the statement speak of files beside them, so what is public lies there too.
    starter += sorted(f"{home}/data/{path}" for path in public)
    sample = f"{home}/data/sample_submission.csv"
    files[f"{TASKS}/{spec.id}.yaml"] = _yaml(_task_config(folder, starter, sample if sample in files else None))
    files[f"{DATASETS}/{spec.id}.yaml"] = _yaml(_dataset_config(spec))
    shutil.rmtree(out / home, ignore_errors=True)
    for path, content in files.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(content)


def _task_config(folder: TaskFolder, starter: list[str], sample: str | None) -> dict[str, Any]:
    spec = folder.spec
    config: dict[str, Any] = {
        "id": spec.id,
        "name": spec.title,
        "description": f"{_braced(folder.statement.strip())}\n\n{{dataset_docs}}\nSUBMISSION FORMAT:\n"
        f"For this task, your code should write a file named `{spec.submission.file}` as said above.",
        "dataset_configs": [f"datasets/{spec.id}.yaml"],
        "task_entrypoint": f"{'Python' if isinstance(spec.data, InstanceData) else 'CSV'}SubmissionTasks",
        "training_timeout": max(SHORTEST_TIMEOUT_S, math.ceil(spec.limits.tool_s)),
        "use_generic_conda": True,
        "starter_code": starter,
        "baseline_paths": ["baseline.py"],
    }
    if spec.baseline is not None:
        config["baseline_scores"] = [{spec.metric.name: spec.baseline.test.score}]
    if sample is not None:
        config["sample_submission"] = sample
    return {**config, "evaluation_paths": ["evaluate.py"], "evaluation_read_only": True}


def _dataset_config(spec: TaskSpec) -> dict[str, Any]:
    columns = "".join(f"{c.name}: {c.meaning}{f' ({c.unit})' if c.unit else ''}\n" for c in spec.columns)
    return {
        "name": spec.id,
        "description": f"{columns}Licence: {spec.licence}. {spec.citation}",
        "data_path": f"data/{spec.id}/data",
        "is_local": True,
    }


def _predictions(folder: TaskFolder, prepared: Prepared, seed: int) -> tuple[Files, Files, Files]:
    """Public files, answers and grader of a predictions task."""
    spec, sealed = folder.spec, prepared.sealed
    assert isinstance(spec.submission, PredictionsSubmission)
    data = episode_data(spec, prepared, seed)
    if data.ids is None or sealed.truth is None or sealed.is_test is None:
        raise TaskInvalid(f"{spec.id}: it has no sealed labels")
    columns: dict[str, list[Any]] = {
        "id": data.ids.tolist(),
        "half": np.where(sealed.is_test, "test", "validation").tolist(),
        "truth": truth_codes(spec, sealed.truth).tolist(),
    }
    if sealed.center is not None and sealed.scale is not None:
        columns |= {"center": sealed.center.tolist(), "scale": sealed.scale.tolist()}
    if sealed.groups is not None and spec.metric.name == "ndcg":
        columns["group"] = sealed.groups.tolist()
    settings = {
        "submission": bounded(spec.submission, spec.metric.name).model_dump(mode="json"),
        "metric": spec.metric.model_dump(mode="json"),
        "probabilities": kind_of(spec) == "probability" or spec.metric.classes is not None,
    }
    grader = _bundle(["errors.py", "grading/metrics.py", "grading/parsing.py"], settings)
    if spec.metric.name == CUSTOM_METRIC:
        if OWN_EVALUATOR not in folder.grader:
            raise TaskInvalid(f"{folder.path}: grader/{OWN_EVALUATOR} is missing")
        grader["own.py"] = folder.grader[OWN_EVALUATOR]
    return data.files, {ANSWERS: _csv(columns)}, grader


def _program(folder: TaskFolder, prepared: Prepared, seed: int) -> tuple[Files, Files, Files]:
    """Public files, hidden instances and grader of a program task."""
    spec = folder.spec
    assert isinstance(spec.submission, ProgramSubmission)
    assert isinstance(spec.data, InstanceData)
    instances = (prepared.sealed.instances or {})["test"]
    settings = {
        "file": spec.submission.file,
        "function": spec.submission.function,
        "call_s": spec.submission.call_s,
        "referee": spec.data.referee,
        "metric": spec.metric.name,
    }
    names = sorted(f"grading/programs/{file.name}" for file in (_PACKAGE / "grading/programs").glob("*.py"))
    grader = _bundle(["errors.py", "grading/program_host.py", *names], settings)
    grader["grading/programs/__init__.py"] = _referees()
    public = episode_data(spec, prepared, seed).files
    return public, {INSTANCES: (json.dumps(instances) + "\n").encode()}, grader


def _bundle(modules: Iterable[str], settings: dict[str, Any]) -> Files:
    """Modules of this package as a package `grader`, and what stands in for the rest of it."""
    files = {name: (_PACKAGE / name).read_bytes().replace(b"mlgym_synth", b"grader") for name in modules}
    files |= {name: text.encode() for name, text in _STAND_INS.items()}
    folders = {part.as_posix() for name in files for part in Path(name).parents}
    files |= {f"{folder}/__init__.py".removeprefix("./"): b"" for folder in folders}
    return {**files, "settings.json": (json.dumps(settings, indent=1) + "\n").encode()}


def _referees() -> bytes:
    """The table of referees, without what prepares their data."""
    tree = ast.parse(Path(programs.__file__).read_text(encoding="utf-8"))
    prefix = programs.__name__

    def is_wanted(node: ast.stmt) -> bool:
        if isinstance(node, ast.ImportFrom):
            return (node.module or "").startswith(f"{prefix}.")
        return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "REFEREES"

    body = [ast.unparse(node) for node in tree.body if is_wanted(node)]
    return ("\n".join(body) + "\n").replace("mlgym_synth", "grader").encode()


def _braced(text: str) -> str:
    """MLGym calls `format` on descriptions."""
    return text.replace("{", "{{").replace("}", "}}")


def _csv(columns: dict[str, list[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*([repr(v) if isinstance(v, float) else v for v in c] for c in columns.values()), strict=True))
    return buffer.getvalue().encode()


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as people would."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(fields: dict[str, Any]) -> bytes:
    text: str = yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text.encode()
