"""Texts that models are asked with: Markdown files of one folder, filled in, known by their hash."""

from __future__ import annotations

import hashlib
from pathlib import Path
from string import Template


class Prompts:
    """The prompts in a folder, read once.

    Args:
        folder: of `.md` files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[str, str] = {}

    def filled(self, name: str, **values: object) -> str:
        """The prompt of that name.

        Raises:
            KeyError: a placeholder that was given no value.
        """
        if name not in self._texts:
            self._texts[name] = (self._folder / f"{name}.md").read_text(encoding="utf-8")
        return Template(self._texts[name]).substitute({key: str(value) for key, value in values.items()})

    def sha256(self) -> str:
        """Of all prompts in the folder."""
        digest = hashlib.sha256()
        for file in sorted(self._folder.glob("*.md")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
        return digest.hexdigest()
