"""A dry run needs a tokenizer alone, and counts what would be trained on."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from mlgym_synth import registry
from mlgym_synth.training.batches import packed
from mlgym_synth.training.dry_run import dry_run
from mlgym_synth.training.errors import ModelUnusable, TemplateUnusable, TrainingRefused
from mlgym_synth.training.prepare import prepare
from mlgym_synth.training.recipe import load_recipe, shipped
from tests.training.tiny import SCHEMA, WITHOUT_TOOLS, a_row, a_text_row, a_tokenizer, an_export


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tokenizer")
    a_tokenizer().save_pretrained(str(folder))
    return str(folder)


def lengths(rows: list[dict[str, object]]) -> list[int]:
    tokenizer = a_tokenizer()
    texts = [tokenizer.apply_chat_template(row["messages"], tools=row.get("tools"), tokenize=False) for row in rows]
    return [len(tokenizer(text)["input_ids"]) for text in texts]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_recipe_runs_dry(name: str, tokenizer: str, tmp_path: Path) -> None:
    file = an_export(tmp_path / "sft.jsonl", [a_row(number) for number in range(40)])
    found = dry_run([file], load_recipe(name, tokenizer=tokenizer))
    recipe = load_recipe(name)
    sequences = 1 if recipe.packing else 40  # 40 conversations of about 370 tokens fit into 32K
    assert found.sequences == sequences
    assert found.steps_per_epoch == math.ceil(sequences / ((recipe.processes or 1) * recipe.accumulation))
    assert found.steps == math.ceil(found.steps_per_epoch * recipe.epochs)


def test_it_counts(tokenizer: str, tmp_path: Path) -> None:
    rows = [a_row(), a_row(1, tools=[SCHEMA, SCHEMA]), *(a_text_row(number) for number in range(2, 10))]
    found = dry_run([an_export(tmp_path / "sft.jsonl", rows)], load_recipe(None, tokenizer=tokenizer))
    summary, expected = found.summary(), lengths(rows)
    assert summary["length"] == {
        "min": min(expected),
        "median": round(sorted(expected)[5]),
        "p95": max(expected),
        "max": max(expected),
        "total": sum(expected),
    }
    assert (summary["rows"], summary["kept"], summary["tasks"], summary["overlong"]) == (10, 10, 10, 0)
    trained = [text for example in found.examples for is_trained, text in example if is_trained]
    assert len(found.examples) == 3
    assert 'I try depth 0.<call>bash {"command": "python train.py --depth 0"}</call><|im_end|>' in trained
    assert 0 < summary["trained_tokens"] < summary["tokens"] == sum(expected)


def test_what_is_too_long_is_refused_cut_or_dropped(tokenizer: str, tmp_path: Path) -> None:
    rows = [a_row(), a_row(1, tools=[SCHEMA] * 3), a_row(2)]
    short, long, _ = lengths(rows)
    file = an_export(tmp_path / "sft.jsonl", rows)

    def run(*changed: str) -> dict[str, Any]:
        return dry_run([file], load_recipe(None, changed, tokenizer=tokenizer)).summary()

    refused = run(f"max_length={long - 60}")
    assert run(f"max_length={long - 60}", "overlong=truncate") == {**refused, "notes": []}  # what there is to choose
    (note,) = refused["notes"]
    assert f"refused: 1 of 3 conversations are longer than max_length {long - 60}; the longest has {long} " in note
    assert "sft.jsonl:2). Cut whole steps when exporting (export --truncate" in note
    with pytest.raises(TrainingRefused, match="3 of 3 conversations are longer than max_length 100"):
        run("max_length=100")  # nothing would be left to show
    dropped = run(f"max_length={short}", "overlong=drop")
    assert (dropped["kept"], dropped["cut_tokens"], dropped["tokens"]) == (2, long, 2 * short)
    cut = run(f"max_length={long - 60}", "overlong=truncate")
    assert (cut["kept"], cut["cut_tokens"], cut["tokens"]) == (3, 60, 2 * short + long - 60)
    gone = run(f"max_length={short}", "overlong=truncate")  # the tools fill it, and no word of the assistant is left
    assert (gone["kept"], gone["tokens"]) == (2, 2 * short)
    with pytest.raises(TrainingRefused, match="nothing is left: all 3"):
        run("max_length=100", "overlong=truncate")


def test_heldout_tasks_are_refused(tokenizer: str, tmp_path: Path) -> None:
    file = an_export(tmp_path / "sft.jsonl", [a_row(), a_row(1, split="heldout")])
    (refused,) = dry_run([file], load_recipe(None, tokenizer=tokenizer)).prepared.refusals
    assert refused.startswith("1 conversations are of held-out tasks")
    assert "--split train" in refused
    summary = dry_run([file], load_recipe(None, ["allow_heldout=true"], tokenizer=tokenizer)).summary()
    assert summary["splits"] == {"train": 1, "heldout": 1}


def test_the_registry_knows_best_what_is_held_out(tokenizer: str, tmp_path: Path) -> None:
    """Tasks move between splits; an export says what was true when the episode was played."""
    train, heldout = (registry.select(split=split, limit=1)[0].id for split in ("train", "heldout"))
    moved = [a_row(task_id=train, split="heldout"), a_row(task_id=heldout), a_row(task_id=None, split=None)]
    found = dry_run([an_export(tmp_path / "sft.jsonl", moved)], load_recipe(None, tokenizer=tokenizer))
    assert found.prepared.refusals[0].startswith("1 conversations are of held-out tasks")
    file = an_export(tmp_path / "sft.jsonl", [moved[0], moved[2]])
    assert dry_run([file], load_recipe(None, tokenizer=tokenizer)).summary()["splits"] == {"train": 1, "unknown": 1}


def test_the_row_is_named_that_a_template_cannot_render(tmp_path: Path) -> None:
    a_tokenizer(WITHOUT_TOOLS).save_pretrained(str(tmp_path / "tokenizer"))
    file = an_export(tmp_path / "sft.jsonl", [a_text_row(), a_row()])
    with pytest.raises(TemplateUnusable, match=r"sft\.jsonl:2: .*leaves out the tools on offer"):
        dry_run([file], load_recipe(None, tokenizer=str(tmp_path / "tokenizer")))


def test_no_tokenizer_there(export: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="nowhere: no such folder"):
        dry_run([export], load_recipe(None, tokenizer=str(tmp_path / "nowhere")))
    with pytest.raises(ModelUnusable, match="--tokenizer"):
        dry_run([export], load_recipe(None, tokenizer=str(tmp_path)))


def test_a_token_takes_a_few_bytes(tokenizer: str, tmp_path: Path) -> None:
    said = [{"role": role, "content": "word " * 2000} for role in ("user", "assistant")]
    file = an_export(tmp_path / "sft.jsonl", [a_text_row(messages=said) for _ in range(10)])
    recipe = load_recipe(None, ["max_length=30000"], tokenizer=tokenizer)
    packed(prepare([file], recipe, a_tokenizer(), lambda done: None), recipe)  # imports what it needs
    tracemalloc.start()
    prepared = prepare([file], recipe, a_tokenizer(), lambda done: None)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    rows = packed(prepared, recipe)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 8 * prepared.counts.tokens
    assert peak - held + rows.data.nbytes < 24 * prepared.counts.tokens


def test_rows_are_the_sequences_in_order(tokenizer: str, tmp_path: Path) -> None:
    texts = [a_row(number) for number in (7, 3, 5)]
    recipe = load_recipe(None, tokenizer=tokenizer)
    prepared = prepare([an_export(tmp_path / "sft.jsonl", texts)], recipe, a_tokenizer(), lambda done: None)
    for row, text in zip(packed(prepared, recipe), texts, strict=True):
        rendered = a_tokenizer().apply_chat_template(text["messages"], tools=text["tools"], tokenize=False)
        assert a_tokenizer().decode(row["input_ids"]) == rendered
        learned = a_tokenizer().decode([label for label in row["labels"] if label != -100])
        call, submit = (rendered.split("<|im_start|>assistant\n")[place].split("<|im_end|>")[0] for place in (1, 2))
        assert learned == f"{call}<|im_end|>{submit}<|im_end|>"
        assert all(label in (-100, token) for token, label in zip(row["input_ids"], row["labels"], strict=True))


def test_packing_keeps_all_tokens_and_labels(tokenizer: str, export: Path) -> None:
    recipe = load_recipe(None, ["packing=true", "max_length=1000"], tokenizer=tokenizer)
    prepared = prepare([export], recipe, a_tokenizer(), lambda done: None)
    rows = packed(prepared, recipe)
    assert len(rows) == 6  # two of about 375 tokens in each
    assert sum(map(len, rows["input_ids"])) == prepared.counts.tokens
    assert sum(label != -100 for labels in rows["labels"] for label in labels) == prepared.counts.trained
    assert all(
        label in (-100, token)
        for ids, labels in zip(rows["input_ids"], rows["labels"], strict=True)
        for token, label in zip(ids, labels, strict=True)
    )
