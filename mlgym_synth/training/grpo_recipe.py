"""Recipes of GRPO: all that decides how a student learns from rewards. `grpo.py` trains by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from mlgym_synth.limits import Limits
from mlgym_synth.training.recipe import RECIPES, BaseRecipe, Lora, build, read_yaml


class GrpoRecipe(BaseRecipe):
    """How a student learns from rewards.

    Attributes:
        description: for people.
        model, tokenizer: a folder, a name on the Hub, or a `.gguf` file; None takes the model's tokenizer.
        steps: optimizer steps. More can be added later where `grows` says so.
        generations: episodes of one task and seed, whose returns are compared with each other.
        episodes: tasks a step and process, with `generations` episodes each.
        accumulation: such batches to a step.
        processes: what the batch was chosen for; another number is refused. None takes any.
        max_completion_length: tokens of an episode behind the statement, the tools' output included.
        max_tool_calls: answers with calls in an episode.
        max_steps: the env's budget; None takes the task's.
        limits: fields of `Limits` that override the task's.
        learning_rate, schedule, max_grad_norm: of AdamW.
        warmup: share of the steps in which the rate rises from zero; none of them where that is less than two steps,
            and none with `constant`.
        beta: weight of the KL term to the untrained model; 0 leaves it out, and that model out of memory.
        temperature: of sampling.
        lora: adapters, merged into the model in the end; None trains all weights.
        dtype: of the weights in memory; bf16: mixed precision.
        gradient_checkpointing: half the speed lost for most of the activations' memory saved.
        vllm: generate with vLLM in this process (`colocate`) or by `trl vllm-serve` (`server`); None: transformers.
        vllm_memory: share of a GPU's memory that vLLM takes, if colocated.
        vllm_context: longest sequence for vLLM; None takes the model's.
        seed: of task order, sampling and adapters.
        log_steps, save_steps: steps between figures written down, and between checkpoints.
        allow_heldout: train on held-out tasks too, which makes them useless for evaluation.
    """

    model: str | None = None
    tokenizer: str | None = None
    steps: int = Field(100, ge=1)
    generations: int = Field(8, ge=2)
    episodes: int = Field(1, ge=1)
    accumulation: int = Field(1, ge=1)
    processes: int | None = Field(None, ge=1)
    max_completion_length: int = Field(8192, ge=16)
    max_tool_calls: int = Field(30, ge=1)
    max_steps: int | None = Field(None, ge=1)
    limits: dict[str, float] = Field(default_factory=dict)
    learning_rate: float = Field(1e-6, gt=0)
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "constant"
    warmup: float = Field(0.03, ge=0, lt=1)
    max_grad_norm: float = Field(1.0, gt=0)
    beta: float = Field(0.0, ge=0)
    temperature: float = Field(1.0, gt=0)
    lora: Lora | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"
    bf16: bool = False
    gradient_checkpointing: bool = False
    vllm: Literal["colocate", "server"] | None = None
    vllm_memory: float = Field(0.3, gt=0, lt=1)
    vllm_context: int | None = Field(None, ge=64)
    allow_heldout: bool = False

    @model_validator(mode="after")
    def _limits_are_possible(self) -> GrpoRecipe:
        try:
            Limits.model_validate(self.limits)
        except ValidationError as error:
            raise ValueError("; ".join(_explain_errors(error))) from error
        return self

    @property
    def grows(self) -> bool:
        """Whether steps can be added to a training: where the learning rate of none depends on how many there are."""
        return self.schedule == "constant" or (self.schedule == "constant_with_warmup" and self.warmup == 0)


def shipped_grpo() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    return {file.stem: file for file in sorted((RECIPES / "grpo").glob("*.yaml"))}


def load_grpo_recipe(recipe: str | None, overrides: Sequence[str] = (), **given: Any) -> GrpoRecipe:
    """A recipe by name or file, with settings changed; as `recipe.load_recipe`.

    Raises:
        RecipeInvalid: no such recipe, not YAML, an unknown key, a value out of its range.
    """
    values = {} if recipe is None else read_yaml(recipe, shipped_grpo())
    return build(GrpoRecipe, recipe or "recipe", values, overrides, given)


def _explain_errors(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        key = ".".join(("limits", *map(str, fault["loc"])))
        if fault["type"] == "extra_forbidden":
            yield f"{key}: unknown. Fields are {', '.join(Limits.model_fields)}."
        else:
            yield f"{key} {fault['input']!r}: {fault['msg']}"
