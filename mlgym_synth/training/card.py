"""The model card of a student: what it was trained on and how, with hashes, so that it can be told and made again."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

import yaml

import mlgym_synth
from mlgym_synth.training.grpo_recipe import GrpoRecipe
from mlgym_synth.training.recipe import SftRecipe

_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers")


def versions() -> dict[str, str]:
    """Of the packages that decide on the result."""
    found = {"mlgym-synth": mlgym_synth.__version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write_sft_card(folder: Path, recipe: SftRecipe, run: dict[str, Any], results: dict[str, Any]) -> Path:
    """Write `README.md`, in the format of the Hub's model cards, for a student of SFT.

    Args:
        folder: of the student.
        recipe: as it was trained.
        run: what `training.json` says: `identity`, `data`, `base_model`, `versions`.
        results: `steps`, `first_loss`, `last_loss`, `seconds`.

    Returns:
        The file.
    """
    counts = run["data"]["counts"]
    return _write(folder, "sft", recipe, run, (
        "fine-tuned on trajectories of machine-learning research agents with mlgym-synth",
        f"the loss is of {'the assistant alone' if recipe.assistant_only_loss else 'the whole conversation'}",
    ), (
        f"## Data\n\n{_data(run)}\n\n"
        f"{counts['kept']:,} of {counts['rows']:,} conversations about {counts['tasks']:,} tasks"
        f" (splits: {', '.join(f'{name} {number:,}' for name, number in counts['splits'].items())});"
        f" {counts['tokens']:,} tokens, {counts['trained_tokens']:,} of them trained on.\n\n"
        f"## Result\n\n{_made(results)};"
        f" loss {_number(results['first_loss'])} at first, {_number(results['last_loss'])} at last (`loss.jsonl`)."
        " A loss says nothing about how well it solves tasks: `mlgym-synth benchmark` does.\n\n"
    ), f"  \nMasks: {run['data']['masks']}")  # fmt: skip


def write_grpo_card(folder: Path, recipe: GrpoRecipe, run: dict[str, Any], results: dict[str, Any]) -> Path:
    """The same for a student of GRPO.

    Args:
        folder: of the student.
        recipe: as it was trained.
        run: what `training.json` says: `identity`, `base_model`, `versions`.
        results: `steps`, `rewards`, `seconds`.

    Returns:
        The file.
    """
    tasks, rewards = run["identity"]["tasks"], results["rewards"]
    first, last = (_number(value) for value in ((rewards[0], rewards[-1]) if rewards else (None, None)))
    return _write(folder, "grpo", recipe, run, (
        "trained by GRPO on machine-learning research tasks, in the environments of mlgym-synth",
        "the reward of an episode is its return",
    ), (
        f"## Tasks\n\n{_table(('task', 'sha256'), [(name, f'`{sha256}`') for name, sha256 in tasks.items()])}\n\n"
        f"{recipe.generations:,} episodes of a task and seed are compared with each other;"
        f" {run['identity']['processes']:,} processes played together. Every episode is in `episodes.jsonl`.\n\n"
        f"## Result\n\n{_made(results)}; mean return {first} at first, {last} at last (`loss.jsonl`)."
        " These are returns of the tasks that it was trained on: `mlgym-synth benchmark` says how well it solves"
        " others.\n\n"
    ))  # fmt: skip


def _write(
    folder: Path,
    way: str,
    recipe: SftRecipe | GrpoRecipe,
    run: dict[str, Any],
    told: tuple[str, str],
    middle: str,
    end: str = "",
) -> Path:
    """What cards have in common around what is `told` about the way of training, and the sections in the middle."""
    base = str(run["base_model"])
    front: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["mlgym-synth", way, "trl", *(["lora"] if recipe.lora else [])],
    }
    if "hub" in run["identity"]["model"]:
        front = {"base_model": base, **front}
    file = folder / "README.md"
    file.write_text(
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n"
        f"# {folder.resolve().name}\n\n"
        f"`{base}` {told[0]}. {'LoRA, merged into the weights' if recipe.lora else 'All weights were trained'};"
        f" {told[1]}.\n\n"
        f"{middle}"
        f"## Recipe\n\nsha256 `{recipe.sha256()}`\n\n"
        f"```yaml\n{yaml.safe_dump(recipe.model_dump(mode='json'), sort_keys=False)}```\n\n"
        f"Base model: `{json.dumps(run['identity']['model'])}`  \n"
        f"Tokenizer and chat template: sha256 `{run['identity']['tokenizer_sha256']}`{end}\n\n"
        f"## Versions\n\n{_table(('package', 'version'), run['versions'].items())}\n\n"
        f"## Use\n\n```bash\nmlgym-synth train serve {folder.resolve().name}\n```\n",
        encoding="utf-8",
    )
    return file


def _made(results: dict[str, Any]) -> str:
    return (
        f"{results['steps']:,} steps in {results['seconds'] / 3600:.2f} h, all resumptions together"
        " (what a killed process did after its last checkpoint is not counted)"
    )


def _data(run: dict[str, Any]) -> str:
    rows = [
        (Path(source["file"]).name, f"{source['rows']:,}", f"`{source['sha256']}`") for source in run["data"]["sources"]
    ]
    return _table(("file", "conversations", "sha256"), rows)


def _table(columns: tuple[str, ...], rows: Any) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
