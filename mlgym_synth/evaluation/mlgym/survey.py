"""What a checkout of MLGym holds, task by task: what runs here, what something is missing for, what is broken."""

from __future__ import annotations

import ast
import fnmatch
import functools
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlgym_synth.errors import TaskInvalid
from mlgym_synth.evaluation.mlgym.configs import (
    DATASETS,
    TASKS,
    ConfigFault,
    DatasetConfig,
    TaskConfig,
    config_id,
    read_datasets,
    read_task,
    task_files,
    within,
)
from mlgym_synth.evaluation.mlgym.files import complete
from mlgym_synth.evaluation.mlgym.published import PUBLISHED, Published
from mlgym_synth.evaluation.mlgym.task import MLGymTask
from mlgym_synth.sandbox.runtime import lock_file

State = Literal["runs", "lacks", "unsupported", "broken"]

_CALLED = {"sklearn": "scikit-learn", "dateutil": "python-dateutil"}
"""Modules of the sandbox's packages that are not called like their package."""
_WANTS_GPU = re.compile(r"assert torch\.cuda\.is_available|\.cuda\(\)|backend=['\"]nccl['\"]")


@dataclass(frozen=True)
class Listed:
    """One task config of a checkout.

    Attributes:
        id: `mlgym/...`; by the file's name where it gives none.
        config: its file, relative to the checkout.
        state: `runs`; `lacks` something this machine could be given; `unsupported`, which no machine mends; `broken`.
        missing: what is missing or wrong -> in words. Empty where it runs.
        entrypoint, published, baseline: MLGym's class and what is known of it, where it runs or lacks something.
        task: where it runs.
    """

    id: str
    config: str
    state: State
    missing: dict[str, str] = field(default_factory=dict)
    entrypoint: str = ""
    published: Published | None = None
    baseline: float | None = None
    task: MLGymTask | None = None

    @property
    def reason(self) -> str:
        """All of `missing` in one line."""
        return "; ".join(f"{what}: {text}" for what, text in self.missing.items())


@dataclass(frozen=True)
class Survey:
    """A checkout, looked through.

    Attributes:
        root: where it lies.
        listed: one for each task config, by file name.
        fault: what is wrong with the checkout as a whole.
    """

    root: Path
    listed: tuple[Listed, ...]
    fault: str | None = None

    @property
    def is_none(self) -> bool:
        """Whether there is no checkout of MLGym, or one of which nothing can be read; `fault` says so."""
        return self.fault is not None and all(one.state == "broken" for one in self.listed)

    def named(self, globs: Iterable[str]) -> list[Listed]:
        """The configs whose task's id is one of these, or matches one."""
        patterns = list(globs)
        return [one for one in self.listed if any(fnmatch.fnmatch(one.id, glob) for glob in patterns)]

    @property
    def broken(self) -> list[Listed]:
        """What should be mended in the checkout."""
        return [listed for listed in self.listed if listed.state == "broken"]


def survey(path: str | Path) -> Survey:
    """Look through a checkout.

    Raises:
        TaskInvalid: there is no folder, or nothing in it.
    """
    root = Path(path).resolve()
    if not root.is_dir() or not any(root.iterdir()):
        raise TaskInvalid(f"{path}: no checkout of MLGym. Clone github.com/facebookresearch/MLGym and give its folder.")
    lacking = [str(part) for part in (TASKS, DATASETS, Path("data")) if not (root / part).is_dir()]
    files = task_files(root)
    names = _names(files)
    listed = tuple(_look(root, file, names) for file in files)
    known = [one for one in listed if one.id.partition("/")[2] in PUBLISHED]
    fault = None
    if lacking:
        fault = f"{root} is no whole checkout of MLGym: it lacks {', '.join(lacking)}."
    elif not known:
        fault = f"{root} is no checkout of MLGym: none of its configs is of a task of MLGym."
    return Survey(root, listed, fault)


def _names(files: Iterable[Path]) -> dict[str, Path]:
    """Which file each id is taken from: the one that is called like it, else the first."""
    names: dict[str, Path] = {}
    for file in files:
        try:
            name = config_id(file)
        except ConfigFault:
            continue
        if name not in names or file.stem == name:
            names[name] = file
    return names


