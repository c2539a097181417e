"""Text files that are there whole or not at all, whatever ends the process that writes them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write `text` to `file` in one go; until it is all on the disk, what was there before stays.

    The folder is made if missing. Of several processes that write at once, one's text is kept.

    Raises:
        OSError: it could not be written. Nothing has changed then, and nothing is left behind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        with scratch.open("w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        scratch.replace(file)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
