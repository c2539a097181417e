"""GRPO (Shao et al. 2024, arXiv 2402.03300) on the tasks themselves, through TRL's environment integration.

`mlgym-synth train grpo` and `benchmarks/grpo_smoke.py` call `train_grpo`. The env is the one that everything else
plays; an episode's reward is its return, and one that infrastructure cut short has none.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlgym_synth import registry
from mlgym_synth.errors import RolloutStopped, TaskNotFound
from mlgym_synth.limits import Limits
from mlgym_synth.llm.acting import system_prompt
from mlgym_synth.sandbox import choose_backend
from mlgym_synth.training import require_extra
from mlgym_synth.training.errors import ExtraMissing, RecipeInvalid, TemplateUnusable
from mlgym_synth.training.grpo_env import Players
from mlgym_synth.training.lora import peft_config, save_student
from mlgym_synth.training.masks import keep_template
from mlgym_synth.training.models import Model, find_model, load_tokenizer, load_weights, tokenizer_sha256
from mlgym_synth.training.processes import first_fault, is_first, wait_for_all
from mlgym_synth.training.recipe import RECIPES, Lora, build, read_yaml
from mlgym_synth.training.run_folder import LOSSES, RunFolder, mark_whole, read_run, remembered_revision, step_of

EPISODES = "episodes.jsonl"
"""A line for each episode of a training: optimizer step, task, seed, return, exit status, steps, fault."""
_LOGGED = ("loss", "reward", "reward_std", "frac_reward_zero_std", "grad_norm", "entropy", "completions/mean_length",
           "tools/call_frequency", "tools/failure_frequency", "step_time")  # fmt: skip


class GrpoRecipe(BaseModel):
    """How a student learns from rewards.

    Attributes:
        description: for people.
        model, tokenizer: a folder, a name on the Hub, or a `.gguf` file; None takes the model's tokenizer.
        steps: optimizer steps.
        generations: episodes of one task and seed, whose returns are compared with each other.
        episodes: tasks a step and process, with `generations` episodes each.
        accumulation: such batches to a step.
        max_completion_length: tokens of an episode behind the statement, the tools' output included.
        max_tool_calls: answers with calls in an episode.
        max_steps: the env's budget; None takes the task's.
        limits: fields of `Limits` that override the task's.
        learning_rate, schedule, max_grad_norm: of AdamW.
        warmup: share of the steps in which the rate rises; a `constant` one does not.
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

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    model: str | None = None
    tokenizer: str | None = None
    steps: int = Field(100, ge=1)
    generations: int = Field(8, ge=2)
    episodes: int = Field(1, ge=1)
    accumulation: int = Field(1, ge=1)
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
    seed: int = Field(0, ge=0)
    log_steps: int = Field(1, ge=1)
    save_steps: int = Field(50, ge=1)
    allow_heldout: bool = False


@dataclass(frozen=True, slots=True)
class GrpoResult:
    """What a training came to.

    Attributes:
        out: where the model is.
        steps: optimizer steps in all.
        seconds: of this call.
        rewards: mean reward of each logged step.
        resumed_from: the step of the checkpoint that it went on from, 0 if none.
        already: so many steps were made before, and nothing was done.
    """

    out: Path
    steps: int
    seconds: float
    rewards: list[float]
    resumed_from: int = 0
    already: bool = False


def shipped_grpo() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    return {file.stem: file for file in sorted((RECIPES / "grpo").glob("*.yaml"))}


def load_grpo_recipe(recipe: str | None, overrides: Sequence[str] = (), **given: Any) -> GrpoRecipe:
    """A recipe by name or file, with settings changed; as `recipe.load_recipe`.

    Raises:
        RecipeInvalid: no such recipe, not YAML, an unknown key, a value out of its range.
    """
    values = {} if recipe is None else read_yaml(recipe, shipped_grpo())
    made = build(GrpoRecipe, recipe or "recipe", values, overrides, given)
    if unknown := sorted(set(made.limits) - set(Limits.model_fields)):
        raise RecipeInvalid(f"limits.{unknown[0]}: unknown. Fields are {', '.join(Limits.model_fields)}.")
    return made


