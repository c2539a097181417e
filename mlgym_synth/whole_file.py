"""Text files that are there whole or not at all, whatever ends the process that writes them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(file: Path, text: str, *, durable: bool = True) -> None:
    """Write `text` to `file` in one go; until it is all there, what was there before stays.

    The folder is made if missing. Of several processes that write at once, one's text is kept.

    Args:
        file: to be written.
        text: all of it.
        durable: wait until the disk has it, so that a crash of the machine leaves one of the two as well.

    Raises:
        OSError: it could not be written. Nothing has changed then, and nothing is left behind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        with scratch.open("w", encoding="utf-8") as opened:
            opened.write(text)
            if durable:
                opened.flush()
                os.fsync(opened.fileno())
        scratch.replace(file)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
