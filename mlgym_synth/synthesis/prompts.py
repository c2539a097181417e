"""The texts that a model is asked with: files of `prompts/`, filled in; their hash is part of a task's provenance."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).with_name("prompts")


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.md").read_text(encoding="utf-8")


def filled(name: str, **values: object) -> str:
    """The prompt of that name.

    Raises:
        KeyError: a placeholder that was given no value.
    """
    return Template(_text(name)).substitute({key: str(value) for key, value in values.items()})


@cache
def prompts_sha256() -> str:
    """Of all prompts: what was asked of a model that wrote a task."""
    digest = hashlib.sha256()
    for file in sorted(_FOLDER.glob("*.md")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
