"""Students: supervised fine-tuning on exported trajectories, GRPO on the tasks themselves, and serving.

The command line calls `sft.train`, `grpo.train_grpo`, `dry_run.dry_run` and `serve.serve`. Everything heavy is
imported where it is used: importing this package needs nothing but the core.
"""

from __future__ import annotations

from importlib.util import find_spec

from mlgym_synth.training.errors import ExtraMissing, TrainingRefused

__all__ = ["TrainingRefused", "require_extra"]

_PACKAGES = ("accelerate", "datasets", "gguf", "peft", "torch", "transformers", "trl")


def require_extra(packages: tuple[str, ...] = _PACKAGES) -> None:
    """Say what to install if one of these packages is missing; none of them is imported.

    Raises:
        ExtraMissing: with the command that installs them.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ExtraMissing(f"training needs {', '.join(missing)}: pip install 'mlgym-synth[train]'")
