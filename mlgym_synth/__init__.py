"""Verified machine-learning research tasks as Gymnasium environments in sandboxes.

Importing this package registers the shipped tasks as `synth/*`; nothing heavier is loaded before an env is made.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlgym_synth import registry
from mlgym_synth.errors import (
    DatasetUnavailable,
    GradingError,
    LLMError,
    MlgymSynthError,
    SandboxDied,
    SandboxUnavailable,
    TaskInvalid,
    TaskNotFound,
)
from mlgym_synth.registry import make, register

if TYPE_CHECKING:
    from mlgym_synth import tools
    from mlgym_synth.vector import make_vec

__version__ = "0.1.0"
__all__ = [
    "DatasetUnavailable",
    "GradingError",
    "LLMError",
    "MlgymSynthError",
    "SandboxDied",
    "SandboxUnavailable",
    "TaskInvalid",
    "TaskNotFound",
    "make",
    "make_vec",
    "register",
    "tools",
]

registry.register_shipped()


def __getattr__(name: str) -> Any:
    """Load on demand what needs pydantic, docker or numpy, so that the import stays cheap."""
    if name == "make_vec":
        return importlib.import_module("mlgym_synth.vector").make_vec
    if name == "tools":
        return importlib.import_module("mlgym_synth.tools")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
