"""All templates, and the order in which a run takes up their ideas."""

from __future__ import annotations

import hashlib
import importlib
import random
from functools import cache

from mlgym_synth.synthesis.templates.base import Idea, Template

SHARES = {
    "tabular-regression": 20, "tabular-classification": 11, "few-labels": 10, "calibration": 10, "imputation": 9,
    "combinatorial-optimisation": 10, "game-strategy": 5, "symbolic-regression": 5, "reinforcement-learning": 4,
    "anomaly-detection": 7, "clustering": 5, "time-series-forecasting": 6, "ranking": 4, "language-modelling": 3,
    "image-classification": 2, "text-classification": 2, "time-series-classification": 2, "recommendation": 2,
}  # fmt: skip
"""How often each family is drawn while it has ideas left; those that fail the gates more often are drawn more."""


MODULES = (
    "tabular.supervised", "tabular.ranges", "tabular.gaps", "tabular.unlabelled",
    "series_classes", "images", "texts_classes", "ratings", "language", "optimisation", "formulas",
)  # fmt: skip


@cache
def all_templates() -> dict[str, Template]:
    """Every template by name; the modules are imported here, since some read a catalogue."""
    modules = (importlib.import_module(f"{__name__}.{name}") for name in MODULES)
    return {template.name: template for module in modules for template in module.TEMPLATES}


def plan(seed: int, families: tuple[str, ...] = ()) -> list[Idea]:
    """Every idea there is, in the order a run with this seed takes them up.

    Families are drawn by their shares. Within one, ideas on data sets that were taken up least often come first, so
    that a run of any length covers as many data sets as it can.

    Args:
        seed: of the order.
        families: only these; all if empty.
    """
    rng = random.Random(seed)
    left: dict[str, list[Idea]] = {}
    for template in all_templates().values():
        for idea in template.ideas():
            if not families or idea.family in families:
                left.setdefault(idea.family, []).append(idea)
    for ideas in left.values():
        rng.shuffle(ideas)
        ideas.reverse()
    used: dict[str, int] = {}
    made: list[Idea] = []
    while left:
        family = rng.choices(list(left), [SHARES[name] for name in left])[0]
        ideas = left[family]
        least = min(range(len(ideas)), key=lambda at: (used.get(ideas[at].dataset, 0), at))
        idea = ideas.pop(least)
        used[idea.dataset] = used.get(idea.dataset, 0) + 1
        made.append(idea)
        if not ideas:
            del left[family]
    return made


def fingerprint(families: tuple[str, ...] = ()) -> str:
    """Changes whenever the plan of these families (all if empty), or what is written from it, may have changed."""
    shares = {family: share for family, share in SHARES.items() if not families or family in families}
    named = [
        (name, template.version, keys)
        for name, template in all_templates().items()
        if (keys := [idea.key for idea in template.ideas() if idea.family in shares])
    ]
    return hashlib.sha256(repr((named, shares)).encode()).hexdigest()[:16]
