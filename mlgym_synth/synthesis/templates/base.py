"""What a template is: a family of ideas that it can write as tasks, with no model, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mlgym_synth.synthesis.draft import Draft


@dataclass(frozen=True, slots=True)
class Idea:
    """One task that a template could write.

    Attributes:
        template: name of the template.
        family: one of `task.FAMILIES`.
        topic: the field it is from, a few words, as `task.yaml` has it.
        key: unique in the template and readable, e.g. `AER/CASchools math`; all that `write` needs besides the seed.
        dataset: the data it is about (equal for ideas on the same data), so that a plan spreads over data sets.
    """

    template: str
    family: str
    topic: str
    key: str
    dataset: str


@dataclass(frozen=True, slots=True)
class Template:
    """One way to write tasks.

    Attributes:
        name, version: go into the provenance; the version rises when what is written changes.
        ideas: all it could write, the best first; cheap, loads no data.
        write: (idea, seed) -> the draft; depends on nothing else. Raises `Unsuitable` when the data cannot carry it.
    """

    name: str
    version: int
    ideas: Callable[[], Iterable[Idea]]
    write: Callable[[Idea, int], Draft]

    @property
    def author(self) -> str:
        """As `provenance.author` has it."""
        return f"template:{self.name}@{self.version}"
