"""The plan of a run with templates: every idea once, in an order that the seed decides, named by a fingerprint."""

from __future__ import annotations

from collections import Counter

import pytest

from mlgym_synth.synthesis import templates
from mlgym_synth.synthesis.templates import all_templates, fingerprint, plan
from mlgym_synth.task import FAMILIES


def test_a_plan_holds_every_idea_once_in_an_order_of_its_seed() -> None:
    first, again, other = plan(1), plan(1), plan(2)
    assert first == again
    assert first != other
    assert Counter(first) == Counter(other)
    assert max(Counter((idea.template, idea.key) for idea in first).values()) == 1
    assert {idea.family for idea in first} <= set(FAMILIES)


def test_a_plan_of_one_family_takes_up_each_data_set_before_it_returns_to_one() -> None:
    ideas = plan(3, ("ranking",))
    assert {idea.family for idea in ideas} == {"ranking"}
    distinct = len({idea.dataset for idea in ideas})
    assert len({idea.dataset for idea in ideas[:distinct]}) == distinct


def test_a_template_of_another_family_leaves_a_runs_ledger_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before, of_all = fingerprint(("ranking",)), fingerprint()
    known = all_templates()
    ranking = {idea.template for idea in plan(0, ("ranking",))}
    fewer = {name: template for name, template in known.items() if name in ranking}
    assert len(fewer) < len(known)
    monkeypatch.setattr(templates, "all_templates", lambda: fewer)
    assert fingerprint(("ranking",)) == before
    assert fingerprint() != of_all
    monkeypatch.setattr(templates, "all_templates", lambda: {})
    assert fingerprint(("ranking",)) != before
