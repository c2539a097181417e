"""Recipes: all that decides how a student is trained, as frozen data read from YAML.

The shipped ones lie in `recipes/`; a file of one's own, or single settings on the command line, change them.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlgym_synth.training.errors import RecipeInvalid

RECIPES = Path(__file__).parent / "recipes"
LAUNCH = Path(__file__).parent / "launch"
"""Configurations for `accelerate launch --config_file`."""


class Lora(BaseModel):
    """Low-rank adapters instead of full fine-tuning (Hu et al. 2021, arXiv 2106.09685).

    Attributes:
        r: rank.
        alpha: the update is scaled by alpha / r.
        dropout: on the adapters' input.
        targets: names of the modules that get one; `all-linear` is all but the output layer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    r: int = Field(16, ge=1)
    alpha: float = Field(32, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class BaseRecipe(BaseModel):
    """What all recipes have.

    Attributes:
        description: for people.
        seed: of all that is drawn.
        log_steps, save_steps: steps between lines of the curve, and between checkpoints.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    description: str = ""
    seed: int = Field(0, ge=0, lt=2**32)
    log_steps: int = Field(1, ge=1)
    save_steps: int = Field(50, ge=1)

    @model_validator(mode="after")
    def _no_line_is_lost(self) -> Self:
        if self.save_steps % self.log_steps:  # what was not logged yet is not in a checkpoint
            raise ValueError(f"save_steps {self.save_steps}: must be a multiple of log_steps {self.log_steps}")
        return self

    def sha256(self) -> str:
        """Of the settings, as canonical JSON; the description does not count."""
        text = json.dumps(self.model_dump(mode="json", exclude={"description"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class SftRecipe(BaseRecipe):
    """How a student is fine-tuned on an export.

    Attributes:
        description: for people.
        model: a folder, a name on the Hub, or a `.gguf` file.
        tokenizer: the same; None takes the model's.
        max_length: tokens of a sequence.
        overlong: what happens to longer ones.
        packing: several conversations to a sequence, which do not see each other.
        assistant_only_loss: learn what the assistant said; else all of the conversation.
        lora: adapters, merged into the model in the end; None trains all weights.
        dtype: of the weights in memory; auto is float32, but bfloat16 for the frozen ones under LoRA on a GPU.
        bf16: mixed precision; auto is where there is a GPU that has it.
        attention: implementation, as transformers names them; None leaves it to transformers.
        gradient_checkpointing: half the speed lost for most of the activations' memory saved.
        learning_rate, schedule, weight_decay, max_grad_norm: of AdamW.
        warmup: share of the steps in which the rate rises from zero; none of them where that is less than two steps.
        epochs: passes over the data; `max_steps` overrides them.
        batch: sequences a step and process, `accumulation` times.
        processes: what the batch was chosen for; another number is refused. None takes any.
        seed: of data order, adapters and dropout.
        log_steps, save_steps: steps between losses written down, and between checkpoints.
        keep_checkpoints: the newest that stay; at least two, so that one is whole whenever the process dies.
        allow_heldout: train on held-out tasks too, which makes them useless for evaluation.
    """

    model: str | None = None
    tokenizer: str | None = None
    max_length: int = Field(2048, ge=8)
    overlong: Literal["error", "truncate", "drop"] = "error"
    packing: bool = False
    assistant_only_loss: bool = True
    lora: Lora | None = None
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    bf16: Literal["auto"] | bool = "auto"
    attention: str | None = None
    gradient_checkpointing: bool = True
    learning_rate: float = Field(2e-5, gt=0)
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup: float = Field(0.03, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    epochs: float = Field(1.0, gt=0)
    max_steps: int | None = Field(None, ge=1)
    batch: int = Field(1, ge=1)
    accumulation: int = Field(8, ge=1)
    processes: int | None = Field(None, ge=1)
    keep_checkpoints: int = Field(2, ge=2)
    allow_heldout: bool = False


Recipe = TypeVar("Recipe", bound=BaseModel)
_SHORT_NAMES = {
    "lr": "learning_rate",
    "bs": "batch",
    "batch_size": "batch",
    "wd": "weight_decay",
    "max_len": "max_length",
}
"""What people write elsewhere."""


def shipped() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    return {file.stem: file for file in sorted(RECIPES.glob("*.yaml"))}


def load_recipe(recipe: str | None, overrides: Sequence[str] = (), **given: Any) -> SftRecipe:
    """A recipe by name or file, with settings changed.

    Args:
        recipe: the name of a shipped one or a YAML file; None starts from the defaults.
        overrides: `key=value` each, the value as YAML, `lora.r=8` for what lies deeper.
        given: settings by name, which go over all others; None leaves what is there.

    Raises:
        RecipeInvalid: no such recipe, not YAML, an unknown key, a value out of its range.
    """
    values = {} if recipe is None else read_yaml(recipe, shipped())
    return build(SftRecipe, recipe or "recipe", values, overrides, given)


def read_yaml(recipe: str, known: Mapping[str, Path]) -> dict[str, Any]:
    """The mapping in a YAML file, or in a known one by name."""
    file = known.get(recipe, Path(recipe).expanduser())
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        near = difflib.get_close_matches(recipe, known, 1)
        hint = f"Did you mean {near[0]}? " if near else ""
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RecipeInvalid(
            f"recipe {recipe}: {reason}. {hint}Give a YAML file or one of {', '.join(sorted(known))}."
        ) from error
    except yaml.YAMLError as error:
        raise RecipeInvalid(f"recipe {recipe}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise RecipeInvalid(f"recipe {recipe}: must be `key: value` lines, and is {type(values).__name__}")
    return values


def build(
    kind: type[Recipe], name: str, values: dict[str, Any], overrides: Sequence[str], given: Mapping[str, Any]
) -> Recipe:
    """A checked recipe of `values`, changed by `key=value` overrides and then by what is given by name.

    Raises:
        RecipeInvalid: naming the key, and what was near it.
    """
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise RecipeInvalid(f"--set {override}: give key=value, for example --set learning_rate=1e-5")
        _put(values, key.strip().split("."), _value(override, text))
    values.update({key: value for key, value in given.items() if value is not None})
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RecipeInvalid(f"{name}: {'; '.join(_explain_errors(kind, error))}") from error


def _value(override: str, text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeInvalid(f"--set {override}: not YAML after the equals sign") from error
    try:
        return float(value) if isinstance(value, str) else value  # YAML 1.1 reads 1e-5 as text
    except ValueError:
        return value


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        below = values.get(key)
        below = dict(below) if isinstance(below, dict) else {}
        values[key] = below
        values = below
    values[path[-1]] = value


def _explain_errors(kind: type[BaseModel], error: ValidationError) -> Iterator[str]:
    known = [*kind.model_fields, *(f"lora.{key}" for key in Lora.model_fields if "lora" in kind.model_fields)]
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            near = [_SHORT_NAMES[key]] if _SHORT_NAMES.get(key) in known else difflib.get_close_matches(key, known, 1)
            yield f"unknown key {key!r}" + (f", did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}")
        else:
            text = fault["msg"].removeprefix("Value error, ")
            yield f"{key} {fault['input']!r}: {text}" if key else text
