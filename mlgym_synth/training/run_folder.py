"""The folder that a training writes: what run it is of, which checkpoints in it are whole, its loss curve.

OUT/training.json        what is trained on what; another run refuses to go on here
OUT/.training.json.lock  held by the process that trains here
OUT/checkpoint-N/        everything that is needed to go on after step N, `whole.json` written last; `seconds.json`,
                         if there, says how long it took to get there
OUT/loss.jsonl           a line every `log_steps` steps
OUT/                     the model, tokenizer and README.md in the end
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlgym_synth.training.errors import OutUnusable
from mlgym_synth.whole_file import write_whole

RUN = "training.json"
LOSSES = "loss.jsonl"
_LOCK = f".{RUN}.lock"
_WHOLE = "whole.json"
_SECONDS = "seconds.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`OUT` of one training.

    Attributes:
        path: the folder; it need not be there.
        identity: all that decides what is trained, as JSON.
        journals: per-step log files; lines after the resumed checkpoint are removed.
    """

    path: Path
    identity: dict[str, Any]
    journals: tuple[str, ...] = (LOSSES,)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """For as long as a training writes here. A folder that is still empty then is removed.

        Raises:
            OutUnusable: another process trains here.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutUnusable(
                    f"--out {self.path}: another training is writing here. Wait for it, or give another folder."
                ) from None
            try:
                yield
            finally:
                (self.path / _LOCK).unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self.path.rmdir()

    def state(self) -> Literal["new", "begun", "done"]:
        """Whether a training of this identity was here before; one that left no checkpoint counts for nothing.

        Raises:
            OutUnusable: the folder holds something else, or a run that differs; the message says in what.
        """
        if self.path.exists() and not self.path.is_dir():
            raise OutUnusable(f"--out {self.path}: is a file. Give a folder.")
        known = read_run(self.path)
        if known is None:
            if self.path.exists() and any(not file.name.startswith(f".{RUN}") for file in self.path.iterdir()):
                raise OutUnusable(f"--out {self.path}: is not empty, and not a training. Give a new folder.")
            return "new"
        if changed := list(_differences(known.get("identity", {}), self.identity)):
            if not known.get("done") and self.newest_checkpoint() is None:
                return "new"
            raise OutUnusable(
                f"--out {self.path}: holds a training with other settings: {'; '.join(changed)}. Give a new folder, or"
                " train with what it was begun with."
            )
        return "done" if known.get("done") else "begun"

    def begin(self, about: Mapping[str, Any]) -> None:
        """Claim the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._write({"identity": self.identity, **about, "done": False})

    def finish(self, results: Mapping[str, Any]) -> None:
        """Note that the model is there."""
        self._write({**(read_run(self.path) or {}), "results": dict(results), "done": True})

    def discard_partial_checkpoints(self) -> None:
        """Remove checkpoints that a killed process left half written, and log lines after the newest whole one.

        Of several processes only the first calls this.
        """
        newest = self.newest_checkpoint()
        for folder in self._checkpoints():
            if folder == newest:
                break
            shutil.rmtree(folder)
        self._forget_after(0 if newest is None else step_of(newest))

    def newest_checkpoint(self) -> Path | None:
        """The newest whole checkpoint; nothing is changed."""
        return next((folder for folder in self._checkpoints() if is_whole(folder)), None)

    def losses(self) -> list[dict[str, Any]]:
        """The curve so far: `step`, `loss`, `learning_rate`, `grad_norm`, `epoch`."""
        return list(_lines(self.path / LOSSES))

    def _checkpoints(self) -> list[Path]:
        return sorted(self.path.glob("checkpoint-*"), key=step_of, reverse=True)

    def _forget_after(self, step: int) -> None:
        for journal in self.journals:
            kept = [line for line in _lines(self.path / journal) if line["step"] <= step]
            if (self.path / journal).exists():
                write_whole(self.path / journal, "".join(json.dumps(line) + "\n" for line in kept))

    def _write(self, run: Mapping[str, Any]) -> None:
        write_whole(self.path / RUN, json.dumps(run, indent=2) + "\n")


def refuse_foreign_folder(out: Path) -> None:
    """Refuse a folder that holds something other than a training.

    Raises:
        OutUnusable: it does.
    """
    if read_run(out) is None:
        RunFolder(out, {}).state()


def read_run(folder: Path) -> dict[str, Any] | None:
    """What `training.json` says; None if there is none.

    Raises:
        OutUnusable: it is not what a training wrote.
    """
    try:
        run = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise OutUnusable(f"{folder / RUN}: cannot be read: {error}") from error
    if not isinstance(run, dict):
        raise OutUnusable(f"{folder / RUN}: is not what a training wrote")
    return run


def remembered_revision(folder: Path, asked: str) -> str | None:
    """The revision of the Hub's model that a training here was begun with; None if there is none."""
    identity = (read_run(folder) or {}).get("identity")
    model = identity.get("model") if isinstance(identity, dict) else None
    revision = model.get("revision") if isinstance(model, dict) and model.get("hub") == asked else None
    return revision if isinstance(revision, str) else None


def mark_whole(checkpoint: Path, seconds: float | None = None) -> None:
    """Note the sizes of all files of a checkpoint that was written to the end, and how long it took to get there."""
    sizes = {}
    if seconds is not None:
        write_whole(checkpoint / _SECONDS, json.dumps(round(seconds, 3)))
    for file in sorted(checkpoint.rglob("*")):
        if file.is_file() and file.name != _WHOLE:
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
            sizes[str(file.relative_to(checkpoint))] = file.stat().st_size
    write_whole(checkpoint / _WHOLE, json.dumps(sizes))


def seconds_until(checkpoint: Path) -> float:
    """How long it took to get there, resumptions included; 0 if that was not kept."""
    try:
        return float(json.loads((checkpoint / _SECONDS).read_text()))
    except (OSError, ValueError, TypeError):
        return 0.0


def is_whole(checkpoint: Path) -> bool:
    """Whether all files of a checkpoint are there at their full length."""
    try:
        sizes = json.loads((checkpoint / _WHOLE).read_text())
        return bool(sizes) and all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def step_of(checkpoint: Path) -> int:
    """The step after which it was written."""
    digits = checkpoint.name.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            told = json.loads(line)
        except ValueError:  # the last one of a process that was killed while it wrote
            continue
        if isinstance(told, dict) and isinstance(told.get("step"), int):
            yield told


def _differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield f"{path} was {_short(old)} and is {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:50] + "..."
