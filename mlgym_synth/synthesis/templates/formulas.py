"""Symbolic regression: one template for each field of science in `texts/formulas/`, one idea for each law in it.

A law has an expression in its inputs and constants. Universal constants are numbers; the others have a range, and each
task draws its own, so that nobody finds them in a book. The baseline is a plain fit; the reference knows the form of
the law, and finds the constants from the noisy measurements.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from string import Template as Text
from typing import Any

import yaml

from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.templates.base import Idea, Template
from mlgym_synth.synthesis.templates.optimisation import seed_of, wrapped
from mlgym_synth.task import InstanceData, Metric, ProgramSubmission, Provenance, TaskSpec

_TEXTS = Path(__file__).with_name("texts") / "formulas"
_WORDING = Path(__file__).with_name("texts") / "formula_wording.yaml"
FAMILY = "symbolic-regression"
FILE, FUNCTION, METRIC = "law.py", "predict", "closeness"
BATCH = 40


@cache
def _laws(field: str) -> dict[str, dict[str, Any]]:
    """The laws of one field by key."""
    laws: list[dict[str, Any]] = yaml.safe_load((_TEXTS / f"{field}.yaml").read_text(encoding="utf-8"))
    return {law["key"]: law for law in laws}


@cache
def _wording() -> dict[str, Any]:
    fields: dict[str, Any] = yaml.safe_load(_WORDING.read_text(encoding="utf-8"))
    return fields


def _drawn(ranges: dict[str, Any], rng: random.Random) -> dict[str, float]:
    """The constants of one task: numbers as they are, others from their range, to three digits."""
    return {
        name: float(f"{rng.uniform(*given):.3g}") if isinstance(given, list) else float(given)
        for name, given in ranges.items()
    }


def _parameters(law: dict[str, Any], seed: int) -> dict[str, Any]:
    """As the referee `formula` takes them."""
    inputs = {
        name: {part: given[part] for part in ("shown", "hidden", "log") if part in given}
        for name, given in law["inputs"].items()
    }
    return {
        "expression": law["expression"],
        "constants": _drawn(law["constants"], random.Random(seed)),
        "inputs": inputs,
        "target": law["target"]["name"],
        "batch": BATCH,
        "rows": law.get("rows", 150),
        "noise": law.get("noise", 0.03),
        "seed": seed,
    }


def _statement(law: dict[str, Any], parameters: dict[str, Any], rng: random.Random) -> str:
    """The setting, the table of inputs, and what is asked, in one of a few wordings."""
    wording, target = _wording(), law["target"]
    words = {
        "about": law["about"].strip(),
        "target": target["name"],
        "meaning": target["is"],
        "rows": parameters["rows"],
        "noise": f"{100 * parameters['noise']:g}",
        "names": ", ".join(law["inputs"]),
        "batch": BATCH,
        "file": FILE,
        "metric": METRIC,
    }
    before, after = (Text(rng.choice(wording[part])).substitute(words) for part in ("before", "after"))
    lines = [f"- `{name}`: {_described(given)}" for name, given in law["inputs"].items()]
    lines.append(f"- `{target['name']}`: {target['is']}" + (f", {target['unit']}" if target["unit"] else ""))
    return f"# {law['title']}\n{wrapped(before)}\n" + "\n".join(lines) + f"\n\n{wrapped(after)}"


def _described(given: dict[str, Any]) -> str:
    unit = f", {given['unit']}" if given["unit"] else ""
    (low, high), (least, most) = given["shown"], given["hidden"]
    beyond = "asked there too" if (low, high) == (least, most) else f"asked also from {least:g} to {most:g}"
    return f"{given['is']}{unit}; measured from {low:g} to {high:g}, {beyond}"


def _reference(law: dict[str, Any]) -> str:
    """Starts the fit in the middle of what is usual for each constant."""
    ranges = law["constants"]
    start = {name: float(f"{sum(given) / 2:.3g}") for name, given in ranges.items() if isinstance(given, list)}
    fixed = {name: given for name, given in ranges.items() if not isinstance(given, list)}
    return Text(_wording()["reference"]).substitute(
        law=law["expression"], inputs=", ".join(law["inputs"]), start=repr(start), fixed=repr(fixed), file=FILE
    )


def _ideas(field: str) -> Callable[[], Iterable[Idea]]:
    def ideas() -> Iterable[Idea]:
        for key, law in _laws(field).items():
            yield Idea(f"formulas-{field}", FAMILY, law["topic"], key, f"formula: {key}")

    return ideas


def _writer(field: str, version: int) -> Callable[[Idea, int], Draft]:
    def write(idea: Idea, seed: int) -> Draft:
        law, own = _laws(field)[idea.key], seed_of(f"formula {idea.key}", seed)
        parameters = _parameters(law, own)
        spec = TaskSpec(
            id="draft",
            title=law["title"],
            family=FAMILY,
            topic=law["topic"],
            created=dt.date(2026, 11, 24),
            data=InstanceData(referee="formula", parameters=parameters, seed=own, validation=20, test=20),
            submission=ProgramSubmission(file=FILE, function=FUNCTION, signature="predict(rows) -> list[float]"),
            metric=Metric(name=METRIC, direction="maximize", optimum=1.0),
            licence="Apache-2.0 (generated)",
            citation=law["citation"],
            provenance=Provenance(author=f"template:formulas-{field}@{version}", seed=seed),
        )
        baseline = _wording()["baselines"][law.get("baseline", "linear")].replace("$file", FILE)
        statement = _statement(law, parameters, random.Random(own + 1))
        return Draft(spec, statement, {"baseline.py": baseline}, {"solution.py": _reference(law)})

    return write


def _template(field: str, version: int = 1) -> Template:
    return Template(f"formulas-{field}", version, _ideas(field), _writer(field, version))


FIELDS = ("physics", "chemistry", "biology", "engineering", "economics")
TEMPLATES: tuple[Template, ...] = tuple(_template(field) for field in FIELDS)
