"""Prepared data as other rooms see it: a public half that goes into sandboxes, a sealed half that never does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as CSV text without line ends, so that a reset only permutes and joins.

    Attributes:
        columns: names, in order.
        lines: n strings, each one CSV record without `id`.
        array: None, or an array of shape [n, ...] aligned with `lines`.
    """

    columns: tuple[str, ...]
    lines: tuple[str, ...]
    array: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Public:
    """What an agent may see. `tables` maps a stem (`train`, `unlabelled`, `test`) to its rows; only `test` gets ids."""

    tables: dict[str, Table] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What no sandbox ever holds.

    Attributes:
        truth: predictions: shape [n], the target of each row of `tables["test"]`, floats or strings.
        is_test: shape [n], bool: True for the test half, False for the validation half.
        groups: ranking and group splits: shape [n], integers, equal for rows of one query or group; else None.
        instances: programs: {"validation": [...], "test": [...]}, JSON-able hidden instances.
        center, scale: cells: shape [n], mean and standard deviation of the public part of each row's column; the
            metric is computed on (x - center) / scale of truth and prediction. Else None.
    """

    truth: NDArray[Any] | None = None
    is_test: NDArray[np.bool_] | None = None
    groups: NDArray[Any] | None = None
    instances: dict[str, list[Any]] | None = None
    center: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Both halves, and the sha256 of their canonical text."""

    public: Public
    sealed: Sealed
    sha256: str


@dataclass(frozen=True, slots=True)
class EpisodeData:
    """Prepared data as one episode shows it.

    Attributes:
        files: workspace path -> content, the public data and the sample submission, ids and row order drawn anew.
        ids: predictions: shape [n], the id in `test.csv` of row i of the sealed arrays; None for programs.
    """

    files: dict[str, bytes]
    ids: NDArray[np.int64] | None
