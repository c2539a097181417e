"""What stops a training before it starts: each message says what is wrong, where, and what to do.

TrainingRefused
├── ExtraMissing      the packages that train are not installed
├── RecipeInvalid     a recipe that cannot be read, or an unknown or impossible setting (key, fix)
├── DataInvalid       an export that cannot be trained on (file, line, what is wrong)
├── TemplateUnusable  a chat template that cannot tell what the assistant said, or that drops the tools
├── ModelUnusable     no such model or tokenizer, or not whole
└── OutUnusable       an output folder that holds something else, or a run with other settings
TrainingDiverged      one that has begun, and whose loss is no number any more
"""

from __future__ import annotations

from mlgym_synth.errors import MlgymSynthError


class TrainingRefused(MlgymSynthError):
    """A training that cannot start as asked. Nothing was trained."""


class ExtraMissing(TrainingRefused):
    """The packages of the extra `train` are not installed."""


class RecipeInvalid(TrainingRefused):
    """A recipe that is not there, cannot be read, or sets what cannot be set."""


class DataInvalid(TrainingRefused):
    """An export that is not there, is corrupt, or is not one of `mlgym-synth export --format trl`."""


class TemplateUnusable(TrainingRefused):
    """A chat template that renders these conversations wrongly, or not at all."""


class ModelUnusable(TrainingRefused):
    """A model or tokenizer that is not there or not whole."""


class TrainingDiverged(MlgymSynthError):
    """The loss is no number any more."""


class OutUnusable(TrainingRefused):
    """The output folder holds something else, or a run with other settings or data."""
