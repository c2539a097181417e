"""Where a run keeps its trajectories: a SQLite ledger, and Parquet shards that any reader takes as they are.

A trajectory goes into the ledger in one transaction, so it is whole or absent, and its task and index are a key, so it
is there once. Full batches are sealed: written as a shard beside the ledger (first under another name), then marked in
one transaction; a crash in between leaves a file that the ledger does not know, and the next writer removes it.
Episodes that something else than the agent cut short stay in the ledger until they are played again, and are in no
shard. One process writes; any number may read meanwhile.

    DIR/ledger.sqlite
    DIR/trajectories/shard-00001.parquet ...     pandas.read_parquet("DIR/trajectories")
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.trajectories.model import Trajectory
from mlgym_synth.trajectories.rows import from_row, schema, to_row

LEDGER, SHARDS = "ledger.sqlite", "trajectories"
SHARD_EPISODES = 256
SHARD_BYTES = 64 << 20
"""A shard is sealed at so many trajectories, or so many bytes of JSON."""
_SHARD_FILE = re.compile(r"shard-\d+\.(parquet|tmp)")
_CODE = "agent_code"
_RETIRED = {"tasks", "episodes_per_task"}
"""Settings stored by earlier versions that no longer decide whether a run can be resumed."""

_TABLES = """
CREATE TABLE IF NOT EXISTS run (setting TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS episodes (
    task_id TEXT, number INTEGER, status TEXT, void INTEGER, family TEXT, split TEXT, agent TEXT, seed INTEGER,
    steps INTEGER, total_reward REAL, progress REAL, tokens INTEGER, cost_usd REAL, seconds REAL, error TEXT,
    bytes INTEGER, payload BLOB, shard TEXT, at REAL, task_sha256 TEXT,
    PRIMARY KEY (task_id, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unsealed ON episodes (void, at) WHERE shard IS NULL;
"""


class StoreInUse(MlgymSynthError):
    """Another process writes to this folder."""


class StoreInvalid(MlgymSynthError):
    """A folder that is no store, or one that was begun with other settings."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A trajectory in the ledger, without its steps; costs no look into the shards.

    `tokens` and `cost_usd` are of all attempts, those included that an earlier call of `rollout` had cut short;
    `Trajectory.usage` is of the last.
    `task_sha256` is empty where an earlier version kept it.
    """

    task_id: str
    index: int
    status: str
    void: bool
    family: str
    split: str
    agent: str
    seed: int
    steps: int
    total_reward: float
    progress: float | None
    tokens: int
    cost_usd: float
    seconds: float
    error: str | None
    task_sha256: str


_FIELDS = tuple(field.name for field in fields(Summary))
_SUMMARY = ", ".join(_FIELDS).replace("index", "number")


class TrajectoryStore:
    """The writing side of a run's folder.

    Args:
        folder: made if missing.
        settings: JSON-able; everything that decides what the run consists of. A folder goes on only with what it
            began with.

    Raises:
        StoreInUse: another process writes to it.
        StoreInvalid: it began with other settings (all that differ are named), or holds something else.
    """

    def __init__(self, folder: Path | str, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = folder = Path(folder)
        if folder.is_dir() and not (folder / LEDGER).exists() and any(map(_foreign, folder.iterdir())):
            raise StoreInvalid(f"{folder}: holds files, but no {LEDGER}. Give a new folder, or one of a rollout.")
        if not (folder / LEDGER).exists() and any(map(_is_shard, (folder / SHARDS).glob("*"))):
            raise StoreInvalid(
                f"{folder}: holds shards of an earlier run, but not its {LEDGER}. Put that back, or give a new folder."
            )
        (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise StoreInUse(f"{folder}: another run is writing here. Wait for it, or give another --out.") from None
        if not (folder / LEDGER).exists():
            _create(folder / LEDGER)
        # Whichever thread of an engine finished an episode hands it in; `put` is called by one at a time.
        self._base = sqlite3.connect(folder / LEDGER, check_same_thread=False)
        try:
            self._begin(dict(settings or {}))
            self._migrate()
            self._remove_unknown_shards()
        except BaseException as error:
            self._base.close()
            self._lock.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise StoreInvalid(f"{folder / LEDGER}: {error}. Give another folder.") from error
            raise
        self._waiting = self._unsealed()

    def put(self, trajectory: Trajectory) -> bool:
        """Keep a trajectory; False if its task and index have one already. One cut short is replaced.

        Raises:
            Unstorable: nothing was kept.
        """
        row = to_row(trajectory)
        text = json.dumps(row)
        usage = trajectory.usage
        with self._base:
            done = self._base.execute(
                "INSERT INTO episodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)"
                " ON CONFLICT DO UPDATE SET (status, void, family, split, agent, seed, steps, total_reward, progress,"
                " tokens, cost_usd, seconds, error, bytes, payload, at, task_sha256) = (excluded.status, excluded.void,"
                " excluded.family, excluded.split, excluded.agent, excluded.seed, excluded.steps,"
                " excluded.total_reward, excluded.progress, episodes.tokens + excluded.tokens,"
                " episodes.cost_usd + excluded.cost_usd, excluded.seconds, excluded.error, excluded.bytes,"
                " excluded.payload, excluded.at, excluded.task_sha256) WHERE episodes.void",
                (
                    *(row["task_id"], trajectory.index, row["status"], trajectory.void, row["family"]),
                    *(row["split"], row["agent"], trajectory.seed, len(trajectory.steps)),
                    *(trajectory.total_reward, trajectory.progress, usage.tokens),
                    *(usage.cost_usd, trajectory.seconds, row["error"], len(text)),
                    *(zlib.compress(text.encode(), 1), trajectory.started_at + trajectory.seconds),
                    row["task_sha256"],
                ),
            ).rowcount
        if done and not trajectory.void:
            self._waiting = (self._waiting[0] + 1, self._waiting[1] + len(text))
            if self._waiting[0] >= SHARD_EPISODES or self._waiting[1] >= SHARD_BYTES:
                self.seal()
        return bool(done)

    def done(self) -> set[tuple[str, int]]:
        """Task and index of every episode that need not be played again."""
        return set(self._base.execute("SELECT task_id, number FROM episodes WHERE NOT void"))

    def summaries(self) -> list[Summary]:
        """All that is stored, without steps."""
        return _summaries(self._base)

    def seal(self) -> None:
        """Write what waits in the ledger as a shard."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        waiting = self._base.execute(
            "SELECT task_id, number, payload FROM episodes WHERE shard IS NULL AND NOT void"
            " ORDER BY at, task_id, number"
        ).fetchall()
        for start in range(0, len(waiting), SHARD_EPISODES):
            part = waiting[start : start + SHARD_EPISODES]
            (last,) = self._base.execute("SELECT max(shard) FROM episodes").fetchone()
            name = f"shard-{int(last[6:11]) + 1 if last else 1:05d}.parquet"
            target = self.folder / SHARDS / name
            scratch = target.with_suffix(".tmp")
            rows = [json.loads(zlib.decompress(payload)) for _, _, payload in part]
            pq.write_table(pa.Table.from_pylist(rows, schema()), scratch, compression="zstd", row_group_size=32)
            with scratch.open("rb") as handle:
                os.fsync(handle.fileno())
            scratch.replace(target)
            with self._base:
                self._base.executemany(
                    "UPDATE episodes SET shard = ?, payload = NULL WHERE task_id = ? AND number = ?",
                    [(name, task_id, number) for task_id, number, _ in part],
                )
        self._waiting = (0, 0)

    def close(self) -> None:
        """Seal what waits and let go; a second call does nothing."""
        if not self._lock.closed:
            try:
                self.seal()
            finally:
                self._base.close()
                self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _begin(self, settings: dict[str, Any]) -> None:
        began = _settings(self._base)
        if began:
            names = sorted({*began, *settings} - _RETIRED)
            other = [name for name in names if began.get(name) != json.loads(json.dumps(settings.get(name)))]
            if began.get(_CODE, "") is None:  # earlier versions did not know it of models
                other = [name for name in other if name != _CODE]
            if other and settings:
                told = "; ".join(_difference(name, began.get(name), settings.get(name)) for name in _telling(other))
                raise StoreInvalid(
                    f"{self.folder} began with other settings: {told}. Go on with the same, or give another --out."
                )
        with self._base:
            for name, value in () if began else settings.items():
                self._base.execute("INSERT INTO run VALUES (?, ?)", (name, json.dumps(value)))

    def _migrate(self) -> None:
        if not _has_hashes(self._base):
            with self._base:
                self._base.execute("ALTER TABLE episodes ADD COLUMN task_sha256 TEXT")

    def _unsealed(self) -> tuple[int, int]:
        count, size = self._base.execute(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM episodes WHERE shard IS NULL AND NOT void"
        ).fetchone()
        return int(count), int(size)

    def _remove_unknown_shards(self) -> None:
        known = {name for (name,) in self._base.execute("SELECT DISTINCT shard FROM episodes WHERE shard IS NOT NULL")}
        for file in (self.folder / SHARDS).iterdir():
            if file.name not in known and _is_shard(file):
                file.unlink()
        if missing := sorted(known - {file.name for file in (self.folder / SHARDS).iterdir()}):
            raise StoreInvalid(f"{self.folder / SHARDS}: {missing[0]} is missing. Put it back, or give another folder.")


def read_trajectories(folder: Path | str) -> Iterator[Trajectory]:
    """Every stored trajectory, those cut short included; in the order of the shards, then of the ledger.

    Raises:
        StoreInvalid: no store there, or a shard that is gone or broken.
    """
    with _opened(folder) as base:
        base.execute("BEGIN")  # one view of both: what is sealed meanwhile is seen once
        shards = [
            name for (name,) in base.execute("SELECT DISTINCT shard FROM episodes WHERE shard NOT NULL ORDER BY 1")
        ]
        waiting = base.execute(
            "SELECT payload FROM episodes WHERE shard IS NULL ORDER BY at, task_id, number"
        ).fetchall()
    for name in shards:
        yield from _in_shard(Path(folder, SHARDS, name))
    for (payload,) in waiting:
        yield from_row(json.loads(zlib.decompress(payload)))


def read_trajectory(folder: Path | str, task_id: str, index: int) -> Trajectory | None:
    """One stored trajectory, without a look at the others' shards; None if it is not there.

    Raises:
        StoreInvalid: no store there, or a shard that is gone or broken.
    """
    with _opened(folder) as base:
        found = base.execute(
            "SELECT shard, payload FROM episodes WHERE task_id = ? AND number = ?", (task_id, index)
        ).fetchone()
    if found is None:
        return None
    shard, payload = found
    if shard is None:
        return from_row(json.loads(zlib.decompress(payload)))
    those = (each for each in _in_shard(Path(folder, SHARDS, shard)) if (each.task_id, each.index) == (task_id, index))
    return next(those, None)


def _in_shard(file: Path) -> Iterator[Trajectory]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as shard:
            for batch in shard.iter_batches(batch_size=32):
                yield from map(from_row, batch.to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise StoreInvalid(f"{file}: {error}. Put the file back as it was, or play the run again.") from error


def read_summaries(folder: Path | str) -> list[Summary]:
    """Every stored trajectory without its steps.

    Raises:
        StoreInvalid: no store there.
    """
    with _opened(folder) as base:
        return _summaries(base)


def read_settings(folder: Path | str) -> dict[str, Any]:
    """What a run was begun with.

    Raises:
        StoreInvalid: no store there.
    """
    with _opened(folder) as base:
        return _settings(base)


def _telling(names: list[str]) -> list[str]:
    """If the agent or model changed, a changed code hash adds nothing; do not report it."""
    return [name for name in names if name != _CODE or not {"agent", "model"} & set(names)]


def _difference(name: str, was: Any, now: Any) -> str:
    """What changed in a setting; of a group, such as `model`, only the parts that did."""
    if name == _CODE:
        return "the agent's code is not what it was (the file that its class or script is in)"
    if isinstance(was, dict | None) and isinstance(now, dict | None) and was != now:
        old, new = was or {}, now or {}
        parts = [part for part in sorted({*old, *new}) if old.get(part) != new.get(part)]
        return "; ".join(_difference(f"{name}.{part}", old.get(part), new.get(part)) for part in parts)
    shown = ["not given" if value is None else repr(value) for value in (was, now)]
    return f"{name} was {shown[0]}, is {shown[1]}"


def _foreign(file: Path) -> bool:
    """Whether this file was made by anything but a store that was killed while being created."""
    return file.name not in (SHARDS, "lock") and not file.name.startswith("ledger.new")


def _is_shard(file: Path) -> bool:
    """Whether it was written by `seal`, to its end or not."""
    return _SHARD_FILE.fullmatch(file.name) is not None


def _create(file: Path) -> None:
    """Under another name first, so that readers never see a ledger without its tables."""
    scratch = file.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(scratch)) as base:
        base.execute("PRAGMA journal_mode = WAL")
        base.executescript(_TABLES)
    scratch.replace(file)


@contextlib.contextmanager
def _opened(folder: Path | str) -> Iterator[sqlite3.Connection]:
    folder = Path(folder)
    file = folder / LEDGER
    if not file.is_file():
        raise StoreInvalid(f"{folder}: no {LEDGER} there. Give the DIR of `rollout --out DIR`.")
    mine = os.access(folder, os.W_OK)
    # On a read-only folder SQLite cannot create its shared-memory file; with no writer, `immutable` is safe.
    alone = not mine and not file.with_name(f"{LEDGER}-wal").exists()
    address = f"{file.resolve().as_uri()}{'?immutable=1' if alone else ''}"
    with contextlib.closing(sqlite3.connect(address, timeout=30, uri=True)) as base:
        try:
            yield base
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):  # by a writer that is slow
                raise
            cure = "Give the DIR of `rollout --out DIR`." if mine else "Copy it to where you may write."
            raise StoreInvalid(f"{file}: {error}. {cure}") from error


def _summaries(base: sqlite3.Connection) -> list[Summary]:
    names = _SUMMARY if _has_hashes(base) else _SUMMARY.replace("task_sha256", "NULL")
    rows = base.execute(f"SELECT {names} FROM episodes ORDER BY task_id, number")
    return [
        Summary(**dict(zip(_FIELDS, row, strict=True)) | {"void": bool(row[3]), "task_sha256": row[-1] or ""})
        for row in rows
    ]


def _has_hashes(base: sqlite3.Connection) -> bool:
    """Ledgers of earlier versions have no hashes of tasks; readers take them as they are, the next writer adds them."""
    return any(name == "task_sha256" for _, name, *_ in base.execute("PRAGMA table_info(episodes)"))


def _settings(base: sqlite3.Connection) -> dict[str, Any]:
    return {name: json.loads(value) for name, value in base.execute("SELECT setting, value FROM run")}
