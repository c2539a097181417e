"""MLGym's task and dataset configs, read from a checkout. Nothing is judged here but whether they can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

TASKS, DATASETS = Path("configs/tasks"), Path("configs/datasets")
DEFAULT_TIMEOUT_S = 3600
"""Where a task gives no `training_timeout`."""

Entrypoint = Literal["CSVSubmissionTasks", "ModelSubmissionTasks", "LMSubmissionTasks", "PythonSubmissionTasks"]


class ConfigFault(Exception):
    """A config that cannot be read, or names what is not there; the message says what, without the file's name."""


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DatasetConfig(_Config):
    """`configs/datasets/*.yaml`; `data_path` is below the checkout, or a data set of the Hub where not `is_local`."""

    name: str
    description: str
    data_path: str
    is_local: bool = False


class TaskConfig(_Config):
    """`configs/tasks/*.yaml`. `starter_code` is below the checkout; scripts are relative to the workspace."""

    id: str
    name: str
    description: str
    dataset_configs: tuple[str, ...] = ()
    task_entrypoint: Entrypoint = "CSVSubmissionTasks"
    training_timeout: int | None = Field(None, gt=0)
    starter_code: tuple[str, ...] = ()
    baseline_paths: tuple[str, ...] = ()
    baseline_scores: tuple[dict[str, float], ...] = ()
    evaluation_paths: tuple[str, ...] = Field(min_length=1)
    sample_submission: str | None = None

    @property
    def evaluator(self) -> str:
        """The script that scores; MLGym takes the first."""
        return self.evaluation_paths[0]

    @property
    def timeout_s(self) -> float:
        """Seconds that a training run or an evaluation may take."""
        return float(self.training_timeout or DEFAULT_TIMEOUT_S)


_Model = TypeVar("_Model", bound=_Config)


def task_files(root: Path) -> list[Path]:
    """The task configs of a checkout, by name."""
    return sorted((root / TASKS).glob("*.yaml"))


def config_id(file: Path) -> str:
    """The id that a task config gives, however broken the rest of it.

    Raises:
        ConfigFault: no YAML, or no id.
    """
    name = _fields(file).get("id")
    if not isinstance(name, str) or not name:
        raise ConfigFault("has no `id`, so it is no task config of MLGym")
    return name


def read_task(file: Path) -> TaskConfig:
    """Read a task config.

    Raises:
        ConfigFault: no YAML, or fields that are missing or of the wrong kind.
    """
    return _validated(TaskConfig, _fields(file))


def read_datasets(root: Path, config: TaskConfig) -> tuple[DatasetConfig, ...]:
    """The dataset configs that a task names.

    Raises:
        ConfigFault: one is missing or cannot be read.
    """
    return tuple(_validated(DatasetConfig, _fields(within(root, f"configs/{name}"))) for name in config.dataset_configs)


def within(root: Path, name: str) -> Path:
    """A path that a config names, as one below the checkout.

    Raises:
        ConfigFault: it is not there, or leads out of the checkout.
    """
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ConfigFault(f"{name} leads out of the checkout")
    if not path.exists():
        raise ConfigFault(f"{name} is missing")
    return path


def _fields(file: Path) -> dict[str, Any]:
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFault(f"{file.name} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigFault(f"{file.name} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(fields, dict):
        raise ConfigFault(f"{file.name} holds no fields")
    return fields


def _validated(model: type[_Model], fields: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigFault(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
