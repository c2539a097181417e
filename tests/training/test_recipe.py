"""Recipes: the shipped ones, files of one's own, single settings; what is unknown or impossible is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlgym_synth.training.errors import RecipeInvalid
from mlgym_synth.training.recipe import LAUNCH, SftRecipe, load_recipe, shipped


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_recipes_are_whole(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.description
    assert recipe.model
    assert recipe.assistant_only_loss


def test_the_large_ones_are_the_papers() -> None:
    for name in ("qwen3-4b", "qwen3-8b"):
        recipe = load_recipe(name)
        assert (recipe.max_length, recipe.packing, recipe.processes) == (32768, True, 8)
    launcher = yaml.safe_load((LAUNCH / "fsdp-8gpu.yaml").read_text())
    assert launcher["num_processes"] == recipe.processes


def test_the_command_line_goes_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("model: there\nlearning_rate: 1.0e-4\nlora: {r: 4}\n")
    changed = ["learning_rate=1e-5", "lora.dropout=0.1", "schedule=linear", "max_steps=3"]
    recipe = load_recipe(str(tmp_path / "mine.yaml"), changed, model="here", tokenizer=None)
    assert (recipe.model, recipe.learning_rate, recipe.schedule, recipe.max_steps) == ("here", 1e-5, "linear", 3)
    assert recipe.lora is not None
    assert (recipe.lora.r, recipe.lora.dropout) == (4, 0.1)
    assert load_recipe(str(tmp_path / "mine.yaml"), ["lora=null"]).lora is None
    assert recipe.sha256() != load_recipe(str(tmp_path / "mine.yaml")).sha256()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learning_rat=1", "unknown key 'learning_rat', did you mean 'learning_rate'"),
        ("lora.rank=8", "unknown key 'lora.rank'"),
        ("zzz=1", "unknown key 'zzz'; known: .*max_length"),
        ("batch=0", "batch 0: .*greater than or equal to 1"),
        ("overlong=cut", "overlong 'cut': .*'truncate'"),
        ("epochs=many", "epochs 'many'"),
        ("learning_rate=.inf", "learning_rate inf: .*finite"),
        ("lora.alpha=.inf", "lora.alpha inf: .*finite"),
        ("epochs=.nan", "epochs nan: "),
        ("seed=99999999999999999999", "seed 99999999999999999999: .*less than 4294967296"),
        ("save_steps=7", None),
        ("learning_rate", "give key=value"),
        ("lora={r: ", "not YAML"),
        ("keep_checkpoints=1", "keep_checkpoints 1"),
    ],
)
def test_what_cannot_be_set_is_refused(override: str, message: str | None) -> None:
    if message is None:
        with pytest.raises(RecipeInvalid, match="save_steps 7: must be a multiple of log_steps 2"):
            load_recipe(None, [override, "log_steps=2"])
        return
    with pytest.raises(RecipeInvalid, match=message):
        load_recipe(None, [override])


@pytest.mark.parametrize(
    ("text", "message"), [("model: [", "not YAML"), ("- a\n- b\n", "is list"), ("", "is NoneType"), ("lr: 1", "'lr'")]
)
def test_broken_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(RecipeInvalid, match=message) as caught:
        load_recipe(str(tmp_path / "mine.yaml"))
    assert "mine.yaml" in str(caught.value)


def test_a_recipe_that_is_not_there_is_refused_with_its_neighbours() -> None:
    with pytest.raises(RecipeInvalid, match=r"Did you mean qwen3-8b\? .*smollm2-135m"):
        load_recipe("qwen3-8")


def test_recipes_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        SftRecipe().batch = 2  # type: ignore[misc]
