"""Combinatorial optimisation: one template for each text file in `texts/optimisation/`.

A file holds what the kinds of one problem share (statement, baseline, reference, as `string.Template`s) and a list of
`variants`. Whatever a variant says itself goes before what the file says. Placeholders are filled from the `texts` of
file and variant and from the variant's plain parameters.
"""

from __future__ import annotations

import datetime as dt
import textwrap
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from string import Template as Text
from typing import Any

import yaml

from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.templates.base import Idea, Template
from mlgym_synth.task import InstanceData, Metric, ProgramSubmission, Provenance, Source, TaskSpec

_TEXTS = Path(__file__).with_name("texts") / "optimisation"
_WIDTH = 120
FAMILY = "combinatorial-optimisation"
SCRIPT = """from pathlib import Path

PROGRAM = '''{program}'''

Path({file!r}).write_text(PROGRAM)
"""


def wrapped(text: str) -> str:
    """Paragraphs (and headings) filled to the line length of statements."""
    parts = text.strip().split("\n\n")
    return "\n\n".join(_filled(part) for part in parts) + "\n"


def _filled(part: str) -> str:
    head, _, rest = part.partition("\n") if part.startswith("#") else ("", "", part)
    body = textwrap.fill(" ".join(rest.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{head}\n{body}" if head else body


def script(program: str, file: str) -> str:
    """A script that writes the program, as the baselines and references of program tasks are."""
    return SCRIPT.format(program=program.replace("\\", "\\\\"), file=file)


def seed_of(key: str, seed: int) -> int:
    """A seed for the instances of one idea."""
    return zlib.crc32(f"{key} {seed}".encode())


@cache
def _kind(name: str) -> dict[str, Any]:
    fields: dict[str, Any] = yaml.safe_load((_TEXTS / f"{name}.yaml").read_text(encoding="utf-8"))
    return fields


def _variant(name: str, key: str) -> dict[str, Any]:
    """What a variant says, before what its file says."""
    shared = _kind(name)
    own = next(variant for variant in shared["variants"] if variant["key"] == key)
    merged = {**shared, **own}
    for part in ("parameters", "texts"):
        merged[part] = {**shared.get(part, {}), **own.get(part, {})}
    return merged


def _ideas(name: str) -> Callable[[], Iterable[Idea]]:
    def ideas() -> Iterable[Idea]:
        for variant in _kind(name)["variants"]:
            fields = _variant(name, variant["key"])
            data = fields["source"]["item"] if "source" in fields else f"{fields['referee']}: {variant['key']}"
            yield Idea(name, FAMILY, fields["topic"], variant["key"], data)

    return ideas


def _writer(name: str, version: int) -> Callable[[Idea, int], Draft]:
    def write(idea: Idea, seed: int) -> Draft:
        fields = _variant(name, idea.key)
        plain = {k: v for k, v in fields["parameters"].items() if isinstance(v, str | int | float)}
        words = {k: str(v).rstrip("\n") for k, v in {**plain, **fields["texts"], "title": fields["title"]}.items()}

        def filled(part: str) -> str:
            return Text(Text(fields[part]).substitute(words)).substitute(words)

        spec = TaskSpec(
            id="draft",
            title=fields["title"],
            family=FAMILY,
            topic=fields["topic"],
            created=dt.date(2026, 11, 24),
            data=InstanceData(
                referee=fields["referee"],
                parameters=fields["parameters"],
                source=Source(**fields["source"]) if "source" in fields else None,
                seed=seed_of(f"{name} {idea.key}", seed),
                shown=5,
                validation=fields.get("instances", 24),
                test=fields.get("instances", 24),
            ),
            submission=ProgramSubmission(
                file=fields["file"],
                function=fields["signature"].partition("(")[0],
                signature=fields["signature"],
                call_s=fields.get("call_s", 1.0),
            ),
            metric=Metric(name=fields["metric"], direction=fields["direction"], optimum=fields["optimum"]),
            licence=fields.get("licence", "Apache-2.0 (generated)"),
            citation=fields["citation"],
            provenance=Provenance(author=f"template:{name}@{version}", seed=seed),
        )
        return Draft(
            spec,
            wrapped(filled("statement")),
            {"baseline.py": script(filled("baseline"), fields["file"])},
            {"solution.py": script(filled("solution"), fields["file"])},
        )

    return write


def _template(name: str, version: int = 1) -> Template:
    return Template(name, version, _ideas(name), _writer(name, version))


KINDS = tuple(sorted(file.stem for file in _TEXTS.glob("*.yaml")))
TEMPLATES: tuple[Template, ...] = tuple(_template(name) for name in KINDS)
