"""What a run remembers: one SQLite row for every attempt at every stage, so that nothing is paid for twice.

A run that is killed and started again finds the results of finished steps here and goes on behind them. Only the
driver writes, and only one driver at a time: the lock is the operating system's and ends with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import sqlite3
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlgym_synth.errors import MlgymSynthError

FOLDER, FILE = ".synthesis", "ledger.sqlite"
"""Below the folder that tasks go into; not part of what was made."""

_TABLES = """
CREATE TABLE IF NOT EXISTS run (setting TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS steps (
    candidate INTEGER, stage TEXT, attempt INTEGER, passed INTEGER, reason TEXT, result TEXT, seconds REAL,
    input_tokens INTEGER, output_tokens INTEGER, cost_usd REAL, prompt_sha256 TEXT, at REAL,
    PRIMARY KEY (candidate, stage, attempt)
);
CREATE TABLE IF NOT EXISTS candidates (
    number INTEGER PRIMARY KEY, task_id TEXT, family TEXT, title TEXT, dataset TEXT, stage TEXT, reason TEXT
);
"""


class LedgerInUse(MlgymSynthError):
    """Another run is writing to this ledger."""


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt at one stage.

    Attributes:
        candidate: number of the task in the making, from 0.
        stage: `proposal`, `grounding`, `writing`, `debugging` or `execution`.
        attempt: from 0.
        passed: whether the stage gave what the next one needs.
        reason: why it did not.
        result: JSON text that the next stage reads.
        seconds: that it took, waiting for a model included.
        input_tokens, output_tokens, cost_usd, prompt_sha256: of the model's calls, if there were any.
    """

    candidate: int
    stage: str
    attempt: int
    passed: bool
    reason: str = ""
    result: str = "null"
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    prompt_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a candidate: a task, or the stage where it ended (`gate 5` ...) and why."""

    number: int
    task_id: str | None
    family: str
    title: str
    dataset: str
    stage: str
    reason: str


class Ledger:
    """The ledger of one run.

    Every set of settings has a ledger of its own below `out`, so that several runs (another seed, another author) can
    add to one collection, and each goes on where it was.

    Args:
        out: the folder that tasks go into.
        settings: JSON-able; everything that decides which tasks come out.

    Raises:
        LedgerInUse: another process writes to this collection.
    """

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        root = out / FOLDER
        text = json.dumps(settings, sort_keys=True)
        self.folder = root / hashlib.sha256(text.encode()).hexdigest()[:12]
        root.mkdir(parents=True, exist_ok=True)
        self._lock = (root / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise LedgerInUse(f"{out}: another run is writing here. Wait for it, or give another --out.") from None
        self.folder.mkdir(exist_ok=True)
        self._base = sqlite3.connect(self.folder / FILE)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.executescript(f"BEGIN; {_TABLES} COMMIT;")  # readers see all tables, or none
        with self._base:
            self._base.executemany(
                "INSERT OR REPLACE INTO run VALUES (?, ?)", [(k, json.dumps(v)) for k, v in settings.items()]
            )

    def step(self, candidate: int, stage: str, attempt: int) -> Step | None:
        """The attempt, if it was finished before."""
        row = self._base.execute(
            f"SELECT {_STEP} FROM steps WHERE candidate = ? AND stage = ? AND attempt = ?", (candidate, stage, attempt)
        ).fetchone()
        return None if row is None else _step(row)

    def add(self, step: Step) -> None:
        """Keep a finished attempt."""
        with self._base:
            self._base.execute(
                f"INSERT OR REPLACE INTO steps ({_STEP}, at) VALUES ({'?, ' * len(fields(Step))}?)",
                (*astuple(step), time.time()),
            )

    def settle(self, settled: Settled) -> None:
        """Keep what became of a candidate."""
        with self._base:
            self._base.execute("INSERT OR REPLACE INTO candidates VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(settled))

    def settled(self) -> list[Settled]:
        """All candidates whose fate is known, in order."""
        return [Settled(*row) for row in self._base.execute("SELECT * FROM candidates ORDER BY number")]

    def spent_usd(self) -> float:
        """What the model has cost so far."""
        return float(self._base.execute("SELECT coalesce(sum(cost_usd), 0) FROM steps").fetchone()[0])

    def close(self) -> None:
        """Give it free for another run."""
        self._base.close()
        with contextlib.suppress(OSError):
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Account:
    """A ledger as it is read, by reports; works while a run is writing.

    Attributes:
        settings: what the run was begun with.
        candidates: all whose fate is known, in order.
        steps: all attempts, in order.
    """

    settings: dict[str, Any]
    candidates: list[Settled]
    steps: list[Step]


def accounts(out: Path) -> list[Account]:
    """The ledgers of every run below a collection."""
    made = []
    for file in sorted((out / FOLDER).glob(f"*/{FILE}")):
        with contextlib.closing(sqlite3.connect(file)) as base:
            if not base.execute("SELECT 1 FROM sqlite_master").fetchall():
                continue  # a run that begins this moment
            settings = {name: json.loads(value) for name, value in base.execute("SELECT setting, value FROM run")}
            settled = [Settled(*row) for row in base.execute("SELECT * FROM candidates ORDER BY number")]
            rows = base.execute(f"SELECT {_STEP} FROM steps ORDER BY candidate, attempt, at").fetchall()
        made.append(Account(settings, settled, [_step(row) for row in rows]))
    return made


_STEP = ", ".join(field.name for field in fields(Step))


def _step(row: tuple[Any, ...]) -> Step:
    values = list(row)
    values[3] = bool(values[3])
    return Step(*values)
