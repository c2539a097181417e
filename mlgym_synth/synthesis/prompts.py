"""The texts that a model is asked with: files of `prompts/`, filled in; their hash is part of a task's provenance."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mlgym_synth.llm.prompts import Prompts

_PROMPTS = Prompts(Path(__file__).with_name("prompts"))
filled = _PROMPTS.filled


@cache
def prompts_sha256() -> str:
    """Of all prompts: what was asked of a model that wrote a task."""
    return _PROMPTS.sha256()
