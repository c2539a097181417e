"""The folder of an experiment with PPO on the menu: one process at a time, the same settings in every call."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def held(out: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    """For as long as an experiment of these settings goes on in a folder, which may be new.

    Args:
        out: the folder.
        settings: what all that is kept there depends on, as JSON knows it. Those of the first call are kept too.

    Raises:
        SystemExit: another process is at it, or what is there was played with other settings; the message says which.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"--out {out}: another process writes here. Wait, or give another folder.") from None
        _agree(out, json.loads(json.dumps(settings)))
        yield


def _agree(out: Path, settings: dict[str, Any]) -> None:
    file = out / "settings.json"
    if not file.exists():
        if (out / "played.jsonl").exists() or any(out.glob("seed-*.pt")):
            raise SystemExit(f"--out {out}: holds episodes, and does not say of which settings. Give another folder.")
        _replace(file, json.dumps(settings, indent=2) + "\n")
    if changed := list(_differences(json.loads(file.read_text()), settings)):
        raise SystemExit(f"--out {out}: was begun with other settings: {'; '.join(changed)}. Give another folder.")


def _differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield f"{path} was {json.dumps(old)} and is {json.dumps(new)}"


class Clock:
    """Minutes spent on an experiment, by earlier calls too; `keep` notes them in its folder."""

    def __init__(self, out: Path) -> None:
        self.file = out / "minutes"
        self.began = time.monotonic() - 60 * (float(self.file.read_text()) if self.file.exists() else 0.0)

    def keep(self) -> float:
        """Note the minutes so far, and say them."""
        minutes = (time.monotonic() - self.began) / 60
        _replace(self.file, f"{minutes:.4f}\n")
        return minutes


def whole_lines(file: Path) -> list[Any]:
    """The JSON lines of a file; one that a killed process left half is skipped, and what comes goes on a fresh one."""
    text, found = file.read_text() if file.exists() else "", []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    if text and not text.endswith("\n"):
        file.write_text(text + "\n")
    return found


def _replace(file: Path, text: str) -> None:
    scratch = file.with_suffix(".new")
    scratch.write_text(text)
    scratch.rename(file)