def _look(root: Path, file: Path, names: dict[str, Path]) -> Listed:
    """One config; a task that MLGym does not have a known metric for is not looked at further."""
    shown = file.relative_to(root).as_posix()
    name = file.stem
    try:
        name = config_id(file)
        if names[name] != file:
            reason = f"repeats the id of {names[name].name}, which is taken"
            return Listed(f"mlgym/{name}", shown, "unsupported", {"id": reason})
        if name not in PUBLISHED:
            return Listed(f"mlgym/{name}", shown, "unsupported", {"metric": "it is not known which one counts"})
        return examine(root, shown)
    except ConfigFault as fault:
        return Listed(f"mlgym/{name}", shown, "broken", {"config": str(fault)})


def examine(root: Path, shown: str) -> Listed:
    """A task of MLGym, by its config's path in the checkout.

    Raises:
        ConfigFault: it is broken.
    """
    config = read_task(root / shown)
    published, datasets = PUBLISHED[config.id], read_datasets(root, config)
    baseline = _baseline(config, published.metric)
    missing = _missing_data(root, datasets)
    there = tuple(dataset for dataset in datasets if not missing and dataset.is_local)
    files = complete(root, config, there)
    if config.task_entrypoint == "PythonSubmissionTasks" and f"{published.program}.py" not in files:
        raise ConfigFault(f"the program {published.program}.py is not among the starter code")
    missing |= _missing_software(config, files)
    name = f"mlgym/{config.id}"
    known = config.task_entrypoint, published, baseline
    if missing:
        return Listed(name, shown, "lacks", missing, *known)
    return Listed(name, shown, "runs", {}, *known, MLGymTask(config, datasets, published, files, baseline))


def _baseline(config: TaskConfig, metric: str) -> float:
    """The config's score of the metric that counts; Titanic's begins with a capital there."""
    for scores in config.baseline_scores[:1]:
        for name, score in scores.items():
            if name.lower() == metric.lower():
                return score
    raise ConfigFault(f"baseline_scores has no {metric!r}")


def _missing_data(root: Path, datasets: Iterable[DatasetConfig]) -> dict[str, str]:
    missing: dict[str, str] = {}
    for dataset in datasets:
        if not dataset.is_local:
            missing["network"] = (
                f"the data set {dataset.data_path} is on the Hugging Face Hub; sandboxes have no network"
            )
            continue
        try:
            found = any(file.is_file() for file in within(root, dataset.data_path).rglob("*"))
        except ConfigFault as fault:
            if "leads out" in str(fault):
                raise
            found = False
        if not found:
            helpers = Path(dataset.data_path).parent / "_helpers"
            scripts = sorted(script.name for script in (root / helpers).glob("*.py"))
            how = f"; {', '.join(scripts)} in {helpers} makes it" if scripts else ", and MLGym does not carry it"
            missing["data"] = f"{dataset.data_path} is not in the checkout{how}"
    return missing


def _missing_software(config: TaskConfig, files: dict[str, Path]) -> dict[str, str]:
    """Packages that the sandbox's Python does not have, and devices that no sandbox has."""
    local = {part.removesuffix(".py") for path in files for part in path.split("/")} | {"__main__"}
    imported: set[str] = set()
    text = ""
    for path, file in files.items():
        if path.endswith(".py"):
            source = file.read_text(encoding="utf-8", errors="replace")
            imported |= _imports(source)
            text += source if path in (config.evaluator, *config.baseline_paths[:1]) else ""
    absent = sorted(
        name
        for name in imported - local - sys.stdlib_module_names
        if _normal(_CALLED.get(name, name)) not in _packages("standard")
    )
    missing = {"packages": f"the sandbox's Python has no {', '.join(absent)}"} if absent else {}
    if _WANTS_GPU.search(text):
        missing["gpu"] = "its scripts run on CUDA only"
    if config.task_entrypoint == "LMSubmissionTasks" and "torch" in absent:
        missing["torchrun"] = "MLGym starts its scripts with it; it comes with torch"
    return missing


def _imports(source: str) -> set[str]:
    """Top-level names of all that a script imports; none of one that is no Python."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return set()
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.split(".")[0] for name in names}


@functools.cache
def _packages(profile: str) -> frozenset[str]:
    """What a profile of the sandbox's Python has, by normalised name."""
    lines = (line.partition("#")[0].partition("==")[0].strip() for line in lock_file(profile).read_text().splitlines())
    return frozenset(_normal(line) for line in lines if line)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