def train_grpo(tasks: Sequence[str], recipe: GrpoRecipe, out: Path, sandbox: str = "auto") -> GrpoResult:
    """Train `recipe.model` by GRPO on the tasks that match, in real sandboxes; run again, it resumes, or adds steps.

    Everything is checked before weights are loaded. TRL calls the tools of a batch's episodes one after the other.

    Args:
        tasks: ids or globs; of them those of the train split, unless the recipe allows others.
        recipe: see `GrpoRecipe`.
        out: the folder for model, checkpoints, `training.json` and `episodes.jsonl`; adapters are in its `adapter`.
        sandbox: as for `SynthEnv`.

    Raises:
        TrainingRefused: packages, recipe, template, model or folder will not do; the message says what to do.
        TaskNotFound: no task matches.
        SandboxUnavailable: no sandbox can be had here.
        RolloutStopped: one episode after the other was cut short; the last checkpoint is kept.
    """
    _require_packages(recipe)
    if recipe.model is None:
        raise RecipeInvalid("model: give a folder, a name on the Hub, or a .gguf file")
    entries = _entries(tasks, recipe)
    choose_backend(sandbox)
    model = find_model(recipe.model, remembered_revision(out, recipe.model))
    tokenizer = checked_tokenizer(recipe.tokenizer or recipe.model, None if recipe.tokenizer else model.revision)
    settings = recipe.model_dump(mode="json", exclude={"description", "steps", "model", "log_steps", "save_steps"})
    folder = RunFolder(out, {
        "grpo": settings, "model": model.identity, "tokenizer": tokenizer_sha256(tokenizer),
        "tasks": {entry.id: entry.sha256 for entry in entries},
    }, (LOSSES, EPISODES))  # fmt: skip
    if folder.state() == "done" and (made := int((read_run(out) or {})["results"]["steps"])) >= recipe.steps:
        return GrpoResult(out, made, 0.0, _rewards(folder), already=True)
    wait_for_all()  # before the first process changes what the others have just read
    if is_first():
        folder.newest_checkpoint()
        folder.begin({"steps": recipe.steps, "model": recipe.model})
    wait_for_all()
    resume = folder.checkpoint()
    players = Players(
        {"max_steps": recipe.max_steps, "limits": recipe.limits or None, "sandbox": sandbox}, out / EPISODES
    )
    began = time.monotonic()
    try:
        with _fewer_warnings():
            trainer = _trainer(recipe, model, tokenizer, entries, players, out)
            keep_template(tokenizer, trainer.chat_template or tokenizer.chat_template)  # TRL has its own of some
            trainer.train(resume_from_checkpoint=str(resume) if resume else None)
            save_student(trainer, recipe.lora, model, recipe.dtype, tokenizer, out)
    finally:
        players.close()
    steps, seconds, rewards = int(trainer.state.global_step), round(time.monotonic() - began, 1), _rewards(folder)
    if is_first():
        folder.finish({"steps": steps, "seconds": seconds, "rewards": rewards})
    wait_for_all()
    return GrpoResult(out, steps, seconds, rewards, step_of(resume) if resume else 0)


def checked_tokenizer(asked: str, revision: str | None = None) -> Any:
    """A tokenizer whose chat template can say tool calls, and whose answers TRL can read.

    Raises:
        ModelUnusable: there is none.
        TemplateUnusable: it cannot; says what to take instead.
    """
    tokenizer = load_tokenizer(asked, revision)
    from trl.chat_template_utils import add_response_schema, supports_tool_calling

    if not supports_tool_calling(tokenizer):
        raise TemplateUnusable(
            f"tokenizer {asked}: its chat template has no tool calls or drops them. Give --tokenizer with one that has"
            " them, for example Qwen/Qwen3-4B."
        )
    if getattr(tokenizer, "response_template", None) is None and getattr(tokenizer, "response_schema", None) is None:
        try:
            add_response_schema(tokenizer)
        except ValueError as error:
            raise TemplateUnusable(
                f"tokenizer {asked}: TRL does not know how to read tool calls in this template's answers. Set"
                " `response_template` in its tokenizer_config.json, or use the chat template of a Qwen3 model."
            ) from error
    return tokenizer


def _require_packages(recipe: GrpoRecipe) -> None:
    require_extra(("accelerate", "datasets", "torch", "transformers", "trl", *(("peft",) if recipe.lora else ())))
    if recipe.vllm is not None and find_spec("vllm") is None:
        raise ExtraMissing("vllm: this recipe generates with it: pip install vllm, or --set vllm=null without it")


def _rewards(folder: RunFolder) -> list[float]:
    return [line["reward"] for line in folder.losses()]


