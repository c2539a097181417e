"""Recipes of GRPO: the shipped ones, and what is refused before anything else is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlgym_synth.cli import main
from mlgym_synth.training.errors import RecipeInvalid
from mlgym_synth.training.grpo import _arguments, load_grpo_recipe, shipped_grpo
from tests.training.test_grpo import TASK


def test_recipes_are_whole() -> None:
    assert set(shipped_grpo()) == {"qwen3-4b", "qwen3-0.6b-lora"}
    for name in shipped_grpo():
        recipe = load_grpo_recipe(name)
        assert recipe.vllm == "colocate"
        assert "not run" in recipe.description
    assert load_grpo_recipe("qwen3-4b").processes == 8  # as its description says


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generations=1", "generations"),
        ("temprature=1", "did you mean 'temperature'"),
        ("limits.tool_seconds=1", r"limits\.tool_seconds: unknown"),
        ("limits.tool_s=-5", r"limits\.tool_s -5\.0: .*greater than 0"),
        ("limits.memory_mib=200.5", r"limits\.memory_mib 200\.5: .*integer"),
        ("limits.tool_s=.inf", "limits.tool_s inf: .*finite"),
        ("learning_rate=.inf", "learning_rate inf: .*finite"),
        ("learning_rate=inf", "learning_rate inf: .*finite"),
        ("temperature=.inf", "temperature inf: .*finite"),
        ("beta=.nan", "beta nan: .*finite"),
        ("log_steps=3", "save_steps 50: must be a multiple of log_steps 3"),
    ],
)
def test_what_cannot_be_set_is_refused(override: str, message: str) -> None:
    with pytest.raises(RecipeInvalid, match=message):
        load_grpo_recipe(None, [override])


def test_impossible_limits_claim_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    asked = ["train", "grpo", "--tasks", TASK, "--model", "m", "--out", str(out), "--set", "limits.tool_s=-5"]
    assert main(asked) == 2
    assert "recipe: limits.tool_s -5.0: " in capsys.readouterr().err
    assert not out.exists()


def test_the_rate_rises_as_the_recipe_says(tmp_path: Path) -> None:
    recipe = load_grpo_recipe(None, ["schedule=constant_with_warmup", "warmup=0.25", "steps=8"])
    assert _arguments(recipe, tmp_path).get_warmup_steps(8) == 2
    assert load_grpo_recipe("qwen3-4b").warmup > 0


@pytest.mark.parametrize(
    ("schedule", "warmup", "grows"),
    [
        ("constant", 0.03, True),
        ("constant_with_warmup", 0, True),
        ("constant_with_warmup", 0.03, False),
        ("linear", 0, False),
        ("cosine", 0, False),
    ],
)
def test_steps_can_be_added_where_rates_do_not_depend_on_them(schedule: str, warmup: float, grows: bool) -> None:
    assert load_grpo_recipe(None, [f"schedule={schedule}", f"warmup={warmup}"]).grows is grows