def _entries(tasks: Sequence[str], recipe: GrpoRecipe) -> list[registry.TaskEntry]:
    entries = registry.select(tasks, split="all" if recipe.allow_heldout else "train")
    if not entries:
        raise TaskNotFound(
            f"No task of the train split matches {' '.join(tasks)}. Held-out tasks are for evaluation; the recipe's"
            " allow_heldout trains on them."
        )
    return entries


def rows(entries: Sequence[registry.TaskEntry], recipe: GrpoRecipe) -> list[dict[str, Any]]:
    """What the trainer goes through in this order: a task and a seed for each group of episodes."""
    prompt = [
        {"role": "system", "content": system_prompt(in_text=False)},
        {"role": "user", "content": ""},
    ]  # `reset` adds the statement
    rng, found = random.Random(recipe.seed), list[dict[str, Any]]()
    groups = recipe.steps * recipe.episodes * recipe.accumulation * int(os.environ.get("WORLD_SIZE", "1"))
    while len(found) < groups:
        for entry in rng.sample(list(entries), len(entries)):
            found.append({"prompt": prompt, "task": entry.address, "seed": rng.randrange(2**31)})
    return found[:groups]


def _trainer(
    recipe: GrpoRecipe, model: Model, tokenizer: Any, entries: Sequence[registry.TaskEntry], players: Players, out: Path
) -> Any:
    """TRL's trainer, with the environments made by `players`."""
    from datasets import Dataset
    from transformers.trainer_callback import PrinterCallback
    from transformers.utils import logging
    from trl import GRPOTrainer

    class Trainer(GRPOTrainer):  # type: ignore[misc]  # of a library without types
        def create_model_card(self, *_: Any, **__: Any) -> None:
            """Nothing: TRL's card speaks of its authors."""

        def _calculate_rewards(self, *given: Any, **named: Any) -> Any:
            """TRL's, which gathers all processes' rewards; only then may one of them end training, and all do."""
            players.step = self.state.global_step + 1
            rewards = super()._calculate_rewards(*given, **named)
            if (stopped := first_fault(players.stopped)) is not None:
                raise RolloutStopped(stopped)
            return rewards

    logging.disable_progress_bar()
    trainer = Trainer(
        model=load_weights(model, recipe.dtype, None, len(tokenizer)),
        args=_arguments(recipe, out),
        train_dataset=Dataset.from_list(rows(entries, recipe)),
        processing_class=tokenizer,
        peft_config=peft_config(recipe.lora),
        environment_factory=players,
        callbacks=[_watch()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


@contextlib.contextmanager
def _fewer_warnings() -> Iterator[None]:
    """Without TRL's that its integration is new, and transformers' about a name that TRL uses."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are using 'environment_factory'", UserWarning)
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def _watch() -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]  # as above
        """Writes the curve, and marks checkpoints that are whole."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if state.is_world_process_zero and "reward" in (logs or {}):
                line = {"step": state.global_step, **{key: float(logs[key]) for key in _LOGGED if key in logs}}
                with Path(args.output_dir, LOSSES).open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            wait_for_all()  # every process writes its random state
            if state.is_world_process_zero:
                mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return Watch()


def _arguments(recipe: GrpoRecipe, out: Path) -> Any:
    import torch
    from trl import GRPOConfig

    vllm = {} if recipe.vllm is None else {
        "use_vllm": True, "vllm_mode": recipe.vllm, "vllm_gpu_memory_utilization": recipe.vllm_memory,
        "vllm_max_model_length": recipe.vllm_context,
    }  # fmt: skip
    return GRPOConfig(
        output_dir=str(out),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.generations * recipe.episodes,
        gradient_accumulation_steps=recipe.accumulation,
        num_generations=recipe.generations,
        max_completion_length=recipe.max_completion_length,
        max_tool_calling_iterations=recipe.max_tool_calls,
        temperature=recipe.temperature,
        beta=recipe.beta,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup,  # below 1 it is a share
        max_grad_norm=recipe.max_grad_norm,
        bf16=recipe.bf16,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        activation_checkpointing=recipe.gradient_checkpointing,
        logging_steps=recipe.log_steps,
        save_steps=recipe.save_steps,
        save_total_limit=2,
        shuffle_dataset=False,  # `rows` has shuffled
        seed=recipe.seed,
        report_to="none",
        disable_tqdm=True,
        **vllm,
    )
